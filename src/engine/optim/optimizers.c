/* The table of optimisers. A new one is a file and a word here. */
#include "engine/optim/optimizer.h"

const struct optimizer *const optimizers[] = {&optimizer_adagrad, &optimizer_adam, &optimizer_ftrl, &optimizer_sgd, NULL};

double optim_lr(const struct optimizer *o, const void *params, uint64_t t)
{
    (void)o, (void)t;
    return ((const struct optim_common *)params)->lr;
}

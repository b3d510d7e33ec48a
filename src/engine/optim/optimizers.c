/* The table of optimisers. A new one is a file and a word here. */
#include "engine/optim/optimizer.h"

const struct optimizer *const optimizers[] = {&optimizer_adafactor, &optimizer_adagrad,
                                              &optimizer_adam,      &optimizer_adamw,
                                              &optimizer_ftrl,      &optimizer_lamb,
                                              &optimizer_lbfgs,     &optimizer_momentum,
                                              &optimizer_nag,       &optimizer_nesterov,
                                              &optimizer_rmsprop,   &optimizer_rowwise_adagrad,
                                              &optimizer_sgd,       NULL};

struct param_states optimizer_states(const struct optimizer *o, const void *params)
{
    struct param_states s = {0};
    size_t most = o->states ? o->states(params) : STATES_MAX;
    while (s.count < most && o->state[s.count].name) s.desc[s.count] = o->state[s.count], s.count++;
    if (o->initial) o->initial(params, s.initial);
    return s;
}

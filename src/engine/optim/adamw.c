/* AdamW: first w *= 1 - eta lambda, then Adam's step; the decay is not in the gradient, so it does not pass through the moments. Lazy on rows: those
 * without a gradient neither move nor decay, so a rare row decays by its own steps, not by all. Tensors that penalties leave alone (the bias) do not
 * decay. t is the global step. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/core/float.h"
#include "engine/optim/optimizer.h"

struct adamw_params {
    struct optim_common common;
    double weight_decay, beta1, beta2, epsilon;
};

static const struct option adamw_options[] = {
    OPTIM_COMMON_OPTIONS(struct adamw_params, 0.001),
    {"weight_decay", OPT_REAL, offsetof(struct adamw_params, weight_decay), 0.01, 0, 1e3, "lambda: a touched weight first shrinks by lr times this",
     NULL, 0, NULL},
    {"beta1", OPT_REAL, offsetof(struct adamw_params, beta1), 0.9, 0, 1, "decay of the first moment", NULL, OPTION_BELOW_MAX, NULL},
    {"beta2", OPT_REAL, offsetof(struct adamw_params, beta2), 0.999, 0, 1, "decay of the second moment", NULL, OPTION_BELOW_MAX, NULL},
    {"epsilon", OPT_REAL, offsetof(struct adamw_params, epsilon), 1e-8, 0, 1, "added to the root of the second moment", NULL, OPTION_ABOVE_MIN, NULL},
    {0}};

KERNEL_DECLARE(void, adam_rows, (const struct update_rows *r, float keep, float b1, float b2, float epsilon, float correct1, float correct2));

static void adamw_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float, float, float, float, float, float) = KERNEL_TABLE(adam_rows);
    const struct adamw_params *p = params;
    float correct1 = (float)(1 / (1 - float_power(p->beta1, step->t))), correct2 = (float)(1 / (1 - float_power(p->beta2, step->t)));
    float keep = step->decays ? (float)(1 - (double)rows->lr * p->weight_decay) : 1;
    table[cpu_level()](rows, keep, (float)p->beta1, (float)p->beta2, (float)p->epsilon, correct1, correct2);
}

const struct optimizer optimizer_adamw = {.kind = {"adamw", "Adam with decoupled weight decay, lazy on rows",
                                                   "Loshchilov and Hutter 2019, Decoupled weight decay regularization", sizeof(struct adamw_params),
                                                   adamw_options},
                                          .state = {{"m", STATE_WEIGHT}, {"v", STATE_WEIGHT}},
                                          .update = adamw_update};

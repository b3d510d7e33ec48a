/* RMSProp: v = rho v + (1 - rho) g^2; w -= eta g / sqrt(v + eps), eps inside the root. Lazy on rows: the mean of a row decays at its gradients
 * alone. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/optimizer.h"

struct rmsprop_params {
    struct optim_common common;
    double rho, epsilon;
};

static const struct option rmsprop_options[] = {
    OPTIM_COMMON_OPTIONS(struct rmsprop_params, 0.001),
    {"rho", OPT_REAL, offsetof(struct rmsprop_params, rho), 0.9, 0, 1, "share of the mean square that a step keeps", NULL, OPTION_BELOW_MAX, NULL},
    {"epsilon", OPT_REAL, offsetof(struct rmsprop_params, epsilon), 1e-8, 0, 1, "added to the mean square, inside the root", NULL, OPTION_ABOVE_MIN,
     NULL},
    {0}};

KERNEL_DECLARE(void, rmsprop_rows, (const struct update_rows *r, float rho, float epsilon));

static void rmsprop_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float, float) = KERNEL_TABLE(rmsprop_rows);
    const struct rmsprop_params *p = params;
    (void)step;
    table[cpu_level()](rows, (float)p->rho, (float)p->epsilon);
}

const struct optimizer optimizer_rmsprop = {.kind = {"rmsprop", "rates from a decaying mean of squared gradients, lazy on rows",
                                                     "Tieleman and Hinton 2012, lecture 6.5", sizeof(struct rmsprop_params), rmsprop_options},
                                            .state = {{"v", STATE_WEIGHT}},
                                            .update = rmsprop_update};

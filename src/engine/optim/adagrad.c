/* AdaGrad: n += g^2; w -= eta g / (sqrt(n) + eps), eps outside the root, n from `initial_accumulator`. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/learn.h"
#include "engine/optim/optimizer.h"

struct adagrad_params {
    struct optim_common common;
    double epsilon, initial_accumulator;
};

static const struct option adagrad_options[] = {
    OPTIM_COMMON_OPTIONS(struct adagrad_params, 0.05),
    {"epsilon", OPT_REAL, offsetof(struct adagrad_params, epsilon), 1e-8, 0, 1, "added to the root of the accumulator", NULL, 0, NULL},
    {"initial_accumulator", OPT_REAL, offsetof(struct adagrad_params, initial_accumulator), 1e-4, 0, 1e6,
     "n before the first gradient; larger damps the first steps", NULL, 0, NULL},
    {0}};

static void adagrad_initial(const void *params, float out[STATES_MAX])
{
    out[0] = (float)((const struct adagrad_params *)params)->initial_accumulator;
}

KERNEL_DECLARE(void, adagrad_rows, (const struct update_rows *r, float epsilon));

static void adagrad_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float) = KERNEL_TABLE(adagrad_rows);
    const struct adagrad_params *p = params;
    (void)step;
    table[cpu_level()](rows, (float)p->epsilon);
}

KERNEL_DECLARE(void, adagrad_learn, (const struct learn_rows *r, float epsilon));

static void adagrad_learn(const void *params, const struct learn_rows *rows)
{
    static void (*const table[])(const struct learn_rows *, float) = KERNEL_TABLE(adagrad_learn);
    table[cpu_level()](rows, (float)((const struct adagrad_params *)params)->epsilon);
}

const struct optimizer optimizer_adagrad = {.kind = {"adagrad", "per-coordinate rates from the sum of squared gradients",
                                                     "Duchi, Hazan, Singer 2011, JMLR 12", sizeof(struct adagrad_params), adagrad_options},
                                            .state = {{"n", STATE_WEIGHT}},
                                            .initial = adagrad_initial,
                                            .update = adagrad_update,
                                            .learn = adagrad_learn};

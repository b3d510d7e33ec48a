/* FTRL-proximal (McMahan et al. 2013, algorithm 1): with 1 / eta = (beta + sqrt(n)) / alpha, n counting the new g^2,
 *   z += g - (1 / eta - 1 / eta_before) w;   w = 0 if |z| <= l1, else -(z - sgn(z) l1) / (1 / eta + l2)
 * alpha is `lr` under its schedule. A w that is not 0 says by itself what z was and at which rate, z = -(1 / eta_before + l2) w - sgn(w) l1, so
 *   z = g - (1 / eta + l2) w - sgn(w) l1
 * which is right also where alpha has changed meanwhile, and for rows that start from other values than 0. g is the batch's mean gradient, so l1 and
 * l2 are a step's, not an example's. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/learn.h"
#include "engine/optim/optimizer.h"

struct ftrl_params {
    struct optim_common common;
    double beta, l1, l2;
};

static const struct option ftrl_options[] = {
    OPTIM_COMMON_OPTIONS(struct ftrl_params, 0.1),
    {"beta", OPT_REAL, offsetof(struct ftrl_params, beta), 1, 0, 1e6, "smooths the first rates: alpha / (beta + sqrt(n))", NULL, 0, NULL},
    {"l1", OPT_REAL, offsetof(struct ftrl_params, l1), 0, 0, 1e6, "proximal L1: gives exact zeros", NULL, 0, NULL},
    {"l2", OPT_REAL, offsetof(struct ftrl_params, l2), 0, 0, 1e6, "proximal L2", NULL, 0, NULL},
    {0}};

KERNEL_DECLARE(void, ftrl_rows, (const struct update_rows *r, float beta, float l1, float l2));

static void ftrl_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float, float, float) = KERNEL_TABLE(ftrl_rows);
    const struct ftrl_params *p = params;
    (void)step;
    table[cpu_level()](rows, (float)p->beta, (float)p->l1, (float)p->l2);
}

KERNEL_DECLARE(void, ftrl_learn, (const struct learn_rows *r, float beta, float l1, float l2));

static void ftrl_learn(const void *params, const struct learn_rows *rows)
{
    static void (*const table[])(const struct learn_rows *, float, float, float) = KERNEL_TABLE(ftrl_learn);
    const struct ftrl_params *p = params;
    table[cpu_level()](rows, (float)p->beta, (float)p->l1, (float)p->l2);
}

const struct optimizer optimizer_ftrl = {.kind = {"ftrl", "follow the regularised leader, proximal: sparse models",
                                                  "McMahan et al. 2013, Ad click prediction: a view from the trenches", sizeof(struct ftrl_params),
                                                  ftrl_options},
                                         .state = {{"z", STATE_WEIGHT}, {"n", STATE_WEIGHT}},
                                         .owns_weights = true,
                                         .update = ftrl_update,
                                         .learn = ftrl_learn};

/* Stochastic gradient descent: w -= eta g. No state. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/learn.h"
#include "engine/optim/optimizer.h"

struct sgd_params {
    struct optim_common common;
};

static const struct option sgd_options[] = {OPTIM_COMMON_OPTIONS(struct sgd_params, 0.1), {0}};

KERNEL_DECLARE(void, sgd_rows, (const struct update_rows *r));

static void sgd_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *) = KERNEL_TABLE(sgd_rows);
    (void)params, (void)step;
    table[cpu_level()](rows);
}

KERNEL_DECLARE(void, sgd_learn, (const struct learn_rows *r));

static void sgd_learn(const void *params, const struct learn_rows *rows)
{
    static void (*const table[])(const struct learn_rows *) = KERNEL_TABLE(sgd_learn);
    (void)params;
    table[cpu_level()](rows);
}

const struct optimizer optimizer_sgd = {
    .kind = {"sgd", "plain stochastic gradient descent", "Robbins and Monro 1951", sizeof(struct sgd_params), sgd_options},
    .update = sgd_update,
    .learn = sgd_learn};

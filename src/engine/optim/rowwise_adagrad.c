/* Row-wise AdaGrad: one accumulator a row: n_r += mean_j g_rj^2; w_rj -= eta g_rj / (sqrt(n_r) + eps), eps outside the root. A table of width D then
 * carries 1 + 1/D floats a weight instead of 2. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/optimizer.h"

struct rowwise_adagrad_params {
    struct optim_common common;
    double epsilon, initial;
};

static const struct option rowwise_adagrad_options[] = {
    OPTIM_COMMON_OPTIONS(struct rowwise_adagrad_params, 0.05),
    {"epsilon", OPT_REAL, offsetof(struct rowwise_adagrad_params, epsilon), 1e-8, 0, 1, "added to the root", NULL, 0, NULL},
    {"initial_accumulator", OPT_REAL, offsetof(struct rowwise_adagrad_params, initial), 0, 0, 1e6, "n before the first gradient", NULL, 0, NULL},
    {0}};

KERNEL_DECLARE(void, rowwise_adagrad_rows, (const struct update_rows *r, float epsilon));

static void rowwise_adagrad_initial(const void *params, float out[STATES_MAX])
{
    out[0] = (float)((const struct rowwise_adagrad_params *)params)->initial;
}

static void rowwise_adagrad_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float) = KERNEL_TABLE(rowwise_adagrad_rows);
    (void)step;
    table[cpu_level()](rows, (float)((const struct rowwise_adagrad_params *)params)->epsilon);
}

const struct optimizer optimizer_rowwise_adagrad = {.kind = {"rowwise_adagrad", "AdaGrad with one accumulator a row: small state for embeddings",
                                                             "Naumov et al. 2019, Deep learning recommendation model",
                                                             sizeof(struct rowwise_adagrad_params), rowwise_adagrad_options},
                                                    .state = {{"n", STATE_ROW}},
                                                    .initial = rowwise_adagrad_initial,
                                                    .update = rowwise_adagrad_update};

/* LAMB: r = m^ / (sqrt(v^) + eps) + lambda w with Adam's corrected moments; w -= eta (|w| / |r|) r, the ratio being one number a tensor, and 1 if
 * either norm is 0. Of a table the norms are over the rows that the step touches, and only those move. Norms are sums in double in the order of a
 * slice's rows, slices folded by a canonical tree. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/moments.h"

static const struct option lamb_options[] = {
    OPTIM_COMMON_OPTIONS(struct moments_params, 0.002),
    {"weight_decay", OPT_REAL, offsetof(struct moments_params, weight_decay), 0.01, 0, 1e3, "lambda: joins the direction as lambda w", NULL, 0, NULL},
    MOMENTS_OPTIONS(1e-6),
    {0}};

KERNEL_DECLARE(void, lamb_moments, (const struct update_rows *r, struct moments_rates rates));
KERNEL_DECLARE(void, lamb_norms, (const struct update_rows *r, struct moments_rates rates, float decay, double sums[2]));
KERNEL_DECLARE(void, lamb_rows, (const struct update_rows *r, struct moments_rates rates, float decay, float ratio));

static float lamb_decay(const struct moments_params *p, const struct optim_step *step) { return step->decays ? (float)p->weight_decay : 0; }

static void lamb_measure(const void *params, const struct optim_step *step, unsigned pass, const struct update_rows *rows, double *sums)
{
    static void (*const moments[])(const struct update_rows *, struct moments_rates) = KERNEL_TABLE(lamb_moments);
    static void (*const norms[])(const struct update_rows *, struct moments_rates, float, double *) = KERNEL_TABLE(lamb_norms);
    struct moments_rates rates = moments_rates(params, step->t);
    (void)pass;
    moments[cpu_level()](rows, rates);
    norms[cpu_level()](rows, rates, lamb_decay(params, step), sums);
}

static void lamb_conclude(const void *params, struct optim_step *step, unsigned pass, const double *sums, float *const *state, size_t width)
{
    (void)params, (void)pass, (void)state, (void)width;
    step->found[0] = sums[0] > 0 && sums[1] > 0 ? (float)sqrt(sums[0] / sums[1]) : 1;
}

static void lamb_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, struct moments_rates, float, float) = KERNEL_TABLE(lamb_rows);
    table[cpu_level()](rows, moments_rates(params, step->t), lamb_decay(params, step), step->found[0]);
}

const struct optimizer optimizer_lamb = {
    .kind = {"lamb", "Adam's direction at a rate in proportion to the tensor's norm, for big batches; lazy on rows",
             "You et al. 2020, Large batch optimization for deep learning", sizeof(struct moments_params), lamb_options},
    .state = {{"m", STATE_WEIGHT}, {"v", STATE_WEIGHT}},
    .measures = 1,
    .sums = 2, /* |w|^2, |r|^2 */
    .measure = lamb_measure,
    .conclude = lamb_conclude,
    .update = lamb_update};

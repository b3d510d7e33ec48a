/* LAMB: r = m^ / (sqrt(v^) + eps) + lambda w with Adam's corrected moments; w -= eta (|w| / |r|) r, the ratio being one number a tensor, and 1 if
 * either norm is 0. Of a table the norms are over the rows that the step touches, and only those move. Norms are sums in double in the order of a
 * slice's rows, slices folded by a canonical tree. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/core/float.h"
#include "engine/optim/optimizer.h"

struct lamb_params {
    struct optim_common common;
    double weight_decay, beta1, beta2, epsilon;
};

static const struct option lamb_options[] = {
    OPTIM_COMMON_OPTIONS(struct lamb_params, 0.002),
    {"weight_decay", OPT_REAL, offsetof(struct lamb_params, weight_decay), 0.01, 0, 1e3, "lambda: joins the direction as lambda w", NULL, 0, NULL},
    {"beta1", OPT_REAL, offsetof(struct lamb_params, beta1), 0.9, 0, 1, "decay of the first moment", NULL, OPTION_BELOW_MAX, NULL},
    {"beta2", OPT_REAL, offsetof(struct lamb_params, beta2), 0.999, 0, 1, "decay of the second moment", NULL, OPTION_BELOW_MAX, NULL},
    {"epsilon", OPT_REAL, offsetof(struct lamb_params, epsilon), 1e-6, 0, 1, "added to the root of the second moment", NULL, OPTION_ABOVE_MIN, NULL},
    {0}};

KERNEL_DECLARE(void, lamb_moments, (const struct update_rows *r, float b1, float b2));
KERNEL_DECLARE(void, lamb_norms, (const struct update_rows *r, const float rates[4], double sums[2]));
KERNEL_DECLARE(void, lamb_rows, (const struct update_rows *r, const float rates[4], float ratio));

enum { CORRECT1, CORRECT2, EPSILON, DECAY, RATES };

static void lamb_rates(const struct lamb_params *p, const struct optim_step *step, float out[RATES])
{
    out[CORRECT1] = (float)(1 / (1 - float_power(p->beta1, step->t)));
    out[CORRECT2] = (float)(1 / (1 - float_power(p->beta2, step->t)));
    out[EPSILON] = (float)p->epsilon;
    out[DECAY] = step->decays ? (float)p->weight_decay : 0;
}

static size_t lamb_sums(size_t width)
{
    (void)width;
    return 2; /* |w|^2, |r|^2 */
}

static void lamb_measure(const void *params, const struct optim_step *step, unsigned pass, const struct update_rows *rows, double *sums)
{
    static void (*const moments[])(const struct update_rows *, float, float) = KERNEL_TABLE(lamb_moments);
    static void (*const norms[])(const struct update_rows *, const float *, double *) = KERNEL_TABLE(lamb_norms);
    const struct lamb_params *p = params;
    float rates[RATES];
    (void)pass;
    lamb_rates(p, step, rates);
    moments[cpu_level()](rows, (float)p->beta1, (float)p->beta2);
    norms[cpu_level()](rows, rates, sums);
}

static void lamb_conclude(const void *params, struct optim_step *step, unsigned pass, const double *sums, float *const *state, size_t width)
{
    (void)params, (void)pass, (void)state, (void)width;
    step->found[0] = sums[0] > 0 && sums[1] > 0 ? (float)sqrt(sums[0] / sums[1]) : 1;
}

static void lamb_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, const float *, float) = KERNEL_TABLE(lamb_rows);
    float rates[RATES];
    lamb_rates(params, step, rates);
    table[cpu_level()](rows, rates, step->found[0]);
}

const struct optimizer optimizer_lamb = {
    .kind = {"lamb", "Adam's direction at a rate in proportion to the tensor's norm, for big batches; lazy on rows",
             "You et al. 2020, Large batch optimization for deep learning", sizeof(struct lamb_params), lamb_options},
    .state = {{"m", STATE_WEIGHT}, {"v", STATE_WEIGHT}},
    .measures = 1,
    .sums = lamb_sums,
    .measure = lamb_measure,
    .conclude = lamb_conclude,
    .update = lamb_update};

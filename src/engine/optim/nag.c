/* Vowpal Wabbit's normalised adaptive form, in batches: s = max(s, |g|); n += g^2; N += (mean over the touched (g / s)^2 - N) / t;
 *   w -= eta / sqrt(N) g / (s sqrt(n))
 * so that the scale of a feature does not show: a column times c gives weights by 1/c and the same predictions. What differs from NAG as published
 * and as Vowpal Wabbit has it: an optimiser here sees the mean gradient of a batch and no x, so the gradient's greatest magnitude stands for the
 * feature's; weights are not scaled back when that grows; N is a mean over coordinates, not a sum, so the step does not shrink with the features a
 * row has; and the importance-aware step, which is one example's, has no counterpart. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/optimizer.h"

struct nag_params {
    struct optim_common common;
};

static const struct option nag_options[] = {OPTIM_COMMON_OPTIONS(struct nag_params, 0.1), {0}};

KERNEL_DECLARE(void, nag_scales, (const struct update_rows *r, double sums[2]));
KERNEL_DECLARE(void, nag_rows, (const struct update_rows *r, float rate));

static void nag_measure(const void *params, const struct optim_step *step, unsigned pass, const struct update_rows *rows, double *sums)
{
    static void (*const table[])(const struct update_rows *, double *) = KERNEL_TABLE(nag_scales);
    (void)params, (void)step, (void)pass;
    table[cpu_level()](rows, sums);
}

static void nag_conclude(const void *params, struct optim_step *step, unsigned pass, const double *sums, float *const *state, size_t width)
{
    float *mean = state[2];
    (void)params, (void)pass, (void)width;
    if (sums[1] > 0) *mean += (float)((sums[0] / sums[1] - (double)*mean) / (double)step->t);
    step->found[0] = *mean > 0 ? 1 / sqrtf(*mean) : 0;
}

static void nag_update(const void *params, const struct optim_step *step, const struct update_rows *rows)
{
    static void (*const table[])(const struct update_rows *, float) = KERNEL_TABLE(nag_rows);
    (void)params;
    table[cpu_level()](rows, rows->lr * step->found[0]);
}

const struct optimizer optimizer_nag = {
    .kind = {"nag", "normalised adaptive gradients: the scale of a feature does not show", "Ross, Mineiro, Langford 2013, Normalized online learning",
             sizeof(struct nag_params), nag_options},
    .state = {{"s", STATE_WEIGHT}, {"n", STATE_WEIGHT}, {"mean", STATE_TENSOR}},
    .features_only = "divides a gradient by the greatest one so far, which evens out the scales of features and makes "
                     "hidden layers fly apart",
    .measures = 1,
    .sums = 2, /* (g / s)^2, and of how many */
    .measure = nag_measure,
    .conclude = nag_conclude,
    .update = nag_update};

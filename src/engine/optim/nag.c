/* Vowpal Wabbit's normalised adaptive form (algorithm NAG of the paper), in batches: s = max(s, |x|) of the feature that a row is of; n += g^2;
 * N += sum over the batch's features of (x / s)^2, t += its rows; w -= eta sqrt(t / N) g / (s sqrt(n))
 * so that the scale of a feature does not show: a column times c gives weights by 1/c and the same predictions. What differs: g is the mean gradient
 * of a batch; N is a tensor's own, and batches count alike; a weight that has moved is not scaled back when its s grows; and the importance-aware
 * step, which is one example's, has no counterpart. A bias has no feature but 1. */
#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/optim/optimizer.h"

struct nag_params {
    struct optim_common common;
};

static const struct option nag_options[] = {OPTIM_COMMON_OPTIONS(struct nag_params, 0.5), {0}};

KERNEL_DECLARE(void, nag_rows, (const struct update_rows *r, float rate));

/* rows->g: peaks and squares of features (optimizer.h). */
static void nag_measure(const void *params, const struct optim_step *step, unsigned pass, const struct update_rows *rows, double *sums)
{
    (void)params, (void)step, (void)pass;
    for (size_t i = 0; i < rows->count; i++) {
        update_fetch(rows, rows->state[0], i, 1);
        float *s = rows->state[0] + update_row(rows, i), peak = rows->g[2 * i], squares = rows->g[2 * i + 1];
        if (peak > *s) *s = peak;
        double share = (double)(peak / or_one(*s));
        sums[0] += (double)squares * share * share;
    }
}

static void nag_conclude(const void *params, struct optim_step *step, unsigned pass, const double *sums, float *const *state, size_t width)
{
    float *mean = state[2]; /* N / t */
    (void)params, (void)pass, (void)width;
    if (sums[0] > 0) *mean += (float)((sums[0] / (double)step->rows - (double)*mean) / (double)step->t);
    step->found[0] = *mean > 0 ? 1 / sqrtf(*mean) : 1;
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
    .state = {{"s", STATE_ROW}, {"n", STATE_WEIGHT}, {"mean", STATE_TENSOR}},
    .features_only = "divides a gradient by the greatest value of its feature so far, and what hidden layers are given is no feature",
    .measures = 1,
    .by_features = true,
    .sums = 1, /* (x / s)^2 */
    .measure = nag_measure,
    .conclude = nag_conclude,
    .update = nag_update};

/* Softmax loss of a class y: L = lse(z) - z_y with lse(z) = m + log sum_c e^(z_c - m), m the greatest z; dL/dz_c = p_c - [c = y], p_c = e^(z_c -
 * lse(z)). An output a class; a constant added to all of a row changes nothing. */
#include <math.h>

#include "engine/core/exp_inline.h"
#include "engine/core/log_inline.h"
#include "engine/core/loss.h"

static float greatest(const float *z, size_t outputs)
{
    float m = z[0];
    for (size_t c = 1; c < outputs; c++) m = z[c] > m ? z[c] : m;
    return m;
}

/* What is not finite: 0 when all of a row is, else NaN. */
static float odd(const float *z, size_t outputs)
{
    float sum = 0;
    for (size_t c = 0; c < outputs; c++) sum += z[c] - z[c];
    return sum;
}

static double softmax_sum(const float *z, const float *y, const float *w, size_t n, size_t outputs)
{
    struct loss_lanes lanes = {{0}};
    for (size_t i = 0; i < n; i++, z += outputs) {
        float m = greatest(z, outputs), sum = 0;
        for (size_t c = 0; c < outputs; c++) sum += exp_negative(z[c] - m);
        loss_lanes_add(&lanes, i, w, (double)m - (double)z[(size_t)y[i]] + (double)log_positive(sum) + (double)odd(z, outputs));
    }
    return loss_lanes_sum(&lanes);
}

static void softmax_delta(const float *z, const float *y, float *delta, size_t n, size_t outputs)
{
    for (size_t i = 0; i < n; i++, z += outputs, delta += outputs) {
        size_t label = (size_t)y[i];
        float m = greatest(z, outputs), sum = 0;
        for (size_t c = 0; c < outputs; c++) sum += delta[c] = exp_negative(z[c] - m);
        for (size_t c = 0; c < outputs; c++) delta[c] = delta[c] / sum - (c == label ? 1.0f : 0.0f);
    }
}

/* lse(z) in double. */
static double log_sum(const float *z, size_t outputs)
{
    double m = (double)greatest(z, outputs), sum = 0;
    size_t c = 0;
    do sum += exp((double)z[c] - m);
    while (++c < outputs);
    return m + log(sum);
}

static double softmax_row(const float *z, float y, size_t outputs) { return log_sum(z, outputs) - (double)z[(size_t)y]; }

static void softmax_predict(const float *z, double *prediction, size_t outputs)
{
    double lse = log_sum(z, outputs);
    for (size_t c = 0; c < outputs; c++) prediction[c] = exp((double)z[c] - lse);
}

static void softmax_pool(struct opinion *pools, const float *z, size_t outputs)
{
    double lse = log_sum(z, outputs);
    for (size_t c = 0; c < outputs; c++) pools[c].p += exp(fmax((double)z[c] - lse, -700)), pools[c].q += 1; /* -700: no probability is 0 */
}

static void softmax_pooled(const struct opinion *pools, float *z, size_t outputs)
{
    for (size_t c = 0; c < outputs; c++) z[c] = (float)log(pools[c].p / pools[c].q);
}

const struct loss loss_softmax = {
    .kind = {"softmax", "minus the logarithm of the probability of the row's class; a probability a class is told", "Bridle 1990", 0, NULL},
    .labels = LABELS_CLASS,
    .metric = "logloss",
    .sum = softmax_sum,
    .delta = softmax_delta,
    .row = softmax_row,
    .predict = softmax_predict,
    .pool = softmax_pool,
    .pooled = softmax_pooled};

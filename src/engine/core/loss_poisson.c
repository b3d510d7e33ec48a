/* Poisson loss of a count (or a rate): L = e^z - y z + (y ln y - y), half the deviance, so that 0 is the best there is; dL/dz = e^z - y. The output
 * is the logarithm of the label's mean. Beyond z = 30 (a mean of 10^13) the exponential goes on as its tangent there, so that a step too far does not
 * end in infinity: the loss stays convex and its slope is what delta says. (McCullagh and Nelder 1989, ch. 6.) */
#include <math.h>

#include "engine/core/exp_inline.h"
#include "engine/core/log_inline.h"
#include "engine/core/loss.h"

static const float clamp = 30;

/* e^z up to the clamp. */
static float mean_of(float z)
{
    float x = z < clamp ? z : clamp;
    return x <= 0 ? exp_negative(x) : 1 / exp_negative(-x);
}

/* y ln y - y. */
static double label_term(float y) { return y > 0 ? (double)y * (double)log_positive(y) - (double)y : 0; }

static double poisson_sum(const float *z, const float *y, const float *w, size_t n, size_t outputs)
{
    struct loss_lanes sum = {{0}};
    (void)outputs;
    for (size_t i = 0; i < n; i++) {
        double mean = (double)mean_of(z[i]), beyond = z[i] > clamp ? (double)z[i] - (double)clamp : 0;
        double term = mean * (1 + beyond) - (double)y[i] * (double)z[i] + label_term(y[i]);
        loss_lanes_add(&sum, i, w, z[i] - z[i] == 0 ? term : (double)(z[i] - z[i])); /* minus infinity has a mean of 0, and is none */
    }
    return loss_lanes_sum(&sum);
}

static void poisson_delta(const float *z, const float *y, float *delta, size_t n, size_t outputs)
{
    (void)outputs;
    for (size_t i = 0; i < n; i++) delta[i] = mean_of(z[i]) - y[i];
}

static double poisson_row(const float *z, float label, size_t outputs)
{
    double at = (double)*z, y = (double)label, mean = exp(fmin(at, (double)clamp));
    (void)outputs;
    return fmax(0, mean * (1 + fmax(at - (double)clamp, 0)) - y * at + (y > 0 ? y * log(y) - y : 0)); /* rounding can go below 0 */
}

static void poisson_predict(const float *z, double *prediction, size_t outputs)
{
    (void)outputs;
    *prediction = exp(fmin((double)*z, (double)clamp));
}

static void poisson_pool(struct opinion *pools, const float *z, size_t outputs)
{
    double mean;
    poisson_predict(z, &mean, outputs);
    pools->p += mean;
    pools->q += 1;
}

static void poisson_pooled(const struct opinion *pools, float *z, size_t outputs)
{
    (void)outputs;
    *z = (float)log(pools->p / pools->q);
}

const struct loss loss_poisson = {.kind = {"poisson", "half the Poisson deviance of a count or rate >= 0; the score is its mean, e^z with z <= 30",
                                           "McCullagh and Nelder 1989", 0, NULL},
                                  .labels = LABELS_COUNT,
                                  .metric = "deviance",
                                  .sum = poisson_sum,
                                  .delta = poisson_delta,
                                  .row = poisson_row,
                                  .predict = poisson_predict,
                                  .pool = poisson_pool,
                                  .pooled = poisson_pooled};

/* Squared loss of any real label: L = (z - y)^2 / 2, dL/dz = z - y. The output is the label's mean. */
#include <math.h>

#include "engine/core/loss.h"

static double squared_row(const float *z, float y, size_t outputs)
{
    double off = (double)*z - (double)y;
    (void)outputs;
    return off * off / 2;
}

static double squared_sum(const float *z, const float *y, const float *w, size_t n, size_t outputs)
{
    struct loss_lanes sum = {{0}};
    for (size_t i = 0; i < n; i++) loss_lanes_add(&sum, i, w, squared_row(z + i, y[i], outputs));
    return loss_lanes_sum(&sum);
}

static void squared_delta(const float *z, const float *y, float *delta, size_t n, size_t outputs)
{
    (void)outputs;
    for (size_t i = 0; i < n; i++) delta[i] = z[i] - y[i];
}

static void squared_predict(const float *z, double *prediction, size_t outputs)
{
    (void)outputs;
    *prediction = (double)*z;
}

static void squared_pool(struct opinion *pools, const float *z, size_t outputs)
{
    (void)outputs;
    pools->p += (double)*z;
    pools->q += 1;
}

static void squared_pooled(const struct opinion *pools, float *z, size_t outputs)
{
    (void)outputs;
    *z = (float)(pools->p / pools->q);
}

const struct loss loss_squared = {.kind = {"squared", "half the squared distance of the score from a real label", "", 0, NULL},
                                  .labels = LABELS_REAL,
                                  .metric = "rmse",
                                  .sum = squared_sum,
                                  .delta = squared_delta,
                                  .row = squared_row,
                                  .predict = squared_predict,
                                  .pool = squared_pool,
                                  .pooled = squared_pooled};

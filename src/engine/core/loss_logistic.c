/* Logistic loss of a label 0 or 1: L = max(z, 0) - z y + log(1 + e^-|z|), dL/dz = sigma(z) - y. The output is the label's log-odds. */
#include "engine/core/logistic.h"
#include "engine/core/loss.h"
#include "engine/core/scores.h"

static double logistic_sum(const float *z, const float *y, const float *w, size_t n, size_t outputs)
{
    (void)outputs;
    return logistic_loss(z, y, w, n);
}

static void logistic_gradient(const float *z, const float *y, float *delta, size_t n, size_t outputs)
{
    (void)outputs;
    logistic_delta(z, y, delta, n);
}

static double logistic_row(const float *z, float y, size_t outputs)
{
    (void)outputs;
    return logistic_loss_row((double)*z, (double)y);
}

static void logistic_predict(const float *z, double *prediction, size_t outputs)
{
    (void)outputs;
    *prediction = scores_probability(*z);
}

static void logistic_pool(struct opinion *pools, const float *z, size_t outputs)
{
    (void)outputs;
    opinion_add(pools, *z);
}

static void logistic_pooled(const struct opinion *pools, float *z, size_t outputs)
{
    (void)outputs;
    *z = opinion_logit(pools);
}

const struct loss loss_logistic = {.kind = {"logistic", "logistic loss of labels 0 and 1; the score is the probability of a 1", "", 0, NULL},
                                   .labels = LABELS_BINARY,
                                   .metric = "logloss",
                                   .sum = logistic_sum,
                                   .delta = logistic_gradient,
                                   .row = logistic_row,
                                   .predict = logistic_predict,
                                   .pool = logistic_pool,
                                   .pooled = logistic_pooled};

/* The logistic loss over an array of rows, with our own exp and log1p so that neither libm's version nor the vector width changes a bit. */
#ifndef TRAINYARD_ENGINE_CORE_LOGISTIC_H
#define TRAINYARD_ENGINE_CORE_LOGISTIC_H

#include <stddef.h>

/* logistic_delta: delta[i] = sigma(z[i]) - y[i], the gradient of the loss at the logit. z, y, delta (n), may alias. */
void logistic_delta(const float *z, const float *y, float *delta, size_t n);

/* logistic_loss: sum over i of w (max(z,0) - z*y + log1p(exp(-|z|))); w (n), NULL: all 1. Terms are float, weighted and added in double in 16 lanes
 * (lane i mod 16, folded by halves). A NaN or infinite z gives a non-finite sum. */
double logistic_loss(const float *z, const float *y, const float *w, size_t n);

/* logistic_loss_row: the loss of one row in double, for judging. */
double logistic_loss_row(double z, double y);

/* logistic_probability: p[i] = sigma(z[i]). */
void logistic_probability(const float *z, float *p, size_t n);

#endif

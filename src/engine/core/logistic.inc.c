/* Kernels of logistic.h, compiled once an instruction set. log1p through 2 atanh(e / (2 + e)), whose series needs nine terms on (0, 1]. */
#include <stddef.h>

#include "base/kernel.h"
#include "engine/core/exp_inline.h"

void KERNEL(logistic_delta)(const float *z, const float *y, float *delta, size_t n);
double KERNEL(logistic_loss)(const float *z, const float *y, const float *w, size_t n);

/* log1p(e) for 0 <= e <= 1. */
static inline float log1p_unit(float e)
{
    float s = e / (2.0f + e), t = s * s;
    float p = 1.0f / 19;
    p = p * t + 1.0f / 17;
    p = p * t + 1.0f / 15;
    p = p * t + 1.0f / 13;
    p = p * t + 1.0f / 11;
    p = p * t + 1.0f / 9;
    p = p * t + 1.0f / 7;
    p = p * t + 1.0f / 5;
    p = p * t + 1.0f / 3;
    return 2.0f * (s + s * (t * p));
}

void KERNEL(logistic_delta)(const float *z, const float *y, float *delta, size_t n)
{
    for (size_t i = 0; i < n; i++) delta[i] = sigmoid(z[i]) - y[i];
}

double KERNEL(logistic_loss)(const float *z, const float *y, const float *w, size_t n)
{
    double lane[16] = {0};
    float term[16];
    for (size_t i = 0; i < n; i += 16) {
        size_t m = n - i < 16 ? n - i : 16;
        for (size_t l = 0; l < m; l++) {
            float x = z[i + l];
            term[l] = (x > 0 ? x : x * 0) - x * y[i + l] + log1p_unit(exp_negative(-magnitude(x)));
        }
        if (w)
            for (size_t l = 0; l < m; l++) lane[l] += (double)w[i + l] * (double)term[l];
        else
            for (size_t l = 0; l < m; l++) lane[l] += (double)term[l];
    }
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

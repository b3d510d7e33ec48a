/* Kernels of logistic.h, compiled once an instruction set. */
#include <stddef.h>

#include "base/kernel.h"
#include "engine/core/exp_inline.h"
#include "engine/core/log_inline.h"

void KERNEL(logistic_delta)(const float *z, const float *y, float *delta, size_t n);
double KERNEL(logistic_loss)(const float *z, const float *y, const float *w, size_t n);

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

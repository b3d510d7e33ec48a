/* Kernels of dcn_v2.c. */
#include <stddef.h>

#include "base/kernel.h"

void KERNEL(cross_forward)(size_t n, const float *x0, const float *u, const float *x, float *y);
void KERNEL(cross_backward)(size_t n, const float *g, const float *x0, const float *u, float *du, float *g0);

/* y = x0 u + x */
void KERNEL(cross_forward)(size_t n, const float *x0, const float *u, const float *x, float *restrict y)
{
    for (size_t i = 0; i < n; i++) y[i] = x0[i] * u[i] + x[i];
}

/* du = g x0, g0 += g u */
void KERNEL(cross_backward)(size_t n, const float *g, const float *x0, const float *u, float *restrict du, float *restrict g0)
{
    for (size_t i = 0; i < n; i++) {
        du[i] = g[i] * x0[i];
        g0[i] += g[i] * u[i];
    }
}

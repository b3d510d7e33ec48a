#include "engine/core/logistic.h"

#include <math.h>

#include "base/cpu.h"
#include "base/kernel.h"

KERNEL_DECLARE(void, logistic_delta, (const float *z, const float *y, float *delta, size_t n));
KERNEL_DECLARE(double, logistic_loss, (const float *z, const float *y, const float *w, size_t n));

static void (*const delta_table[])(const float *, const float *, float *, size_t) = KERNEL_TABLE(logistic_delta);
static double (*const loss_table[])(const float *, const float *, const float *, size_t) = KERNEL_TABLE(logistic_loss);

void logistic_delta(const float *z, const float *y, float *delta, size_t n) { delta_table[cpu_level()](z, y, delta, n); }

double logistic_loss(const float *z, const float *y, const float *w, size_t n) { return loss_table[cpu_level()](z, y, w, n); }

double logistic_loss_row(double z, double y) { return fmax(z, 0) - z * y + log1p(exp(-fabs(z))); }

void logistic_probability(const float *z, float *p, size_t n)
{
    static const float zeros[256];
    for (size_t i = 0; i < n; i += 256) logistic_delta(z + i, zeros, p + i, n - i < 256 ? n - i : 256);
}

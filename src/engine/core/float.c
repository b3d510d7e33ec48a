#include "engine/core/float.h"

#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

void float_flush_denormals(void)
{
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

bool float_all_finite(const float *x, size_t n)
{
    uint32_t bad = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, x + i, sizeof bits);
        bad |= (bits & 0x7f800000u) == 0x7f800000u;
    }
    return !bad;
}

double float_power(double base, uint64_t n)
{
    double result = 1;
    for (; n; n >>= 1, base *= base)
        if (n & 1) result *= base;
    return result;
}

double float_cos_pi(double x)
{
    double y = 3.14159265358979323846 * (0.5 - x), square = y * y, term = y, sum = y; /* cos(pi x) = sin(pi (1/2 - x)) */
    for (int k = 1; k <= 11; k++) {
        term *= -square / (double)(2 * k * (2 * k + 1));
        sum += term;
    }
    return sum;
}

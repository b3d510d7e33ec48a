/* Logarithms for kernels and losses: our own, as exp_inline.h's exp. log1p through 2 atanh(e / (2 + e)), whose series needs nine terms on (0, 1]. */
#ifndef TRAINYARD_ENGINE_CORE_LOG_INLINE_H
#define TRAINYARD_ENGINE_CORE_LOG_INLINE_H

#include <stdint.h>
#include <string.h>

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

/* log(x) for x > 0 that is finite and no denormal: x = (1 + e) 2^n. */
static inline float log_positive(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    int32_t n = (int32_t)(bits >> 23) - 127;
    bits = (bits & 0x7fffffu) | 0x3f800000u;
    memcpy(&x, &bits, sizeof x);
    return (float)n * 0.693147181f + log1p_unit(x - 1.0f);
}

#endif

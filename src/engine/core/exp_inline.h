/* exp for kernels (*.inc.c): our own, so that neither libm's version nor the vector width changes a bit. Cody-Waite reduction with a split ln 2 and
 * the degree-5 polynomial of the Cephes library's expf (Moshier). */
#ifndef TRAINYARD_ENGINE_CORE_EXP_INLINE_H
#define TRAINYARD_ENGINE_CORE_EXP_INLINE_H

#include <stdint.h>
#include <string.h>

/* exp(x) for x <= 0; 0 below -87. NaN stays NaN. */
static inline float exp_negative(float x)
{
    const float magic = 12582912.0f; /* 1.5 * 2^23: adding it rounds to an integer */
    float clamped = x < -87.0f ? -87.0f : x;
    float shifted = clamped * 1.44269504f + magic, n = shifted - magic;
    float r = clamped - n * 0.693359375f - n * -2.12194440e-4f;
    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    float e = p * (r * r) + r + 1.0f;
    int32_t bits, scale;
    memcpy(&scale, &shifted, sizeof scale);
    memcpy(&bits, &e, sizeof bits);
    bits += (int32_t)((uint32_t)scale << 23); /* the low bits of shifted are n: e * 2^n */
    memcpy(&e, &bits, sizeof e);
    e = x < -87.0f ? 0.0f : e;
    return x != x ? x : e;
}

static inline float magnitude(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    bits &= 0x7fffffffu;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* 1 / (1 + exp(-x)). */
static inline float sigmoid(float x)
{
    float e = exp_negative(-magnitude(x)), positive = 1.0f / (1.0f + e);
    return x >= 0 ? positive : e * positive;
}

#endif

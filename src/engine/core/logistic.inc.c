/* Kernels of logistic.h, compiled once an instruction set. exp: Cody-Waite reduction with a split ln 2 and the degree-5 polynomial of the
 * Cephes library's expf (Moshier); log1p through 2 atanh(e / (2 + e)), whose series needs nine terms on (0, 1]. */
#include "base/kernel.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

void KERNEL(logistic_delta)(const float *z, const float *y, float *delta, size_t n);
double KERNEL(logistic_loss)(const float *z, const float *y, const float *w, size_t n);

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
    for (size_t i = 0; i < n; i++) {
        float e = exp_negative(-magnitude(z[i])), positive = 1.0f / (1.0f + e);
        delta[i] = (z[i] >= 0 ? positive : e * positive) - y[i];
    }
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

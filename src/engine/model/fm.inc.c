/* Kernels of fm.c. Each factor is its own lane, so any vector width adds in the same order; the final sum over factors folds 16 lanes. */
#include "base/kernel.h"
#include "engine/core/batch.h"

void KERNEL(fm_forward)(const struct batch *b, const uint32_t *local, const float *v, size_t k, float *sums, float *logits);
void KERNEL(fm_backward)(const struct batch *b, const uint32_t *local, const float *v, size_t k, const float *sums, const float *delta, float *grad);

/* sum over f of s_f^2 - q_f, lane f mod 16. */
static inline float fold_difference(const float *s, const float *q, size_t k)
{
    float lane[16] = {0};
    size_t f = 0;
    for (; f + 16 <= k; f += 16)
        for (size_t l = 0; l < 16; l++) lane[l] += s[f + l] * s[f + l] - q[f + l];
    for (; f < k; f++) lane[f % 16] += s[f] * s[f] - q[f];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

/* One row with K = 16 in registers: the common size, worth its own loop. */
static inline float row_forward_16(const struct batch *b, size_t r, const uint32_t *local, const float *v, float *s)
{
    float sum[16] = {0}, square[16] = {0};
    for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) {
        const float *row = v + (size_t)local[i] * 16;
        float x = b->values ? b->values[i] : 1.0f;
        for (size_t f = 0; f < 16; f++) {
            float t = row[f] * x;
            sum[f] += t;
            square[f] += t * t;
        }
    }
    for (size_t f = 0; f < 16; f++) s[f] = sum[f];
    return fold_difference(sum, square, 16);
}

static inline float row_forward(const struct batch *b, size_t r, const uint32_t *local, const float *v, size_t k, float *s)
{
    float square[256] = {0};
    for (size_t f = 0; f < k; f++) s[f] = 0;
    for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) {
        const float *row = v + (size_t)local[i] * k;
        float x = b->values ? b->values[i] : 1.0f;
        for (size_t f = 0; f < k; f++) {
            float t = row[f] * x;
            s[f] += t;
            square[f] += t * t;
        }
    }
    return fold_difference(s, square, k);
}

void KERNEL(fm_forward)(const struct batch *b, const uint32_t *local, const float *v, size_t k, float *sums, float *logits)
{
    for (size_t r = 0; r < b->rows; r++) {
        float difference = k == 16 ? row_forward_16(b, r, local, v, sums + r * k) : row_forward(b, r, local, v, k, sums + r * k);
        logits[r] += 0.5f * difference;
    }
}

static inline void rows_backward(const struct batch *b, const uint32_t *local, const float *restrict v, size_t k, const float *restrict sums,
                                 const float *delta, float *restrict grad)
{
    for (size_t r = 0; r < b->rows; r++) {
        const float *s = sums + r * k;
        for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) {
            float x = b->values ? b->values[i] : 1.0f, d = delta[r] * x;
            const float *row = v + (size_t)local[i] * k;
            float *g = grad + (size_t)local[i] * k;
            for (size_t f = 0; f < k; f++) g[f] += d * (s[f] - row[f] * x);
        }
    }
}

void KERNEL(fm_backward)(const struct batch *b, const uint32_t *local, const float *v, size_t k, const float *sums, const float *delta, float *grad)
{
    if (k == 16) rows_backward(b, local, v, 16, sums, delta, grad); /* a constant width: one register a row */
    else rows_backward(b, local, v, k, sums, delta, grad);
}

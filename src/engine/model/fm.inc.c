/* Kernels of fm.c. Factors are taken in groups of 16, then 4, then one by one; inside a group each factor is its own lane, so any vector width adds
 * in the same order. The compiler's vector types say "these lanes together" and are lowered to whatever the instruction set has; left to itself,
 * gcc 12 vectorises across features with shuffles and is six times slower. The groups differ in their type alone, hence the two macros. */
#include <string.h>

#include "base/kernel.h"
#include "engine/core/batch.h"

typedef float lanes16 __attribute__((vector_size(64)));
typedef float lanes4 __attribute__((vector_size(16)));

void KERNEL(fm_forward)(const struct batch *b, const uint32_t *local, const float *v, size_t k, float *sums, float *logits);
void KERNEL(fm_backward)(const struct batch *b, const uint32_t *local, const float *v, size_t k, const float *sums, const float *delta, float *grad);

/* One group of factors f .. f + lanes - 1 of row r: sums into s, and sum^2 - sum of squares into difference. v (distinct, k). */
#define FM_FORWARD_GROUP(lanes) \
    static inline void forward_##lanes(const struct batch *b, size_t r, const uint32_t *local, const float *v, size_t k, float *s, \
                                       float *difference) \
    { \
        lanes sum = {0}, square = {0}, row, out; \
        if (b->values) { \
            for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) { \
                memcpy(&row, v + (size_t)local[i] * k, sizeof row); \
                row *= b->values[i]; \
                sum += row; \
                square += row * row; \
            } \
        } else { \
            for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) { \
                memcpy(&row, v + (size_t)local[i] * k, sizeof row); \
                sum += row; \
                square += row * row; \
            } \
        } \
        out = sum * sum - square; \
        memcpy(s, &sum, sizeof sum); \
        memcpy(difference, &out, sizeof out); \
    }

/* grad += d (s - x v) for one group, d = delta x. */
#define FM_BACKWARD_GROUP(lanes) \
    static inline void backward_##lanes(const struct batch *b, size_t r, const uint32_t *local, const float *v, size_t k, const float *s, \
                                        float delta, float *grad) \
    { \
        lanes sum, row, g; \
        memcpy(&sum, s, sizeof sum); \
        for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) { \
            float x = b->values ? b->values[i] : 1.0f, d = delta * x; \
            size_t at = (size_t)local[i] * k; \
            memcpy(&row, v + at, sizeof row); \
            memcpy(&g, grad + at, sizeof g); \
            g += d * (sum - row * x); \
            memcpy(grad + at, &g, sizeof g); \
        } \
    }

typedef float lanes1;
FM_FORWARD_GROUP(lanes16)
FM_FORWARD_GROUP(lanes4)
FM_FORWARD_GROUP(lanes1)
FM_BACKWARD_GROUP(lanes16)
FM_BACKWARD_GROUP(lanes4)
FM_BACKWARD_GROUP(lanes1)

/* Lane f mod 16, folded by halves. */
static inline float fold(const float *difference, size_t k)
{
    float lane[16] = {0};
    for (size_t f = 0; f < k; f++) lane[f % 16] += difference[f];
    for (size_t half = 8; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

void KERNEL(fm_forward)(const struct batch *b, const uint32_t *local, const float *v, size_t k, float *sums, float *logits)
{
    float difference[256];
    for (size_t r = 0; r < b->rows; r++) {
        float *s = sums + r * k;
        size_t f = 0;
        for (; f + 16 <= k; f += 16) forward_lanes16(b, r, local, v + f, k, s + f, difference + f);
        for (; f + 4 <= k; f += 4) forward_lanes4(b, r, local, v + f, k, s + f, difference + f);
        for (; f < k; f++) forward_lanes1(b, r, local, v + f, k, s + f, difference + f);
        logits[r] += 0.5f * fold(difference, k);
    }
}

void KERNEL(fm_backward)(const struct batch *b, const uint32_t *local, const float *v, size_t k, const float *sums, const float *delta, float *grad)
{
    for (size_t r = 0; r < b->rows; r++) {
        const float *s = sums + r * k;
        size_t f = 0;
        for (; f + 16 <= k; f += 16) backward_lanes16(b, r, local, v + f, k, s + f, delta[r], grad + f);
        for (; f + 4 <= k; f += 4) backward_lanes4(b, r, local, v + f, k, s + f, delta[r], grad + f);
        for (; f < k; f++) backward_lanes1(b, r, local, v + f, k, s + f, delta[r], grad + f);
    }
}

#include "engine/model/linear.h"

#include <stddef.h>

enum { AHEAD = 64 }; /* features: two rows of an ad log */

struct param_desc bias_describe(void) { return (struct param_desc){.name = "bias", .width = 1, .group = GROUP_WIDE, .no_penalty = true}; }

struct param_desc linear_describe(void) { return (struct param_desc){.name = "linear", .table = true, .width = 1, .group = GROUP_WIDE}; }

void bias_forward(size_t rows, float bias, float *logits)
{
    for (size_t r = 0; r < rows; r++) logits[r] = bias;
}

void bias_backward(size_t rows, const float *delta, float *grad_bias)
{
    float sum = *grad_bias;
    for (size_t r = 0; r < rows; r++) sum += delta[r];
    *grad_bias = sum;
}

/* Feature i has weight w[index[i] >> shift], which is asked for so many features ahead; 0: it is near. */
static inline __attribute__((always_inline)) void forward(const struct batch *b, const uint32_t *index, uint32_t shift, const float *w, size_t ahead,
                                                          float bias, float *logits)
{
    for (size_t r = 0; r < b->rows; r++) {
        float lane[4] = {0};
        size_t from = b->offsets[r], to = b->offsets[r + 1], i = from;
        for (size_t far = from + ahead; ahead > 0 && far < to + ahead && far < b->features; far++) __builtin_prefetch(&w[index[far] >> shift]);
        if (b->values) {
            for (; i + 4 <= to; i += 4)
                for (size_t l = 0; l < 4; l++) lane[l] += w[index[i + l] >> shift] * b->values[i + l];
            for (; i < to; i++) lane[(i - from) % 4] += w[index[i] >> shift] * b->values[i];
        } else {
            for (; i + 4 <= to; i += 4)
                for (size_t l = 0; l < 4; l++) lane[l] += w[index[i + l] >> shift];
            for (; i < to; i++) lane[(i - from) % 4] += w[index[i] >> shift];
        }
        logits[r] = bias + ((lane[0] + lane[2]) + (lane[1] + lane[3]));
    }
}

void linear_forward(const struct batch *b, const uint32_t *local, const float *w, float bias, float *logits)
{
    forward(b, local, 0, w, 0, bias, logits);
}

void linear_forward_table(const struct batch *b, uint32_t shift, const float *table, float bias, float *logits)
{
    forward(b, b->keys, shift, table, AHEAD, bias, logits);
}

void linear_backward(const struct batch *b, const uint32_t *local, const float *delta, float *grad_w, float *grad_bias)
{
    float sum = *grad_bias;
    for (size_t r = 0; r < b->rows; r++) {
        float d = delta[r];
        sum += d;
        if (b->values)
            for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) grad_w[local[i]] += d * b->values[i];
        else
            for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) grad_w[local[i]] += d;
    }
    *grad_bias = sum;
}

#include "engine/model/linear.h"

#include <stddef.h>

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

void linear_forward(const struct batch *b, const uint32_t *local, const float *w, float bias, float *logits)
{
    for (size_t r = 0; r < b->rows; r++) {
        float lane[4] = {0};
        size_t from = b->offsets[r], to = b->offsets[r + 1], i = from;
        if (b->values) {
            for (; i + 4 <= to; i += 4)
                for (size_t l = 0; l < 4; l++) lane[l] += w[local[i + l]] * b->values[i + l];
            for (; i < to; i++) lane[(i - from) % 4] += w[local[i]] * b->values[i];
        } else {
            for (; i + 4 <= to; i += 4)
                for (size_t l = 0; l < 4; l++) lane[l] += w[local[i + l]];
            for (; i < to; i++) lane[(i - from) % 4] += w[local[i]];
        }
        logits[r] = bias + ((lane[0] + lane[2]) + (lane[1] + lane[3]));
    }
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

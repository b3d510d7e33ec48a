/* Learning row by row: models of the first order, whose every row moves the weights before the next one is scored. The optimiser's own rule, on one
 * weight at a time.
 *
 * A weight and its states lie side by side in one table, so that a feature is one cache line, asked for some rows ahead: learn_stride() floats a slot,
 * the weight first. A step is that of a batch of one row, to the bit; but a feature that stands twice in a row moves its weight twice, where a batch
 * would merge the two. */
#ifndef TRAINYARD_ENGINE_OPTIM_LEARN_H
#define TRAINYARD_ENGINE_OPTIM_LEARN_H

#include "engine/optim/spans.h"

enum { LEARN_ROWS_AHEAD = 4, LEARN_STRIDE_MAX = 4 };

struct learn_rows { /* some rows of a batch, in order; all borrowed */
    size_t rows;
    const uint32_t *offsets; /* (rows + 1): into keys; offsets[0] need not be 0 */
    const uint32_t *keys;    /* slot = key >> shift */
    const float *values;     /* of the features, or NULL: all 1 */
    const float *labels;     /* (rows) */
    const float *weights;    /* (rows): factor on a row's gradient; NULL: all 1; a row of weight 0 moves nothing */
    size_t rows_there;       /* >= rows: that may be looked at to fetch ahead */
    uint32_t shift;
    float *table, *bias;                                                                          /* (slots, stride), (stride) */
    void (*delta)(const float *z, const float *y, float *delta, size_t n, size_t outputs);        /* the loss's (engine/core/loss.h) */
    float smoothing;                                                                              /* of label y: y (1 - s) + s / 2 */
    float lr, l1, l2, bias_l1, bias_l2;                                                           /* as in update_rows */
    float *logits;                                                                                /* (rows): before the row was learnt; written */
};

/* learn_stride: floats of a weight with so many states: a power of two, so that none lies across two cache lines. */
static inline size_t learn_stride(size_t states) { return states == 0 ? 1 : states == 1 ? 2 : LEARN_STRIDE_MAX; }

SPAN_INLINE void learn_fetch(const struct learn_rows *r, size_t row, size_t stride)
{
    if (row >= r->rows_there) return;
    for (size_t i = r->offsets[row]; i < r->offsets[row + 1]; i++) __builtin_prefetch(r->table + (size_t)(r->keys[i] >> r->shift) * stride, 1);
}

/* The logit, added up as linear_forward() does. */
SPAN_INLINE float learn_score(const struct learn_rows *r, size_t row, size_t stride)
{
    float lane[4] = {0};
    size_t from = r->offsets[row], to = r->offsets[row + 1], i = from;
    for (; i + 4 <= to; i += 4)
        for (size_t l = 0; l < 4; l++) {
            float w = r->table[(size_t)(r->keys[i + l] >> r->shift) * stride];
            lane[l] += r->values ? w * r->values[i + l] : w;
        }
    for (; i < to; i++) {
        float w = r->table[(size_t)(r->keys[i] >> r->shift) * stride];
        lane[(i - from) % 4] += r->values ? w * r->values[i] : w;
    }
    return r->bias[0] + ((lane[0] + lane[2]) + (lane[1] + lane[3]));
}

SPAN_INLINE void learn_weight(float *weight, float g, struct span rates, size_t states, span_rule *rule, const void *constants)
{
    struct span s = rates;
    s.n = 1;
    s.g = &g;
    s.w = weight;
    for (size_t k = 0; k < states; k++) s.state[k] = weight + 1 + k;
    rule(s, constants);
}

/* learn_each: the rule as in spans_each(). */
SPAN_INLINE void learn_each(const struct learn_rows *r, size_t states, span_rule *rule, const void *constants)
{
    const size_t stride = learn_stride(states);
    const struct span rates = {.lr = r->lr, .l1 = r->l1, .l2 = r->l2}, bias_rates = {.lr = r->lr, .l1 = r->bias_l1, .l2 = r->bias_l2};
    for (size_t row = 0; row < r->rows; row++) {
        float y = r->labels[row], z = learn_score(r, row, stride), delta;
        learn_fetch(r, row + LEARN_ROWS_AHEAD, stride);
        r->logits[row] = z;
        r->delta(&z, &y, &delta, 1, 1);
        if (r->smoothing > 0) delta += r->smoothing * (y - 0.5f);
        if (r->weights) delta *= r->weights[row];
        if (r->weights && r->weights[row] == 0) continue;
        for (size_t i = r->offsets[row]; i < r->offsets[row + 1]; i++)
            learn_weight(r->table + (size_t)(r->keys[i] >> r->shift) * stride, r->values ? delta * r->values[i] : delta, rates, states, rule, constants);
        learn_weight(r->bias, delta, bias_rates, states, rule, constants);
    }
}

#endif

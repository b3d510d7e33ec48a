/* Learning row by row: models of the first order, whose every row moves the weights before the next one is scored. The optimiser's own rule
 * (spans.h), on one row's weights at a time.
 *
 * A weight and its states lie side by side in one table, so that a feature is one cache line, asked for some rows ahead: learn_stride() floats a
 * slot, the weight first. A step is that of a batch of one row, to the bit; but a feature that stands twice in a row moves its weight twice, where a
 * batch would merge the two. */
#ifndef TRAINYARD_ENGINE_OPTIM_LEARN_H
#define TRAINYARD_ENGINE_OPTIM_LEARN_H

#include <stdbool.h>

#include "engine/core/exp_inline.h"
#include "engine/optim/spans.h"

enum { LEARN_ROWS_AHEAD = 4, LEARN_STRIDE_MAX = 4, LEARN_FOUR = 4 };

struct learn_rows { /* some rows of a batch, in order; all borrowed */
    size_t rows;
    const uint32_t *offsets; /* (rows + 1): into keys; offsets[0] need not be 0 */
    const uint32_t *keys;    /* slot = key >> shift */
    const float *values;     /* of the features, or NULL: all 1 */
    const float *labels;     /* (rows) */
    const float *weights;    /* (rows): factor on a row's gradient; NULL: all 1; a row of weight 0 moves nothing */
    size_t rows_there;       /* >= rows: that may be looked at to fetch ahead */
    uint32_t shift;
    float *table, *bias; /* (slots, stride), (stride) */
    /* delta: the loss's (engine/core/loss.h); NULL: logistic, which is worked out in line. */
    void (*delta)(const float *z, const float *y, float *delta, size_t n, size_t outputs);
    float smoothing;                    /* of label y: y (1 - s) + s / 2 */
    float lr, l1, l2, bias_l1, bias_l2; /* as in update_rows */
    float *logits;                      /* (rows): of each before it was learnt; written */
};

/* learn_stride: floats of a weight with so many states: a power of two, so that none lies across two cache lines. */
static inline size_t learn_stride(size_t states) { return states == 0 ? 1 : states == 1 ? 2 : LEARN_STRIDE_MAX; }

typedef float learn_floats __attribute__((vector_size(LEARN_FOUR * sizeof(float))));
typedef double learn_pairs __attribute__((vector_size(LEARN_FOUR * sizeof(float)))); /* of floats that lie side by side */
typedef uint32_t learn_slots __attribute__((vector_size(LEARN_FOUR * sizeof(uint32_t))));
typedef uint64_t learn_halves __attribute__((vector_size(LEARN_FOUR * sizeof(uint32_t))));

SPAN_INLINE float *learn_at(const struct learn_rows *r, size_t i, size_t stride) { return r->table + (size_t)(r->keys[i] >> r->shift) * stride; }

SPAN_INLINE void learn_fetch(const struct learn_rows *r, size_t row, size_t stride)
{
    if (row >= r->rows_there) return;
    for (size_t i = r->offsets[row]; i < r->offsets[row + 1]; i++) __builtin_prefetch(learn_at(r, i, stride), 1);
}

/* The logit, added up as linear_forward() does. */
SPAN_INLINE float learn_score(const struct learn_rows *r, size_t row, size_t stride)
{
    float lane[LEARN_FOUR] = {0};
    size_t from = r->offsets[row], to = r->offsets[row + 1], i = from;
    for (; i + LEARN_FOUR <= to; i += LEARN_FOUR)
        for (size_t l = 0; l < LEARN_FOUR; l++) lane[l] += r->values ? *learn_at(r, i + l, stride) * r->values[i + l] : *learn_at(r, i + l, stride);
    for (; i < to; i++) lane[(i - from) % LEARN_FOUR] += r->values ? *learn_at(r, i, stride) * r->values[i] : *learn_at(r, i, stride);
    return r->bias[0] + ((lane[0] + lane[2]) + (lane[1] + lane[3]));
}

/* What a row moves its weights by, or rather: dL/dz. */
SPAN_INLINE float learn_delta(const struct learn_rows *r, size_t row, float z)
{
    float y = r->labels[row], delta;
    if (r->delta) r->delta(&z, &y, &delta, 1, 1);
    else delta = sigmoid(z) - y;
    if (r->smoothing > 0) delta += r->smoothing * (y - 0.5f);
    return r->weights ? delta * r->weights[row] : delta;
}

SPAN_INLINE void learn_one(float *weight, float g, struct span s, size_t states, span_rule *rule, const void *constants)
{
    s.n = 1;
    s.g = &g;
    s.w = weight;
    for (size_t k = 0; k < states; k++) s.state[k] = weight + 1 + k;
    rule(s, constants);
}

/* Four weights as vectors and back. Those with one state are loaded and stored with it. */
SPAN_INLINE void four_load(float *const at[LEARN_FOUR], size_t states, learn_floats *w, learn_floats state[SPAN_STATES])
{
    double pair[LEARN_FOUR];
    for (size_t l = 0; states == 1 && l < LEARN_FOUR; l++) memcpy(&pair[l], at[l], sizeof pair[l]);
    if (states == 1) {
        learn_floats low = (learn_floats)(learn_pairs){pair[0], pair[1]}, high = (learn_floats)(learn_pairs){pair[2], pair[3]};
        *w = __builtin_shufflevector(low, high, 0, 2, 4, 6);
        state[0] = __builtin_shufflevector(low, high, 1, 3, 5, 7);
        return;
    }
    *w = (learn_floats){at[0][0], at[1][0], at[2][0], at[3][0]};
    for (size_t k = 1; k <= states; k++) state[k - 1] = (learn_floats){at[0][k], at[1][k], at[2][k], at[3][k]};
}

SPAN_INLINE void four_store(float *const at[LEARN_FOUR], size_t states, learn_floats w, const learn_floats state[SPAN_STATES])
{
    if (states == 1) {
        learn_pairs low = (learn_pairs)__builtin_shufflevector(w, state[0], 0, 4, 1, 5);
        learn_pairs high = (learn_pairs)__builtin_shufflevector(w, state[0], 2, 6, 3, 7);
        const double pair[LEARN_FOUR] = {low[0], low[1], high[0], high[1]};
        for (size_t l = 0; l < LEARN_FOUR; l++) memcpy(at[l], &pair[l], sizeof pair[l]);
        return;
    }
    for (size_t l = 0; l < LEARN_FOUR; l++) {
        at[l][0] = w[l];
        for (size_t k = 1; k <= states; k++) at[l][k] = state[k - 1][l];
    }
}

/* Four weights that are not the same: roots and quotients of four take no longer than of one. */
SPAN_INLINE void learn_four(float *const at[LEARN_FOUR], learn_floats g, struct span s, size_t states, span_rule *rule, const void *constants)
{
    learn_floats w, state[SPAN_STATES];
    four_load(at, states, &w, state);
    s.n = LEARN_FOUR;
    s.g = (const float *)&g;
    s.w = (float *)&w;
    for (size_t k = 0; k < states; k++) s.state[k] = (float *)&state[k];
    rule(s, constants);
    four_store(at, states, w, state);
}

SPAN_INLINE bool learn_differ(const uint32_t *keys, uint32_t shift)
{
    learn_slots slots;
    memcpy(&slots, keys, sizeof slots);
    slots >>= shift;
    learn_halves same = (learn_halves)((slots == __builtin_shufflevector(slots, slots, 1, 2, 3, 0)) |
                                       (slots == __builtin_shufflevector(slots, slots, 2, 3, 0, 1)));
    return (same[0] | same[1]) == 0;
}

/* learn_each: the rule as in spans_each(). */
SPAN_INLINE void learn_each(const struct learn_rows *rows, size_t states, span_rule *rule, const void *constants)
{
    const struct learn_rows here = *rows, *const r = &here; /* so that no store to the table may change it */
    const size_t stride = learn_stride(states);
    const struct span rates = {.lr = r->lr, .l1 = r->l1, .l2 = r->l2}, bias_rates = {.lr = r->lr, .l1 = r->bias_l1, .l2 = r->bias_l2};
    for (size_t row = 0; row < r->rows; row++) {
        size_t i = r->offsets[row], to = r->offsets[row + 1];
        r->logits[row] = learn_score(r, row, stride);
        learn_fetch(r, row + LEARN_ROWS_AHEAD, stride);
        if (r->weights && r->weights[row] == 0) continue;
        float delta = learn_delta(r, row, r->logits[row]);
        for (; i + LEARN_FOUR <= to; i += LEARN_FOUR) {
            float *const at[] = {learn_at(r, i, stride), learn_at(r, i + 1, stride), learn_at(r, i + 2, stride), learn_at(r, i + 3, stride)};
            learn_floats g = {delta, delta, delta, delta};
            if (r->values) g *= (learn_floats){r->values[i], r->values[i + 1], r->values[i + 2], r->values[i + 3]};
            if (learn_differ(r->keys + i, r->shift)) learn_four(at, g, rates, states, rule, constants);
            else
                for (size_t l = 0; l < LEARN_FOUR; l++) learn_one(at[l], g[l], rates, states, rule, constants);
        }
        for (; i < to; i++) learn_one(learn_at(r, i, stride), r->values ? delta * r->values[i] : delta, rates, states, rule, constants);
        learn_one(r->bias, delta, bias_rates, states, rule, constants);
    }
}

#endif

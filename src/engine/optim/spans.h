/* Rows as spans of floats, for rules that treat each weight by itself. A wide row is a span; narrow rows are brought together, so that a rule works
 * on whole vectors whatever the width. Elements never meet, so how they are brought together does not show in the bits. */
#ifndef TRAINYARD_ENGINE_OPTIM_SPANS_H
#define TRAINYARD_ENGINE_OPTIM_SPANS_H

#include <string.h>

#include "engine/optim/rows.h"

enum { SPAN = 64, SPAN_STATES = 2, SPAN_WIDE = 16 };

struct span {
    size_t n;
    const float *g;                /* (n) mean gradient */
    float *w, *state[SPAN_STATES]; /* (n) each; states that the rule has not: NULL */
    float lr, l1, l2;              /* of update_rows */
};

/* Moves a span by one step. constants: the rule's own. */
typedef void span_rule(struct span s, const void *constants);

#define SPAN_INLINE static inline __attribute__((always_inline))

/* In front of a rule's loop, so that a span of four is a vector as well, not four weights on their own. */
#ifdef __clang__
#define SPAN_LOOP
#else
#define SPAN_LOOP _Pragma("GCC unroll 1")
#endif

SPAN_INLINE struct span span_of(const struct update_rows *r) { return (struct span){.lr = r->lr, .l1 = r->l1, .l2 = r->l2}; }

SPAN_INLINE void span_fetch(const struct update_rows *r, size_t i, size_t width, size_t states)
{
    if (i >= r->count) return;
    size_t at = update_at(r, i, width);
    for (size_t j = 0; j < width; j += 16) {
        __builtin_prefetch(r->w + at + j, 1);
        for (size_t k = 0; k < states; k++) __builtin_prefetch(r->state[k] + at + j, 1);
    }
}

SPAN_INLINE void spans_wide(const struct update_rows *r, size_t width, size_t states, span_rule *rule, const void *constants)
{
    struct span s = span_of(r);
    s.n = width;
    for (size_t i = 0; i < r->count; i++) {
        span_fetch(r, i + ROWS_AHEAD, width, states);
        size_t at = update_at(r, i, width);
        s.g = r->g + i * width;
        s.w = r->w + at;
        for (size_t k = 0; k < states; k++) s.state[k] = r->state[k] + at;
        rule(s, constants);
    }
}

/* What is beyond the rows of a span is left from earlier ones; nobody takes it back. */
SPAN_INLINE void spans_narrow(const struct update_rows *r, size_t width, size_t states, span_rule *rule, const void *constants)
{
    float g[SPAN] = {0}, w[SPAN] = {0}, state[SPAN_STATES][SPAN] = {{0}};
    size_t rows = SPAN / width, bytes = width * sizeof(float);
    struct span s = span_of(r);
    s.w = w;
    s.n = SPAN;
    for (size_t k = 0; k < states; k++) s.state[k] = state[k];
    for (size_t i = 0; i < rows; i++) span_fetch(r, i, width, states);
    for (size_t from = 0; from < r->count; from += rows) {
        size_t some = r->count - from < rows ? r->count - from : rows;
        s.g = r->g + from * width;
        if (some * width < SPAN) s.g = memcpy(g, s.g, some * bytes);
        for (size_t i = 0; i < some; i++) {
            size_t at = update_at(r, from + i, width);
            span_fetch(r, from + i + rows, width, states);
            memcpy(w + i * width, r->w + at, bytes);
            for (size_t k = 0; k < states; k++) memcpy(state[k] + i * width, r->state[k] + at, bytes);
        }
        rule(s, constants);
        for (size_t i = 0; i < some; i++) {
            size_t at = update_at(r, from + i, width);
            memcpy(r->w + at, w + i * width, bytes);
            for (size_t k = 0; k < states; k++) memcpy(r->state[k] + at, state[k] + i * width, bytes);
        }
    }
}

/* spans_each: the rule over all rows. states: how many it has a weight. Constant arguments, so that all of it is one loop a width that is usual. */
SPAN_INLINE void spans_each(const struct update_rows *r, size_t states, span_rule *rule, const void *constants)
{
    if (r->width == 1) spans_narrow(r, 1, states, rule, constants);
    else if (r->width == 4) spans_narrow(r, 4, states, rule, constants);
    else if (r->width == 16) spans_wide(r, 16, states, rule, constants);
    else if (r->width < SPAN_WIDE) spans_narrow(r, r->width, states, rule, constants);
    else spans_wide(r, r->width, states, rule, constants);
}

#endif

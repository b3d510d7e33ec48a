/* What an optimiser is given of a tensor, and what the update kernels share: where row i is, the row ahead to fetch, and the penalty of a weight.
 * Random rows of a big table miss every cache, so each kernel asks for rows some way ahead. */
#ifndef TRAINYARD_ENGINE_OPTIM_ROWS_H
#define TRAINYARD_ENGINE_OPTIM_ROWS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum { ROWS_AHEAD = 12 };

struct update_rows { /* rows of a tensor that have a gradient; all borrowed */
    float *w;
    float *const *state; /* of the shapes that the optimiser states (core/params.h) */
    const uint32_t *ids; /* (count), or NULL: 0 .. count - 1 */
    size_t count, width;
    const float *g; /* (count, width) mean gradient */
    float lr;       /* eta_t */
    float l1, l2;   /* penalty added to the mean gradient: + l1 sign(w) + l2 w; 0 for tensors without penalty */
};

static inline size_t update_row(const struct update_rows *r, size_t i) { return r->ids ? r->ids[i] : i; }
static inline size_t update_at(const struct update_rows *r, size_t i, size_t width) { return update_row(r, i) * width; }

static inline void update_fetch(const struct update_rows *r, const float *rows, size_t i, size_t width)
{
    if (!r->ids || i + ROWS_AHEAD >= r->count) return;
    const float *row = rows + r->ids[i + ROWS_AHEAD] * width;
    for (size_t j = 0; j < width; j += 16) __builtin_prefetch(row + j, 1);
}

/* The gradient with its penalty: l2 w + l1 sign(w), nothing of l1 at 0. */
static inline float update_grad(const struct update_rows *r, float g, float w) { return g + (r->l2 * w + (w > 0 ? r->l1 : w < 0 ? -r->l1 : 0.0f)); }

/* Constant widths unroll: body(r, width, ...) with 1, 4, 16, or what r says. */
#define ROWS_BY_WIDTH(body, r, ...) \
    do { \
        if ((r)->width == 1) body(r, 1, __VA_ARGS__); \
        else if ((r)->width == 4) body(r, 4, __VA_ARGS__); \
        else if ((r)->width == 16) body(r, 16, __VA_ARGS__); \
        else body(r, (r)->width, __VA_ARGS__); \
    } while (0)

#endif

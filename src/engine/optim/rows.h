/* What the update kernels share: where row i is, the row ahead to fetch, and the penalty of a weight. Random rows of a big table miss every cache, so
 * each kernel asks for rows some way ahead. */
#ifndef TRAINYARD_ENGINE_OPTIM_ROWS_H
#define TRAINYARD_ENGINE_OPTIM_ROWS_H

#include <stddef.h>
#include <stdint.h>

enum { ROWS_AHEAD = 12 };

struct update_rows {
    float *w;
    float *const *state;
    const uint32_t *ids; /* (count), or NULL: 0 .. count - 1 */
    size_t count, width;
    const float *g; /* (count, width) mean gradient */
    float lr, l1, l2;
};

static inline size_t update_at(const struct update_rows *r, size_t i, size_t width) { return (r->ids ? r->ids[i] : i) * width; }

static inline void update_fetch(const struct update_rows *r, const float *rows, size_t i, size_t width)
{
    if (!r->ids || i + ROWS_AHEAD >= r->count) return;
    const float *row = rows + r->ids[i + ROWS_AHEAD] * width;
    for (size_t j = 0; j < width; j += 16) __builtin_prefetch(row + j, 1);
}

/* The gradient with its penalty: l2 w + l1 sign(w), nothing of l1 at 0. */
static inline float update_grad(const struct update_rows *r, float g, float w) { return g + (r->l2 * w + (w > 0 ? r->l1 : w < 0 ? -r->l1 : 0.0f)); }

#endif

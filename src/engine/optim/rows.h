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
static inline float penalised(float g, float w, float l1, float l2) { return g + (l2 * w + (w > 0 ? l1 : w < 0 ? -l1 : 0.0f)); }

/* What to divide by that may be 0 where what is divided is 0, too: 1 then. In a form that vectorises. */
static inline float or_one(float x) { return x + (float)(x == 0); }

/* Sums by lanes, so that they vectorise and have the same bits whatever the vector width: element j goes to lane j mod ROW_LANES, lanes fold by
 * halves. */
enum { ROW_LANES = 16 };
static inline double lanes_fold(double lane[ROW_LANES])
{
    for (size_t half = ROW_LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

/* For each j < width: body with j and its lane l. Whole lanes at a time; what is left at the end. */
#define EACH_LANE(j, l, width, ...) \
    do { \
        size_t whole_ = (width) - (width) % ROW_LANES; \
        for (size_t from_ = 0; from_ < whole_; from_ += ROW_LANES) \
            for (size_t l = 0; l < ROW_LANES; l++) { \
                size_t j = from_ + l; \
                __VA_ARGS__ \
            } \
        for (size_t l = 0; whole_ + l < (width); l++) { \
            size_t j = whole_ + l; \
            __VA_ARGS__ \
        } \
    } while (0)

#endif

/* Rows of a table whose weights take two bytes, as an optimiser wants them: a window of rows at a time in floats, weights and state side by side,
 * which it updates in place. So no optimiser knows how a table is kept, and its state stays as exact as it is. */
#ifndef TRAINYARD_ENGINE_TRAIN_ROW_WINDOW_H
#define TRAINYARD_ENGINE_TRAIN_ROW_WINDOW_H

#include "engine/core/floats.h"
#include "engine/core/params.h"
#include "engine/optim/rows.h"

struct row_window { /* a worker's buffers; zeroed: ready */
    struct floats w, state[STATES_MAX];
    float *at[STATES_MAX]; /* what the optimiser gets: the buffers, or a state that no row has of its own */
};
void row_window_close(struct row_window *b); /* safe on a zeroed struct, and twice */

/* row_window_rows: how many rows of that width at a time: what stays in a core's cache. */
size_t row_window_rows(size_t width);

/* row_window_open: the rows of tensor t that all->ids names from `from` on, `count` of them, as *rows with their gradient. ERROR_NOMEM.
 * row_window_store: their states go back, and with `moved` their weights, rounded at step `step`. */
int row_window_open(struct row_window *b, const struct params *p, size_t t, const struct update_rows *all, size_t from, size_t count,
                    struct update_rows *rows, struct error *err);
void row_window_store(struct row_window *b, struct params *p, size_t t, const struct update_rows *all, size_t from, size_t count, bool moved,
                      uint64_t step);

#endif

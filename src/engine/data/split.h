/* Splits: which side a row is on, as a pure function of the row (algorithms.md §6). One file a kind, one row in splits[]. */
#ifndef TRAINYARD_ENGINE_DATA_SPLIT_H
#define TRAINYARD_ENGINE_DATA_SPLIT_H

#include "base/kind.h"

enum split_side { SIDE_TRAIN, SIDE_VALIDATION, SIDE_TEST, SIDES };

struct split {
    struct kind kind; /* first */
    /* side: of row number `row` (ordinal in the dataset, independent of files' chunking). Pure. */
    enum split_side (*side)(const void *params, uint64_t row);
};
extern const struct split *const splits[]; /* NULL-terminated: none, holdout, sequential */

struct splitter { /* a split with its options */
    const struct split *split;
    const void *params;
};
static inline enum split_side splitter_side(const struct splitter *s, uint64_t row) { return s->split->side(s->params, row); }

/* splitter_count: rows of each side among rows first .. first + count - 1, added to counts. */
void splitter_count(const struct splitter *s, uint64_t first, uint64_t count, uint64_t counts[SIDES]);

#endif

/* Rows under construction: arrays that grow and are reused, so that parsing allocates nothing per row. */
#ifndef TRAINYARD_ENGINE_DATA_ROWS_H
#define TRAINYARD_ENGINE_DATA_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum rows_part { /* optional arrays; a format keeps each of them always or never */
                 ROWS_VALUES = 1,
                 ROWS_FIELDS = 2,
                 ROWS_WEIGHTS = 4,
                 ROWS_GROUPS = 8,
                 ROWS_TIMES = 16,
                 ROWS_REALS = 32
};

struct rows {
    size_t count, features;
    size_t rows_max, features_max; /* room */
    uint32_t *ends;                /* (count): features up to and with row r */
    uint32_t *keys;                /* (features) */
    float *values;                 /* (features), with ROWS_VALUES; else every value is 1 */
    uint16_t *fields;              /* (features), with ROWS_FIELDS */
    uint8_t *labels;               /* (count), 0 or 1; with ROWS_REALS 0 */
    float *reals;                  /* (count), with ROWS_REALS: labels that are no bits, finite */
    float *weights;                /* (count), with ROWS_WEIGHTS; finite, >= 0 */
    uint64_t *groups;              /* (count), with ROWS_GROUPS */
    int64_t *times;                /* (count), with ROWS_TIMES */
    unsigned with;                 /* rows_part: which of the arrays are kept */
    const uint16_t *layout;        /* (layout_size), borrowed: the fields of every row, where all rows have the same; NULL: see fields */
    size_t layout_size;
};

void rows_clear(struct rows *rows, unsigned with); /* empty, memory kept; layout NULL */
void rows_close(struct rows *rows);                /* safe on a zeroed struct, and twice */
int rows_grow(struct rows *rows, size_t more_rows, size_t more_features, struct error *err);

/* rows_reserve: room for that many more, in every array of `with`; features stay below 2^32. Afterwards the writer fills ends, keys, labels and the
 * arrays that it asked for. */
static inline int rows_reserve(struct rows *rows, size_t more_rows, size_t more_features, struct error *err)
{
    bool fits = rows->rows_max - rows->count >= more_rows && rows->features_max - rows->features >= more_features;
    bool there = (rows->values || !(rows->with & ROWS_VALUES)) && (rows->fields || !(rows->with & ROWS_FIELDS)) &&
                 (rows->weights || !(rows->with & ROWS_WEIGHTS)) && (rows->groups || !(rows->with & ROWS_GROUPS)) &&
                 (rows->times || !(rows->with & ROWS_TIMES)) && (rows->reals || !(rows->with & ROWS_REALS));
    return fits && there ? 0 : rows_grow(rows, more_rows, more_features, err);
}

/* rows_end_row: the features added since the last row are a row now. Its weight, group, time and real label are at index rows->count before the call.
 */
static inline void rows_end_row(struct rows *rows, size_t features, uint8_t label)
{
    rows->features += features;
    rows->labels[rows->count] = label;
    rows->ends[rows->count++] = (uint32_t)rows->features;
}

/* rows_label: of row r, whichever way it is kept. */
static inline float rows_label(const struct rows *rows, size_t r) { return rows->with & ROWS_REALS ? rows->reals[r] : rows->labels[r]; }

#endif

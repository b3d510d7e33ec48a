/* Rows as they pass from data to model: a compressed sparse row (CSR) block of features, and beside them what is known of each row.
 *
 * A feature is a 32-bit key: the top bits of hash(field, value). A model's table of 2^b slots uses slot = key >> (32 - b), so one cached
 * block serves every table size. Values are 1 unless `values` is there. A field is a column's number; where every row has the same columns
 * in the same order, one row's pattern stands for all. */
#ifndef TRAINYARD_ENGINE_CORE_BATCH_H
#define TRAINYARD_ENGINE_CORE_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FIELD_UNKNOWN = 0xffff, FIELD_MAX = 0xfffe };

/* A row's weight is 0 or within these: no measure depends on the scale of weights, and nothing that sums them loses the small ones. */
#define ROW_WEIGHT_MIN 1e-6f
#define ROW_WEIGHT_MAX 1e6f

struct batch { /* borrowed arrays; row r has features offsets[r] .. offsets[r + 1] - 1 */
    size_t rows, features;
    const uint32_t *offsets; /* (rows + 1), offsets[0] = 0 */
    const uint32_t *keys;    /* (features) */
    const float *values;     /* (features), or NULL: all 1 */
    const uint16_t *fields;  /* (features), or one row's when same_fields; NULL: not known */
    bool same_fields;
    uint64_t first_row;       /* of a block: the ordinal of its row 0 in the data set */
    const uint64_t *ordinals; /* (rows), of a gathered batch: each row's; NULL: first_row, first_row + 1, ... */
    const float *labels;      /* (rows), as the job's loss has them (label.h): mostly 0 or 1 */
    const float *weights;     /* (rows), 0 or ROW_WEIGHT_MIN .. ROW_WEIGHT_MAX; NULL: all 1 */
    const uint64_t *groups;   /* (rows): hash of the group column's text (a user, a session); NULL: none */
    const int64_t *times;     /* (rows): the time column (seconds, or a number as it stands); NULL: none */
};

/* batch_fields: the fields of row r's features, or NULL when they are not known. */
static inline const uint16_t *batch_fields(const struct batch *b, size_t r)
{
    return b->fields ? b->fields + (b->same_fields ? 0 : b->offsets[r]) : NULL;
}

static inline uint64_t batch_ordinal(const struct batch *b, size_t r) { return b->ordinals ? b->ordinals[r] : b->first_row + r; }

/* One row of one block: how the data room hands out a shuffled order without copying. */
struct row_ref {
    const struct batch *block;
    uint32_t row;
};

#endif

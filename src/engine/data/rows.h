/* Rows under construction: arrays that grow and are reused, so that parsing allocates nothing per row. */
#ifndef TRAINYARD_ENGINE_DATA_ROWS_H
#define TRAINYARD_ENGINE_DATA_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

struct rows {
    size_t count, features;
    size_t rows_max, features_max; /* room */
    uint32_t *ends;                /* (count): features up to and with row r */
    uint32_t *keys;                /* (features) */
    float *values;                 /* (features), only while with_values */
    uint8_t *labels;               /* (count), 0 or 1 */
    bool with_values;              /* false: every value is 1 and `values` is not kept */
};

void rows_clear(struct rows *rows, bool with_values); /* empty, memory kept */
void rows_close(struct rows *rows);                   /* safe on a zeroed struct, and twice */
int rows_grow(struct rows *rows, size_t more_rows, size_t more_features, struct error *err);

/* rows_reserve: room for that many more; features stay below 2^32. */
static inline int rows_reserve(struct rows *rows, size_t more_rows, size_t more_features, struct error *err)
{
    bool fits = rows->rows_max - rows->count >= more_rows && rows->features_max - rows->features >= more_features;
    return fits && (rows->values || !rows->with_values) ? 0 : rows_grow(rows, more_rows, more_features, err);
}

/* rows_end_row: the features added since the last row are a row now. */
static inline void rows_end_row(struct rows *rows, size_t features, uint8_t label)
{
    rows->features += features;
    rows->labels[rows->count] = label;
    rows->ends[rows->count++] = (uint32_t)rows->features;
}

#endif

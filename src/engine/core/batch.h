/* Rows as they pass from data to model: a compressed sparse row (CSR) block of features.
 *
 * A feature is a 32-bit key: the top bits of hash(field, value). A model's table of 2^b slots uses slot = key >> (32 - b), so one cached
 * block serves every table size. Values are 1 unless `values` is there. */
#ifndef TRAINYARD_ENGINE_CORE_BATCH_H
#define TRAINYARD_ENGINE_CORE_BATCH_H

#include <stddef.h>
#include <stdint.h>

struct batch { /* borrowed arrays; rows r has features offsets[r] .. offsets[r + 1] - 1 */
    size_t rows, features;
    const uint32_t *offsets; /* (rows + 1), offsets[0] = 0 */
    const uint32_t *keys;    /* (features) */
    const float *values;     /* (features), or NULL: all 1 */
    const float *labels;     /* (rows), 0 or 1 */
};

/* One row of one block: how the data room hands out a shuffled order without copying. */
struct row_ref {
    const struct batch *block;
    uint32_t row;
};

#endif

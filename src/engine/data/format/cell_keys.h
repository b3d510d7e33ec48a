/* Keys of cells whose text is the value, neighbours in a row and as many at a time as the processor has lanes: what feature.h says of each, for
 * wide tables of categories, where going through them one by one costs more than reading the text. Which columns these are columns.c knows. */
#ifndef TRAINYARD_ENGINE_DATA_CELL_KEYS_H
#define TRAINYARD_ENGINE_DATA_CELL_KEYS_H

#include "base/kernel.h"
#include "engine/data/format/column.h"

struct cell_keys {           /* of each column; (count) each, owned */
    uint64_t *seeds, *flips; /* flips: hash64_flip */
    uint32_t *missing;       /* the key of an empty cell */
};

int cell_keys_init(struct cell_keys *k, size_t count, struct error *err);
void cell_keys_close(struct cell_keys *k); /* safe on a zeroed struct, and twice */
void cell_keys_set(struct cell_keys *k, size_t i, const struct column *column);

/* keys (n) of cells (n), which belong to columns first .. first + n - 1 of k. Eight bytes behind the start of each cell can be read. */
typedef void cell_keys_fn(const struct cell_keys *k, size_t first, const struct cell *cells, size_t n, uint32_t *keys);
cell_keys_fn *cell_keys_best(void); /* of cpu_level() */

#endif

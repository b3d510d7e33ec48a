/* The distinct slots of a micro-batch. Duplicates are merged here, before memory is touched: a batch of Zipf traffic has a fraction of its features
 * distinct, and each table row is then read once and written once. */
#ifndef TRAINYARD_ENGINE_CORE_LOOKUP_H
#define TRAINYARD_ENGINE_CORE_LOOKUP_H

#include "engine/core/batch.h"
#include "engine/core/params.h"

enum lookup_order {
    LOOKUP_OCCURRENCE, /* of first occurrence: no feature is looked at twice */
    LOOKUP_SLICES,     /* by slice, then as before: rows of several cache lines are then merged and fetched in a row */
    LOOKUP_ASCENDING,  /* as codecs want it that write gaps */
};

struct lookup {
    size_t count; /* distinct slots */
    enum lookup_order order;
    uint32_t *slots; /* (count) */
    uint32_t *local; /* (features): position in slots of each feature of the batch */
    /* Positions in slots, grouped by slice, ascending in it; those of slice q: by_slice[slice_start[q]] .. by_slice[slice_start[q + 1] - 1]. */
    uint32_t *by_slice, slice_start[SLICES_MAX + 1];
    /* private */
    uint32_t table_bits, table_bits_max;
    uint32_t *table, *scratch;
    size_t features_max;
};

/* lookup_build: fill l (zeroed to start with) from the batch's keys, whose high p->row_bits are the row of a table. Grows its buffers when needed. */
int lookup_build(struct lookup *l, const struct batch *batch, const struct params *p, enum lookup_order order, struct error *err);
/* lookup_distinct_slots: slots, count and local alone, for slots of that many bits, in order of first occurrence. */
int lookup_distinct_slots(struct lookup *l, const struct batch *batch, uint32_t bits, struct error *err);
void lookup_close(struct lookup *l);

#endif

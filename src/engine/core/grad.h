/* A shard's gradient: sums over its examples (never means), for the distinct slots of its micro-batch and for the dense tensors. */
#ifndef TRAINYARD_ENGINE_CORE_GRAD_H
#define TRAINYARD_ENGINE_CORE_GRAD_H

#include "engine/core/lookup.h"

/* Rows of one tensor: what codecs encode and what decoding gives back. A dense tensor sends all of its rows, ids 0 .. rows-1.
 * Ids are grouped by slice; for codecs they ascend strictly. */
struct grad_rows {
    size_t count;
    uint32_t width;
    uint32_t *ids;   /* (count) */
    float *values;   /* (count, width) */
    uint32_t *place; /* (count): where in values the row of each id is; NULL: in the same order */
    uint32_t slice_start[SLICES_MAX + 1];
};

struct grad_buffer { /* rows with their own memory */
    struct grad_rows rows;
    uint32_t *places;
    size_t rows_max, floats_max, places_max;
};
/* grad_buffer_reserve: room for count rows of that width; what was there is lost unless keep. */
int grad_buffer_reserve(struct grad_buffer *b, size_t count, uint32_t width, bool keep, struct error *err);
/* grad_buffer_zeros: rows of zeros for the slots of a micro-batch, in their order. */
int grad_buffer_zeros(struct grad_buffer *b, const struct lookup *l, uint32_t width, struct error *err);
void grad_buffer_close(struct grad_buffer *b);

struct grad {
    double examples;                        /* n_i: what the sums run over; 0 = an empty shard, whose message is "nothing" */
    struct grad_buffer tensor[TENSORS_MAX]; /* in the order of struct params */
};
void grad_close(struct grad *g);

/* One slice of one tensor over all shards, row by row: what an aggregation rule combines. src (count, shards): 1 + row index in values[shard],
 * 0 where the shard did not send the row. */
struct merged {
    size_t count, shards;
    uint32_t width;
    const uint32_t *ids, *src;
    const float *const *values;
};

#endif

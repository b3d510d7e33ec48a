/* Error feedback (algorithms.md §1.2): what a codec did not send waits in the shard's residual and joins the row's next gradient:
 *   a = g + (eta_then / eta_now) beta e,   m = C(a),   e <- a - D(m)
 * The residual of a table is sparse: a map from row to values, bounded. Beyond the bound the row that waited longest is sent, never dropped.
 * It belongs to one tensor of one shard and is part of the checkpoint, in the order of waiting. */
#ifndef TRAINYARD_ENGINE_COMPRESS_RESIDUAL_H
#define TRAINYARD_ENGINE_COMPRESS_RESIDUAL_H

#include "engine/compress/codec.h"

struct residual {
    uint32_t width;
    size_t max; /* rows that may wait after a step */
    float beta; /* residual_decay */
    /* private */
    size_t count, room;
    uint32_t *ids, *older, *newer, *chain; /* per entry; 0 = none, entries count from 1 */
    float *eta, *values;
    uint32_t *bucket, bucket_bits, oldest, newest, unused;
    uint8_t *forced;
    size_t forced_max;
};

void residual_init(struct residual *r, uint32_t width, size_t max, double beta); /* allocates nothing */
void residual_close(struct residual *r);
void residual_reset(struct residual *r); /* nothing waits any more */

/* residual_add: g (ascending rows) becomes a in place: residuals of its rows join and leave the map; while more than max rows wait, the oldest
 * are appended as rows of their own. *forced: borrowed flags (rows), 1 = must be sent; NULL when there are none. slice_start is kept right. */
int residual_add(struct residual *r, struct grad_buffer *g, float eta, const struct codec_call *call, const uint8_t **forced, struct error *err);

/* residual_keep: e = a - d for each row of a, where d (ascending) is what decoding gave; rows that are all zero are not kept. */
int residual_keep(struct residual *r, const struct grad_rows *a, const struct grad_rows *d, float eta, struct error *err);

/* residual_bytes: what so many waiting rows take at most. */
uint64_t residual_bytes(uint64_t rows, uint32_t width);

/* For the checkpoint: rows in the order of waiting. residual_load appends one row as the newest. */
size_t residual_rows(const struct residual *r);
size_t residual_save(const struct residual *r, size_t max, uint32_t *ids, float *eta, float *values); /* first max rows; returns how many */
int residual_load(struct residual *r, uint32_t id, float eta, const float *values, struct error *err);

#endif

/* How many rows of a hashed table the data touches: in all, and in a micro-batch. Counted from the cached blocks, for who must know better than that
 * each of a batch's features may be a slot of its own (memory_need.h). */
#ifndef TRAINYARD_ENGINE_TRAIN_TOUCHED_H
#define TRAINYARD_ENGINE_TRAIN_TOUCHED_H

#include "contract/spec.h"
#include "engine/data/dataset.h"

#define TOUCHED_UNKNOWN UINT64_MAX

struct touched {         /* rows of a table; TOUCHED_UNKNOWN: not counted */
    uint64_t all;        /* by the whole data */
    uint64_t shard;      /* by a micro-batch of shard_rows rows */
    uint64_t chunk;      /* by SCORE_CHUNK_ROWS rows */
    uint64_t shard_rows; /* spread evenly over the data, as a shuffle does; a twentieth is added for those that have more */
};
extern const struct touched touched_unknown;

/* touched_count: of the spec's slots. Of long data a part is read, and `all` is not known; nor where another model's rows come first. Nothing is
 * counted where rows are not slots, and of very large tables. */
int touched_count(const struct spec *spec, struct dataset *dataset, uint64_t shard_rows, struct touched *out, struct error *err);

#endif

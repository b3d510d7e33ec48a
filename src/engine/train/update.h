/* The update side of a step: the owner of a slice merges what the shards sent, aggregates, and moves the parameters. */
#ifndef TRAINYARD_ENGINE_TRAIN_UPDATE_H
#define TRAINYARD_ENGINE_TRAIN_UPDATE_H

#include "engine/comm/merge.h"
#include "engine/train/shard.h"

struct fold;

struct updater { /* a worker's buffers */
    struct merge merge;
    struct merge_source *sources; /* (shards) */
    struct floats mean;
};
int updater_init(struct updater *u, const struct fold *fold, struct error *err);
void updater_close(struct updater *u);

/* update_slice: all tables' rows of slice q for step `step` (from 1); of a dense tensor the rows that belong to it, if it has so many slices.
 * examples: the weights of the rows of all shards together. */
int update_slice(struct updater *u, struct fold *fold, uint32_t q, uint64_t step, double examples, struct error *err);

#endif

/* What a run takes in memory at most, part by part, from sizes alone: said before it starts. An upper estimate: every row of a table may come to
 * life, and each feature of a micro-batch be a row of its own, but where it was counted (touched.h). */
#ifndef TRAINYARD_ENGINE_TRAIN_MEMORY_NEED_H
#define TRAINYARD_ENGINE_TRAIN_MEMORY_NEED_H

#include "contract/spec.h"
#include "engine/model/model.h"
#include "engine/train/touched.h"

struct memory_sizes { /* what decides it, beside the spec; those of the spec too, since a remedy tries others */
    uint32_t hash_bits;
    uint64_t shards, batch;
    unsigned workers;
    struct model_shape shape;
    uint64_t rows;         /* of the data; UINT64_MAX: not known */
    double row_features;   /* of a row, in the block where they are most */
    uint64_t features_max; /* of any row */
    struct touched touched;
    uint64_t piece_bytes; /* of parsed rows, of which some pieces wait where rows pass by; 0: not known, or none do */
};

struct memory_need {        /* bytes */
    uint64_t tables, dense; /* weights and optimiser state */
    uint64_t slot;          /* of all tables, of one slot */
    uint64_t counts;        /* of features.min_count */
    uint64_t residuals;     /* of all shards */
    uint64_t gradients;     /* of all shards, with what a codec makes of them */
    uint64_t workspace;     /* of all workers: looked up rows, activations, merged rows, lines of scores */
    uint64_t work;          /* what an optimiser of all weights at once needs beside its state */
    uint64_t member;        /* an ensemble's model beside the fold's */
    uint64_t snapshot;      /* weights, state, counts and residuals once more, for a checkpoint */
    uint64_t buffers;       /* windows of rows, and everything else */
};

struct memory_need memory_need(const struct spec *spec, const struct memory_sizes *sizes);
uint64_t memory_need_sum(const struct memory_need *m);

/* memory_shard_rows: of a shard's micro-batch. */
uint64_t memory_shard_rows(const struct memory_sizes *sizes);

#endif

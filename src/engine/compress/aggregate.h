/* Aggregation rules: the shards' decoded rows of one slice to one mean gradient. One file each, one row in aggregates[]. Sums over shards
 * follow the canonical tree (algorithms.md §2): neighbours at distance 1, 2, 4, ... are added, an absent shard is a skipped leaf. */
#ifndef TRAINYARD_ENGINE_COMPRESS_AGGREGATE_H
#define TRAINYARD_ENGINE_COMPRESS_AGGREGATE_H

#include "base/kind.h"
#include "engine/core/grad.h"

struct aggregate {
    struct kind kind; /* first */
    /* combine: out (count, width). Rows carry sums over a shard's examples; `examples` is the total over all shards (> 0). */
    void (*combine)(const void *params, const struct merged *m, double examples, float *out);
};

extern const struct aggregate *const aggregates[]; /* NULL-terminated: mean, vote */
extern const struct aggregate aggregate_mean, aggregate_vote;

#endif

/* The reduce side of an exchange in one address space: the owner of a slice finds, for each row that any shard sent, where each shard's copy is.
 * The order of rows is (shard, position): a function of the messages, never of threads. */
#ifndef TRAINYARD_ENGINE_COMM_MERGE_H
#define TRAINYARD_ENGINE_COMM_MERGE_H

#include "engine/core/grad.h"

struct merge_source { /* one shard's rows of a slice; borrowed */
    const uint32_t *ids;
    const float *values;
    size_t count;
    const uint32_t *place; /* where in values the row of each id is; NULL: in the same order */
};

struct merge { /* an owner's working memory, reused from slice to slice */
    struct merged merged;
    uint32_t *ids, *src;
    const float **values;
    uint32_t *table, table_bits;
    size_t rows_max, cells_max, shards_max;
};

/* merge_rows: fill m->merged from `shards` sources. Zeroed struct to start with. */
int merge_rows(struct merge *m, const struct merge_source *sources, size_t shards, uint32_t width, struct error *err);

/* merge_again: as merge_rows(), where the last one had the sources `before` and nothing in them has changed since. false: other rows, nothing done.
 */
bool merge_again(struct merge *m, const struct merge_source *before, const struct merge_source *now, size_t shards, uint32_t width);
void merge_close(struct merge *m);

#endif

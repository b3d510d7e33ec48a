/* Sides of a data set: how many rows, and how many positive ones, each block has on each side of a split. Counted once a job (a fold) from the
 * blocks' heads, then used by every stream and evaluation, so that an epoch can be planned without reading it. */
#ifndef TRAINYARD_ENGINE_DATA_SIDES_H
#define TRAINYARD_ENGINE_DATA_SIDES_H

#include "base/parallel.h"
#include "engine/core/loss.h"
#include "engine/data/dataset.h"
#include "engine/data/split/split.h"

struct sides {
    struct splitter splitter; /* params borrowed */
    uint64_t blocks;
    uint32_t (*rows)[SIDES]; /* (blocks) */
    uint64_t totals[SIDES], positives[SIDES];
    uint64_t weightless[SIDES]; /* of the totals: rows of weight 0, which count nowhere */
    float label_max;            /* of all rows; 0: none is larger */
    double blank[SIDES];        /* mean loss of a score of 0 for every row, by the rows' weights; 0 without rows */
    uint64_t replayed;          /* of the training side: older rows (split.h: replay_from) */
};

/* sides_count: reads the head of every block, side by side. splitter.context is filled in here but for `fold`. ERROR_INVALID: the split needs what
 * the rows do not have, with the way out. loss: of labels that are numbers, for `blank`; NULL: not wanted. After a failure there is nothing to close.
 */
int sides_count(struct sides *sides, struct dataset *dataset, const struct splitter *splitter, const struct loss *loss,
                const struct parallel *parallel, struct error *err);
void sides_close(struct sides *sides); /* safe on a zeroed struct, and twice */

/* sides_of: the side of each row of block `index`, which has been read (its head is enough), into out (block->batch.rows). */
void sides_of(const struct splitter *splitter, const struct dataset *dataset, uint64_t index, const struct block *block, uint8_t *out);

/* split_rows_of: a block as a split sees it. */
struct split_rows split_rows_of(const struct dataset *dataset, uint64_t index, const struct block *block);

#endif

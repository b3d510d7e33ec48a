/* Checkpoints (algorithms.md §10): parameters, optimiser state, residuals and cursor as one safetensors file, written by another pool thread from a
 * snapshot while training goes on. The snapshot copies live rows only, by the whole team, at a step boundary; nothing in it depends on workers,
 * clocks or paths, so the same state gives the same bytes.
 *
 * Periodic ones are deltas where checkpoint.incremental is set: the rows that were touched since the one before, chained by SHA-256
 * (contract/chain.h), until together they would be more than half of the whole file that they stand on; the next is whole again. The best, the last
 * and the first after a start are always whole, so that what is published never depends on when checkpoints were taken. */
#ifndef TRAINYARD_ENGINE_TRAIN_CHECKPOINT_H
#define TRAINYARD_ENGINE_TRAIN_CHECKPOINT_H

#include "engine/train/fold.h"

struct checkpointer;
struct checkpointer *checkpointer_new(struct fold *fold, struct error *err);
void checkpointer_free(struct checkpointer *c); /* waits for a write in progress; NULL is fine */

enum checkpoint_wish {
    CHECKPOINT_PERIODIC, /* skipped while the previous one is still being written, but under train.nonfinite "rollback"; a failure is logged, training
                            goes on */
    CHECKPOINT_BEST,     /* kept beside the newest ones until a better one comes */
    CHECKPOINT_FINAL     /* waits until it is durable; a failure is an error */
};

/* checkpoint_due: is a periodic one due at this step or time? By the clock not before 1/0.035 of what the last one took has passed. */
bool checkpoint_due(struct checkpointer *c);
/* checkpoint_save: of the present cursor. BEST and FINAL write anew even when that step is on disk, since they carry what validation decided. */
int checkpoint_save(struct checkpointer *c, enum checkpoint_wish wish, struct error *err);

/* checkpoint_settle: wait for a write in progress; its failure is logged, and training goes on with the checkpoint before. */
void checkpoint_settle(struct checkpointer *c);

/* checkpoint_load_newest: newest checkpoint that is as its sidecar says, and reads well, into params, residuals, cursor and best; ERROR_NOTFOUND when
 * there is none. One that is damaged, or has no sidecar, is skipped with a note, ERROR_DATA when all are; one of another spec or data set is
 * ERROR_CONFLICT naming the difference. checkpoint_load: that of a step, ERROR_DATA when it is damaged. */
int checkpoint_load_newest(struct fold *fold, struct error *err);
int checkpoint_load(struct fold *fold, uint64_t step, struct error *err);

/* checkpoint_discard: the newest one, of that step, is of no use: it goes, and may be written again. */
void checkpoint_discard(struct checkpointer *c, uint64_t step);

/* checkpoint_finish: path (final.safetensors) = hard link to the checkpoint of that step, its sidecar (final.json) before it; its digest. */
int checkpoint_finish(struct checkpointer *c, uint64_t step, const char *path, char sha256[SHA256_HEX], struct error *err);

/* checkpoint_publish: path (final.safetensors in the fold's folder) = the model in memory with its calibration, a file of its own; told as a
 * checkpoint event, so that whoever follows the job finds it. */
int checkpoint_publish(struct fold *fold, const char *path, char sha256[SHA256_HEX], struct error *err);

#endif

/* The guard: lets a step pass, or says what becomes of it (train.nonfinite, train.spike_factor). A bad step is one whose loss or gradient is not
 * finite in some shard, or whose mean loss is above spike_factor times the running mean of good steps (once there are GUARD_WARMUP of them). Nothing
 * of a bad step stays: no parameter, state, residual or count moves.
 *
 * fail: the run ends as diverged. skip: training goes on with the next batch; after GUARD_IN_A_ROW of them it has diverged. rollback: back to the
 * newest checkpoint, at half the rate, GUARD_ROLLBACKS times at most; to the one before it where the same one was no help. Where that is depends on
 * which checkpoints there are, so unlike all else the bits of such a run depend on the clock unless checkpoints are by steps: those are then written
 * each, and a run that was killed comes the same way again. */
#ifndef TRAINYARD_ENGINE_TRAIN_GUARD_H
#define TRAINYARD_ENGINE_TRAIN_GUARD_H

#include "engine/train/fold.h"

enum { GUARD_IN_A_ROW = 10, GUARD_ROLLBACKS = 3, GUARD_WARMUP = 20 };

/* guard_holds: shards wait for the guard between gradient and message. */
bool guard_holds(const struct fold *fold);

enum guard_verdict { GUARD_PASS, GUARD_SKIP, GUARD_BACK };

/* guard_judge: the step whose gradients the shards hold; weight: of its rows. ERROR_DIVERGED: training ends here. GUARD_BACK: a checkpoint was
 * loaded, the cursor stands at it. */
int guard_judge(struct fold *fold, uint64_t step, double weight, enum guard_verdict *verdict, struct error *err);

#endif

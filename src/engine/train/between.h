/* What happens between two steps, whatever the strategy: validation and early stopping's judgement, checkpoints that are due, and stops that are
 * asked for. */
#ifndef TRAINYARD_ENGINE_TRAIN_BETWEEN_H
#define TRAINYARD_ENGINE_TRAIN_BETWEEN_H

#include "engine/train/fold.h"

/* between_validate: a point of the curve, unless this step has one already or there is no validation side; may end training (fold->cursor.ended). */
int between_validate(struct fold *fold, struct error *err);

/* between_steps: after a step is done. ERROR_STOPPED: training was asked to stop; a checkpoint was written unless at once. */
int between_steps(struct fold *fold, struct error *err);

/* between_stop: ERROR_STOPPED for a stop (stop.h's 1 or 2) that was asked for, with the cursor and parameters as they shall be saved. */
int between_stop(struct fold *fold, int stop, struct error *err);

#endif

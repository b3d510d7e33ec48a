/* The learner: a fold's weights of the first order in the form in which rows are learnt one after the other (optim/learn.h): each beside its states.
 * The fold's params are behind until learner_settle(). */
#ifndef TRAINYARD_ENGINE_TRAIN_LEARNER_H
#define TRAINYARD_ENGINE_TRAIN_LEARNER_H

#include "engine/train/fold.h"

struct learner;

/* learner_new: from the fold's params, whose model is of the first order and whose optimiser can learn so. NULL: no memory. */
struct learner *learner_new(struct fold *fold, struct error *err);
void learner_free(struct learner *l); /* NULL is fine */

/* learner_learn: rows from .. to - 1 of the batch, of step `step`; logits (to - from): of each before it was learnt. weights: of these rows in
 * training, or NULL. */
void learner_learn(struct learner *l, const struct batch *batch, size_t from, size_t to, const float *weights, uint64_t step, float *logits);

/* learner_settle: the fold's params become what has been learnt: slots that have moved wake, and are marked as touched; by the whole team. */
int learner_settle(struct learner *l, struct error *err);

/* learner_bytes: memory of a table of 2^hash_bits weights with so many states. */
uint64_t learner_bytes(uint32_t hash_bits, size_t states);

#endif

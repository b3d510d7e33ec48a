/* Has training diverged? Asked of a model by how it does on rows, where the loss and the gradients of its steps stayed finite numbers: a rate that is
 * too high can end in weights of 1e14 without one infinity. A model is then no model, and the run fails as one whose loss became infinite.
 *
 * Diverged is a model of which any score is not finite or beyond what evaluation counts (evaluation.bad_scores), or whose mean loss is above
 * DIVERGED_FACTOR times that of a score of 0 for every row. The latter is what a model says that has learnt nothing, and never less than what the
 * best constant (base rate, mean) costs: so a model that has hardly begun passes, whatever the base rate. A network's first outputs are of order 1,
 * whatever its labels are; a score off by 1 costs about DIVERGED_FLOOR, below which the comparison does not go. Labels of the training side count as
 * well as those of the rows that are judged: a model of prices that collapsed overnight is wrong, not diverged. */
#ifndef TRAINYARD_ENGINE_TRAIN_DIVERGED_H
#define TRAINYARD_ENGINE_TRAIN_DIVERGED_H

#include "engine/train/fold.h"

/* 100 times: with logistic loss 69, which only logits of that size on the wrong side bring about in the mean (probabilities of 1e-30 for what
 * happens); with squared loss an error ten times as large as the labels. */
#define DIVERGED_FACTOR 100.0
#define DIVERGED_FLOOR 0.5

/* diverged_check: e: the fold's model on that side of the data. ERROR_DIVERGED with the figures and what helps. */
int diverged_check(const struct fold *fold, enum split_side side, const struct evaluation *e, struct error *err);

#endif

/* Evaluators as a job's spec wants them, and the plain judgement on one side. */
#ifndef TRAINYARD_ENGINE_TRAIN_JUDGE_H
#define TRAINYARD_ENGINE_TRAIN_JUDGE_H

#include "engine/train/score.h"

/* judge_new: an evaluator with all that `evaluate` and `dataset` ask for: groups, slices, bootstrap. folder: for its temporary files, one such
 * evaluator a folder. NULL: error. evaluator_free() it. */
struct evaluator *judge_new(const struct job *job, const char *folder, struct error *err);

/* judge_plain_new: plain metrics alone. */
struct evaluator *judge_plain_new(const struct job *job, struct error *err);

/* judge_plain: plain metrics of one side, calibration applied. */
int judge_plain(struct fold *fold, const struct sides *sides, enum split_side side, struct evaluation *out, struct error *err);

/* judge_slices: evaluate.slices as fields of the data set. ERROR_INVALID: it has no such field, or one of plain numbers. */
int judge_slices(struct job *job, struct error *err);

#endif

/* Scoring one side of the split with the present parameters, by the whole team. */
#ifndef TRAINYARD_ENGINE_TRAIN_SCORE_H
#define TRAINYARD_ENGINE_TRAIN_SCORE_H

#include "engine/eval/eval.h"
#include "engine/train/fold.h"

/* score_side: every row of the side into *out. scores_path: also write scores.tsv there (row order), or NULL. ERROR_STOPPED when asked to stop now.
 */
int score_side(struct fold *fold, enum split_side side, const char *scores_path, struct evaluation *out, struct error *err);

#endif

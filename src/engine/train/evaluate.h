/* Judging the model that a fold has trained: evaluation.json and, when wished, scores.tsv in its folder. */
#ifndef TRAINYARD_ENGINE_TRAIN_EVALUATE_H
#define TRAINYARD_ENGINE_TRAIN_EVALUATE_H

#include "engine/train/fold.h"

/* fold_evaluate: with the parameters as they are; also emits the evaluation as an event. */
int fold_evaluate(struct fold *fold, struct error *err);

#endif

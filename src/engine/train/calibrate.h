/* The run's side of a fitted calibration (engine/eval/calibrate.h): fitted on the validation side once training has ended, saved in
 * final.safetensors, and held against the uncalibrated scores on the side that is judged. */
#ifndef TRAINYARD_ENGINE_TRAIN_CALIBRATE_H
#define TRAINYARD_ENGINE_TRAIN_CALIBRATE_H

#include "engine/train/score.h"

/* calibrate_wanted: is one to be fitted? */
bool calibrate_wanted(const struct fold *fold);

/* calibrate_check: the wish against the fold's sides, before training. ERROR_INVALID: there are no validation rows. */
int calibrate_check(const struct fold *fold, struct error *err);

/* calibrate_fold: fold->calibration, by the model in memory. *fitted: false when the spec wants none. ERROR_DATA: the validation side has one class.
 */
int calibrate_fold(struct fold *fold, bool *fitted, struct error *err);

struct raw { /* the same rows as they would be scored without the fit: with logit_offset alone */
    struct calibration offset;
    struct evaluator *evaluator; /* NULL: nothing was fitted, so there is nothing to hold it against */
    struct score_stream stream;  /* for score_side, where there is an evaluator */
};
int raw_open(struct raw *raw, const struct fold *fold, struct error *err); /* must not move afterwards; raw_close() it in any case */
void raw_close(struct raw *raw);

/* raw_put: `calibration` into evaluation.json: what was fitted, and AUC, logloss, calibration and ECE before and after. */
int raw_put(struct raw *raw, const struct fold *fold, const struct evaluation *after, json_t *json, struct error *err);

#endif

/* What stands between a model's logit and the score that is told. A monotone map of logits, so that metrics, scores.tsv and prediction go on from a
 * logit as before; each part is there only when something was fitted or undone, and without any of them no bit changes:
 *
 *   z1 = z + logit_offset         undoes negative down-sampling and class weights (He et al. 2014, s. 6.3; King and Zeng 2001)
 *   z2 = slope z1 + intercept     Platt scaling (Platt 1999)
 *   z3 = knots(z2)                isotonic regression (Zadrozny and Elkan 2002): linear between knots, constant beyond them
 *
 * in double, rounded to float once. Here are the struct, its application and its place in a checkpoint; fitting is engine/eval's. In the file:
 * metadata "logit_offset", "calibration_slope", "calibration_intercept" (texts of doubles, "%a"), and the knots as tensors "calibration.from" and
 * "calibration.to", F32 (K). What is neutral is not written. */
#ifndef TRAINYARD_ENGINE_CORE_CALIBRATION_H
#define TRAINYARD_ENGINE_CORE_CALIBRATION_H

#include <stdbool.h>

#include "base/json.h"
#include "base/tensor.h"

enum { CALIBRATION_KNOTS_MAX = 1 << 16, CALIBRATION_TENSORS = 2 };

struct calibration {
    double logit_offset, slope, intercept; /* finite; slope >= 0 */
    size_t count;                          /* knots; 0: none */
    float *from, *to;                      /* (count), owned (mem_array): finite; from ascends strictly, to does not descend */
};

void calibration_init(struct calibration *c);  /* neutral */
void calibration_close(struct calibration *c); /* neutral again */
bool calibration_neutral(const struct calibration *c);

/* calibration_apply: logits (n) in place. A NaN stays one. */
void calibration_apply(const struct calibration *c, float *logits, size_t n);

/* calibration_write: what is not neutral into the metadata object and tensors (room for CALIBRATION_TENSORS; *count grows); borrows c's knots. */
int calibration_write(const struct calibration *c, json_t *metadata, struct tensor *tensors, size_t *count, struct error *err);

/* calibration_load: of an open checkpoint, which is hostile; c need not be initialised, and is neutral after a failure. ERROR_DATA. */
int calibration_load(struct calibration *c, const struct tensor_file *file, struct error *err);

#endif

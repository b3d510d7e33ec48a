/* Warm start: a model begins from the parameters of another one (algorithms.md §9).
 *
 * Tensors are taken by name and shape, rows by slot: both models must have hashed their features alike. A model may differ otherwise in all: data,
 * optimiser, family, widths; what does not fit is said in one line and begins as ever. What the source's weights mean goes with them: the
 * statistics that its numbers were looked at through, and how often its features were seen; a slot that it has learnt is let in. Its fitted
 * calibration stays behind, since it is of its scores and not of these, and the shift that its sampling put into logits is exchanged for one's own
 * in the bias. Step, schedule and residuals begin anew; optimiser state, too, unless it is asked for. */
#ifndef TRAINYARD_ENGINE_TRAIN_WARM_START_H
#define TRAINYARD_ENGINE_TRAIN_WARM_START_H

#include "engine/train/fold.h"

/* warm_start_settle: what can be told of the wish before anything is read: which tensors there are to freeze. */
void warm_start_settle(const struct spec *spec, struct faults *faults);

/* warm_start_freeze: marks what stays as it is. */
void warm_start_freeze(const struct spec *spec, struct param_desc *descs, size_t count);

/* warm_start_scale: factor on the rate of that group. */
double warm_start_scale(const struct spec *spec, enum param_group group);

/* warm_start_identify: spec->warm_start.sha256 of the file that is there, where the spec leaves it open: from here on it is part of what decides the
 * bits. Nothing to do without a warm start. */
int warm_start_identify(struct spec *spec, const struct world *world, struct error *err);

/* warm_start_import: the source into a fold before its first step. Nothing to do without a warm start. ERROR_INVALID: another file than the spec
 * means, features hashed otherwise, or nothing that fits, with the difference; ERROR_DATA: a damaged file, or a value in it that is not finite. */
int warm_start_import(struct fold *fold, struct error *err);

/* What of it a checkpoint must say: the source's digest ("parent") and, where states were taken, how many steps are in them ("optimizer_steps").
 * warm_start_resume: from such a checkpoint. ERROR_INVALID: it began from another file. */
int warm_start_metadata(json_t *metadata, const struct fold *fold, struct error *err);
int warm_start_resume(struct fold *fold, const struct tensor_file *file, struct error *err);

#endif

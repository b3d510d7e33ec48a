/* Are the features of another model's rows those of this job's? Slots, hashes and fields mean nothing else than what they meant where they were
 * learnt. */
#ifndef TRAINYARD_ENGINE_TRAIN_SAME_FEATURES_H
#define TRAINYARD_ENGINE_TRAIN_SAME_FEATURES_H

#include "base/json.h"
#include "engine/train/job.h"

/* same_features: then: the other model's recipe; field_names: its fields, NULL when its format names none. ERROR_INVALID names the option that makes
 * them others, and what it was. */
int same_features(const struct job *job, const struct spec *then, const json_t *field_names, struct error *err);

#endif

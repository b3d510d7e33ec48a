/* Admission: a job that cannot fit in memory is refused before it starts. run_memory_bytes() is in run.h, for the service. */
#ifndef TRAINYARD_ENGINE_TRAIN_ADMIT_H
#define TRAINYARD_ENGINE_TRAIN_ADMIT_H

#include "contract/spec.h"
#include "engine/model/model.h"

/* spec_admit: ERROR_NOMEM names need, limit (resources.max_memory_bytes or the machine's memory) and what to lower. */
int spec_admit(const struct spec *spec, struct error *err);

/* model_admit: the same once the data is open and its fields are known, before a table is made: spec_admit refuses only what one field's model is
 * too big for. */
int model_admit(const struct spec *spec, struct model_shape shape, struct error *err);

#endif

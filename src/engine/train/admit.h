/* Admission: a job that cannot fit in memory is refused before it starts. run_memory_bytes() is in run.h, for the service. */
#ifndef TRAINYARD_ENGINE_TRAIN_ADMIT_H
#define TRAINYARD_ENGINE_TRAIN_ADMIT_H

#include "contract/spec.h"
#include "engine/model/model.h"

/* spec_admit: ERROR_NOMEM names the need as a sum (weights, optimiser state, residuals, a snapshot of these), the limit (memory_limit.h) and what to
 * lower, how far. */
int spec_admit(const struct spec *spec, const struct world *world, struct error *err);

/* model_admit: the same once the data is open and its fields are known, before a table is made: spec_admit refuses only what one field's model is
 * too big for. */
int model_admit(const struct spec *spec, const struct world *world, struct model_shape shape, struct error *err);

#endif

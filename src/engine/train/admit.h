/* Admission: a job that cannot fit in memory is refused before it starts. run_memory_bytes() is in run.h, for the service. */
#ifndef TRAINYARD_ENGINE_TRAIN_ADMIT_H
#define TRAINYARD_ENGINE_TRAIN_ADMIT_H

#include "contract/spec.h"

/* spec_admit: ERROR_NOMEM names need, limit (resources.max_memory_bytes or the machine's memory) and what to lower. */
int spec_admit(const struct spec *spec, struct error *err);

#endif

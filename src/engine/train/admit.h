/* Admission: a job that cannot fit in memory is refused before it starts. run_memory_bytes() is in run.h, for the service. */
#ifndef TRAINYARD_ENGINE_TRAIN_ADMIT_H
#define TRAINYARD_ENGINE_TRAIN_ADMIT_H

#include "engine/train/job.h"

/* spec_admit: before the data is open: refuses only what rows of one feature of one field are too much for. ERROR_NOMEM names the need as a sum
 * (memory_need.h), the limit (memory_limit.h) and what to lower, how far. */
int spec_admit(const struct job *job, struct error *err);

/* model_admit: once the data is open and its fields and rows are known, before a table is made. What would not fit if each feature of a batch were a
 * row of its own is counted first (touched.h). */
int model_admit(const struct job *job, struct error *err);

#endif

/* The folds of a job, one after the other. */
#ifndef TRAINYARD_ENGINE_TRAIN_FOLDS_H
#define TRAINYARD_ENGINE_TRAIN_FOLDS_H

#include "engine/train/job.h"
#include "engine/train/run.h"

/* job_run_folds: train and evaluate each; fills result. */
int job_run_folds(struct job *job, struct run_result *result, struct error *err);

#endif

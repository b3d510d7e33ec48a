/* Are the fields numbers that the model reads as such (model.h: numbers)? Asked of the rows themselves, whatever the format: features of a field that
 * differ, and all have the value 1, are categories, and read by their values would all be one. */
#ifndef TRAINYARD_ENGINE_TRAIN_NUMBERS_H
#define TRAINYARD_ENGINE_TRAIN_NUMBERS_H

#include "engine/train/job.h"

/* job_check_numbers: of the open data. ERROR_INVALID: the first field that holds categories, and what to do. */
int job_check_numbers(const struct job *job, struct error *err);

#endif

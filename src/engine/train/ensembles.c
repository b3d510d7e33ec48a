/* The table of ensembles: a new one is one file and one word here. */
#include "engine/train/ensemble.h"

const struct ensemble ensemble_none = {.kind = {"none", "each fold's model stands for itself", "", 0, NULL}, .calibrated = true};

const struct ensemble *const ensembles[] = {&ensemble_none, &ensemble_mean, &ensemble_weight_average, NULL};

/* The table of splits: a new one is one file and one word here. */
#include "engine/data/split/splits.h"

const struct split *const splits[] = {&split_none, &split_holdout,    &split_stratified,  &split_kfold,      &split_group,
                                      &split_time, &split_sequential, &split_round_robin, &split_predefined, NULL};

/* Inside the data room: the splits that splits.c puts into its table. */
#ifndef TRAINYARD_ENGINE_DATA_SPLITS_H
#define TRAINYARD_ENGINE_DATA_SPLITS_H

#include "engine/data/split.h"

extern const struct split split_none, split_holdout, split_sequential;

#endif

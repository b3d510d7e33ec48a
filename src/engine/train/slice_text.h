/* What the values of slices are called in the data, for who reads evaluation.json. */
#ifndef TRAINYARD_ENGINE_TRAIN_SLICE_TEXT_H
#define TRAINYARD_ENGINE_TRAIN_SLICE_TEXT_H

#include "engine/train/job.h"

/* slice_texts: the texts of all values in the tables of e, from the source, or from what earlier calls have found. A bin of quantiles is called by
 * its edges, which map (of the one fold that e judges) knows, or by its number where map is NULL. A field that no row has is a warning. What cannot
 * be found (the source is gone, or was standard input) keeps its key in hex; that is a warning, never a failure. */
void slice_texts(struct job *job, const struct transform_map *map, struct evaluation *e);

#endif

/* Which fields fill the table: how many different features each has, told once before the first step. Beside what the log says of slots in use at the
 * end (fold.c), it tells whose features they are that collide. */
#ifndef TRAINYARD_ENGINE_TRAIN_FIELD_COUNTS_H
#define TRAINYARD_ENGINE_TRAIN_FIELD_COUNTS_H

#include "engine/train/fold.h"

/* field_counts_tell: a log event with `fields`, the fullest first: [{"name", "distinct"}], of `sampled_rows` rows (some 33,000 at most, whole blocks
 * spread over the data). Estimates with a standard error of 0.8 %; a function of the data alone. Nothing to tell where features have no fields. */
int field_counts_tell(struct fold *fold, struct error *err);

#endif

/* The values of features, row by row of a table, for optimisers that scale by them (by_features in optim/optimizer.h): of each row that a
 * micro-batch meets the greatest |x| of its features (its peak) and the sum of (x / peak)^2. Where rows are factors, a feature is one of both of its
 * rows. A shard takes its own; the owner of a slice combines the shards', in their order. */
#ifndef TRAINYARD_ENGINE_TRAIN_PEAKS_H
#define TRAINYARD_ENGINE_TRAIN_PEAKS_H

#include "engine/core/grad.h"
#include "engine/model/scorer.h"

enum { PEAK_WIDTH = 2 };

struct fold;

bool peaks_wanted(const struct fold *fold);

/* peaks_take: of the batch that the scorer has scored last, into out, (rows, PEAK_WIDTH). */
int peaks_take(struct grad_buffer *out, const struct scorer *scorer, const struct params *p, struct error *err);

/* peaks_combine: the shards' rows in one: out (m->count, PEAK_WIDTH). */
void peaks_combine(const struct merged *m, float *out);

#endif

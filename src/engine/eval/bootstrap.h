/* The Poisson bootstrap: each replicate counts a row Poisson(1) times, as a pure function of (seed, replicate, row); metrics by group count whole
 * groups so, since rows of one user are not independent of each other. Private to the room. */
#ifndef TRAINYARD_ENGINE_EVAL_BOOTSTRAP_H
#define TRAINYARD_ENGINE_EVAL_BOOTSTRAP_H

#include "engine/eval/parts.h"

struct bootstrap;
struct bootstrap *bootstrap_new(unsigned lanes, unsigned replicates, uint64_t seed, bool weighted, struct error *err);
void bootstrap_free(struct bootstrap *b); /* NULL is fine */

/* bootstrap_add: one finite row of weight > 0. One caller a lane at a time. */
void bootstrap_add(struct bootstrap *b, unsigned lane, float logit, bool positive, float weight, uint64_t row);

/* bootstrap_times: how often replicates from .. from + BOOTSTRAP_STRIDE - 1 count that row, or the group of that hash. from: a multiple of the
 * stride. */
enum { BOOTSTRAP_STRIDE = 32 };
void bootstrap_times(uint64_t seed, unsigned from, uint64_t row, uint32_t times[BOOTSTRAP_STRIDE]);

/* bootstrap_intervals: percentile intervals of every metric of out that has a value; groups (replicates): those of the replicates, or NULL: there are
 * none. Where a metric has none, its bootstrap_reason says why. */
int bootstrap_intervals(struct bootstrap *b, const struct group_sums *groups, struct evaluation *out, struct error *err);

#endif

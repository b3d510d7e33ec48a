/* The Poisson bootstrap: each replicate counts a row Poisson(1) times, as a pure function of (seed, replicate, row). Private to the room. */
#ifndef TRAINYARD_ENGINE_EVAL_BOOTSTRAP_H
#define TRAINYARD_ENGINE_EVAL_BOOTSTRAP_H

#include "engine/eval/parts.h"

struct bootstrap;
struct bootstrap *bootstrap_new(unsigned lanes, unsigned replicates, uint64_t seed, bool weighted, struct error *err);
void bootstrap_free(struct bootstrap *b); /* NULL is fine */

/* bootstrap_add: one finite row of weight > 0. One caller a lane at a time. */
void bootstrap_add(struct bootstrap *b, unsigned lane, float logit, bool positive, float weight, uint64_t row);

/* bootstrap_intervals: percentile intervals of every metric of out that needs no groups and has a value. */
int bootstrap_intervals(struct bootstrap *b, struct evaluation *out, struct error *err);

#endif

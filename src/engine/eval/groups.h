/* Metrics by group (user, query): one walk over the sorted rows. Private to the room. */
#ifndef TRAINYARD_ENGINE_EVAL_GROUPS_H
#define TRAINYARD_ENGINE_EVAL_GROUPS_H

#include "engine/eval/sorter.h"

enum { GROUPS_K_MAX = 1000 };

/* groups_sum: k in 1..GROUPS_K_MAX. */
int groups_sum(struct sorter *rows, unsigned k, struct group_sums *out, struct error *err);

#endif

/* Metrics by group (user, query): one walk over the sorted rows. Private to the room. */
#ifndef TRAINYARD_ENGINE_EVAL_GROUPS_H
#define TRAINYARD_ENGINE_EVAL_GROUPS_H

#include "engine/eval/sorter.h"

enum { GROUPS_K_MAX = 1000 };

/* groups_sum: k in 1..GROUPS_K_MAX. draws: of a bootstrap over groups; count 0: none, else list[r] has sums of the groups as replicate r counts them,
 * so far as a metric's value takes. */
struct group_draws {
    unsigned count;
    uint64_t seed;
    struct group_sums *list; /* (count), zeroed */
};
int groups_sum(struct sorter *rows, unsigned k, const struct group_draws *draws, struct group_sums *out, struct error *err);

#endif

#include "engine/data/split/strata.h"

struct strata strata_at(int64_t seed, const struct split_context *context, const struct split_rows *rows)
{
    return (struct strata){.seed = seed,
                           .classes = {{.rows = context->rows - context->positives, .ordinal = rows->first - rows->positives_before},
                                       {.rows = context->positives, .ordinal = rows->positives_before}}};
}

uint64_t strata_rank(struct strata *s, bool positive)
{
    struct stratum *c = &s->classes[positive];
    uint64_t run = c->ordinal / STRATA_RUN, first = run * STRATA_RUN, left = c->rows - first;
    if (c->mixed.n == 0 || run != c->run) {
        c->run = run;
        c->mixed = permutation_keyed(left < STRATA_RUN ? left : STRATA_RUN, rng_at((uint64_t)s->seed, RNG_SPLIT, positive, run));
    }
    return first + permutation_at(&c->mixed, c->ordinal++ - first);
}

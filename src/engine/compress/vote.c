/* Majority vote (Bernstein et al. 2018): each shard that sent the row votes the sign of each value, zero abstains, a tie gives 0. Votes are
 * integers, so any order of shards gives the same bits. The result is +-1 (set lr as for Adam, 1e-4 .. 1e-3), or scaled by the voters' mean
 * magnitude an example. */
#include <math.h>

#include "engine/compress/aggregate.h"

struct vote_params {
    int scale;
};
static const char *const vote_scales[] = {"none", "mean_abs", NULL};
static const struct option vote_options[] = {{"vote_scale", OPT_NAME, offsetof(struct vote_params, scale), 0, 0, 0,
                                              "magnitude of a won vote: 1, or the mean |gradient| of all shards", vote_scales, 0, NULL},
                                             {0}};

static void vote_combine(const void *params, const struct merged *m, double examples, float *out)
{
    bool scaled = ((const struct vote_params *)params)->scale == 1;
    for (size_t i = 0; i < m->count; i++)
        for (size_t j = 0; j < m->width; j++) {
            int votes = 0;
            double magnitude = 0;
            for (size_t s = 0; s < m->shards; s++) {
                uint32_t row = m->src[i * m->shards + s];
                if (row == 0) continue;
                float x = m->values[s][(size_t)(row - 1) * m->width + j];
                votes += (x > 0) - (x < 0);
                magnitude += fabs((double)x); /* in shard order: fixed */
            }
            float won = (float)((votes > 0) - (votes < 0));
            out[i * m->width + j] = scaled ? won * (float)(magnitude / examples) : won;
        }
}

const struct aggregate aggregate_vote = {.kind = {"vote", "majority vote of signs",
                                                  "Bernstein et al. 2018, signSGD: compressed optimisation for non-convex problems",
                                                  sizeof(struct vote_params), vote_options},
                                         .combine = vote_combine};

/* Bins of equal weight over the score, as deciles and ECE need them: one walk over the tie groups in ascending order. A tie group goes whole into
 * the bin where the middle of its weight lies, so bins depend on order and weights alone, and equal scores are never told apart. */
#include <math.h>

#include "engine/eval/parts.h"

size_t equal_bins(const struct rank_groups *ranks, double weight, unsigned count, struct equal_bin out[EQUAL_BINS_MAX], double *slack)
{
    struct rank_cursor cursor = {0};
    struct rank_group g;
    double below = 0, straddling = 0;
    for (unsigned i = 0; i < count; i++) out[i] = (struct equal_bin){0};
    while (rank_next(ranks, &cursor, &g)) {
        double w = g.weight[0] + g.weight[1], at = (below + w / 2) / weight * count;
        size_t b = at < count ? (size_t)at : count - 1;
        double e = exp(-fabs(g.logit)), p = g.logit >= 0 ? 1 / (1 + e) : e / (1 + e);
        if (floor(below / weight * count) != floor((below + w) / weight * count)) straddling += w;
        out[b].rows += g.rows[0] + g.rows[1];
        out[b].weight += w;
        out[b].prob += w * p;
        out[b].positive += g.weight[1];
        below += w;
    }
    /* a row that the exact scores would put elsewhere moves two bins; a probability is off by a quarter of half a bin's width of logits */
    if (slack) *slack = ranks->bins ? 2 * straddling / weight + (double)ranks->bin_width / 8 : 0;
    size_t filled = 0;
    for (unsigned i = 0; i < count; i++)
        if (out[i].rows) out[filled++] = out[i];
    return filled;
}

/* NDCG@k: the discounted gain of a group's k best scores over the best possible, averaged over the groups that have a positive row (groups.c).
 * Standard error of a mean over groups. */
#include <math.h>

#include "engine/eval/parts.h"

static void ndcg_compute(const struct metric_input *in, struct measure *out)
{
    const struct group_sums *g = in->groups;
    if (!g->judged) {
        measure_undefined(out, "no group has a positive row");
        return;
    }
    double m = (double)g->judged, mean = g->ndcg[0] / m, squares = fmax(g->ndcg[1] - mean * g->ndcg[0], 0);
    measure_interval(out, mean, sqrt(squares / (m - 1) / m), 0, 1);
}

const struct metric metric_ndcg = {
    .kind = {.name = "ndcg", .summary = "NDCG at k, mean over groups with a positive row", .source = "Jarvelin, Kekalainen 2002"},
    .higher_is_better = true,
    .needs = METRIC_GROUPS,
    .method = "sample variance over groups",
    .compute = ndcg_compute};

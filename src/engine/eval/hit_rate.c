/* Hit rate@k: the share of groups with a positive row among their k best scores, of the groups that have a positive row at all (groups.c).
 * Standard error of a mean over groups. */
#include <math.h>

#include "engine/eval/parts.h"

static void hit_rate_compute(const struct metric_input *in, struct measure *out)
{
    const struct group_sums *g = in->groups;
    if (!g->judged) {
        measure_undefined(out, "no group has a positive row");
        return;
    }
    double m = (double)g->judged, mean = g->hit[0] / m, squares = fmax(g->hit[1] - mean * g->hit[0], 0);
    measure_interval(out, mean, sqrt(squares / (m - 1) / m), 0, 1);
}

const struct metric metric_hit_rate = {
    .kind = {.name = "hit_rate", .summary = "share of groups with a positive row among their k best scores", .source = ""},
    .higher_is_better = true,
    .needs = METRIC_GROUPS,
    .method = "sample variance over groups",
    .compute = hit_rate_compute};

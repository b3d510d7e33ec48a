/* GAUC: AUC within each group (user), averaged with the groups' impressions as weights (Zhu et al. 2017, optimized cost per click); it does not see
 * that some users click more than others, as AUC does. Groups with one class have no AUC and are left out; evaluation.json says how much that is.
 *
 * Standard error of a ratio of sums over groups, which are the sampling unit: var = m / (m - 1) sum u^2 (A_u - GAUC)^2 / (sum u)^2. */
#include <math.h>

#include "engine/eval/parts.h"

static void gauc_compute(const struct metric_input *in, struct measure *out)
{
    const struct group_sums *g = in->groups;
    if (!g->both_classes) {
        measure_undefined(out, "no group has rows of both classes");
        return;
    }
    double gauc = g->auc / g->weight_both, m = (double)g->both_classes;
    double squares = fmax(g->auc_square[0] - 2 * gauc * g->auc_square[1] + gauc * gauc * g->auc_square[2], 0);
    measure_interval(out, gauc, sqrt(squares * m / (m - 1)) / g->weight_both, 0, 1);
}

const struct metric metric_gauc = {.kind = {.name = "gauc", .summary = "AUC within groups, weighted by their rows", .source = "Zhu et al. 2017"},
                                   .higher_is_better = true,
                                   .needs = METRIC_GROUPS,
                                   .method = "ratio estimator over groups",
                                   .compute = gauc_compute};

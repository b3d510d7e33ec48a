/* Area under the ROC curve: the chance that a random positive scores above a random negative, a tie counting half.
 *
 * Mann-Whitney's U by tie groups; the value is an integer over an integer, so it is exact up to one rounding. The variance is DeLong's
 * (DeLong, DeLong, Clarke-Pearson 1988) from placement values, in O(rows) once sorted (Sun, Xu 2014):
 *   V10(i) = share of negatives below positive i, V01(j) = share of positives above negative j (ties half),
 *   var = S10 / n+ + S01 / n-, S their sample variances.
 * From a histogram the same formulas hold with a bin as a tie; |error| <= 1/2 sum_b n+b n-b / (n+ n-). */
#include <math.h>

#include "engine/eval/parts.h"

static double auc_value(const struct rank_groups *ranks, double *tie_bound)
{
    unsigned __int128 twice_u = 0, tied = 0;
    uint64_t below = 0;
    struct rank_cursor cursor = {0};
    for (struct rank_group g; rank_next(ranks, &cursor, &g); below += g.negatives) {
        twice_u += (unsigned __int128)g.positives * (2 * below + g.negatives);
        tied += (unsigned __int128)g.positives * g.negatives;
    }
    double pairs = (double)ranks->positives * (double)ranks->negatives;
    *tie_bound = (double)tied / 2 / pairs;
    return (double)twice_u / 2 / pairs;
}

static double auc_delong_se(const struct rank_groups *ranks, double auc)
{
    double positives = (double)ranks->positives, negatives = (double)ranks->negatives, s10 = 0, s01 = 0;
    uint64_t below = 0, above = ranks->positives;
    struct rank_cursor cursor = {0};
    for (struct rank_group g; rank_next(ranks, &cursor, &g); below += g.negatives) {
        above -= g.positives;
        double v10 = ((double)below + (double)g.negatives / 2) / negatives - auc;
        double v01 = ((double)above + (double)g.positives / 2) / positives - auc;
        s10 += (double)g.positives * v10 * v10;
        s01 += (double)g.negatives * v01 * v01;
    }
    return sqrt(s10 / (positives - 1) / positives + s01 / (negatives - 1) / negatives); /* NaN for a single row of a class */
}

static void auc_compute(const struct eval_sums *sums, const struct rank_groups *ranks, struct measure *out)
{
    (void)sums;
    double bound, auc = auc_value(ranks, &bound);
    measure_interval(out, auc, auc_delong_se(ranks, auc), 0, 1);
    if (ranks->bins) out->error_bound = bound;
}

const struct metric metric_auc = {.kind = {.name = "auc", .summary = "area under the ROC curve", .source = "DeLong et al. 1988"},
                                  .higher_is_better = true,
                                  .needs = METRIC_BOTH_CLASSES | METRIC_RANKS,
                                  .method = "DeLong",
                                  .compute = auc_compute};

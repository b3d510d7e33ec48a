/* PR-AUC as average precision: the mean over positives of the precision at their score, a tie group taken whole (no trapezoid, which flatters).
 *
 * With G(t) = T(t) / N(t) the precision among rows that score >= t, T of them positive: AP = 1/n+ sum over positives G(score). The standard
 * error is that of its influence function (the functional derivative of AP at one row of score s and label y):
 *   IF = n / n+ [ y (G(s) - AP) + sum over positives with score t <= s of (y - G(t)) / N(t) ],    se = sqrt(sum IF^2 / n / (n - 1)).
 * Both need one walk over the tie groups, upwards. From a histogram, precision inside a bin lies between its positives coming all first and all
 * last, which bounds the error. */
#include <math.h>

#include "engine/eval/parts.h"

struct walk { /* at a group: rows at or above it, then the group itself */
    struct rank_cursor cursor;
    struct rank_group group;
    double positives, rows;
};

static bool walk_next(const struct rank_groups *ranks, struct walk *w, bool first)
{
    if (first) *w = (struct walk){.positives = (double)ranks->positives, .rows = (double)ranks->positives + (double)ranks->negatives};
    else w->positives -= (double)w->group.positives, w->rows -= (double)w->group.positives + (double)w->group.negatives;
    return rank_next(ranks, &w->cursor, &w->group);
}

static double pr_value(const struct rank_groups *ranks, double *bound)
{
    double sum = 0, slack = 0;
    struct walk w;
    for (bool more = walk_next(ranks, &w, true); more; more = walk_next(ranks, &w, false)) {
        double p = (double)w.group.positives, n = (double)w.group.negatives, precision = w.positives / w.rows;
        if (p == 0) continue;
        double best = w.positives / (w.rows - n), worst = (w.positives - p + 1) / (w.rows - p + 1);
        sum += p * precision;
        slack += p * fmax(best - precision, precision - worst);
    }
    *bound = slack / (double)ranks->positives;
    return sum / (double)ranks->positives;
}

static double pr_se(const struct rank_groups *ranks, double ap)
{
    double squares = 0, hits = 0, misses = 0; /* sums over positives at or below the group of (1 - G) / N and (0 - G) / N */
    struct walk w;
    for (bool more = walk_next(ranks, &w, true); more; more = walk_next(ranks, &w, false)) {
        double p = (double)w.group.positives, n = (double)w.group.negatives, precision = w.positives / w.rows;
        hits += p * (1 - precision) / w.rows;
        misses -= p * precision / w.rows;
        double positive = precision - ap + hits;
        squares += p * positive * positive + n * misses * misses;
    }
    double rows = (double)ranks->positives + (double)ranks->negatives;
    return sqrt(squares * rows / (rows - 1)) / (double)ranks->positives;
}

static void pr_compute(const struct eval_sums *sums, const struct rank_groups *ranks, struct measure *out)
{
    (void)sums;
    double bound, ap = pr_value(ranks, &bound);
    measure_interval(out, ap, pr_se(ranks, ap), 0, 1);
    if (ranks->bins) out->error_bound = bound;
}

const struct metric metric_pr_auc = {
    .kind = {.name = "pr_auc", .summary = "area under the precision-recall curve, as average precision", .source = ""},
    .higher_is_better = true,
    .needs = METRIC_POSITIVES | METRIC_RANKS,
    .method = "influence function",
    .compute = pr_compute};

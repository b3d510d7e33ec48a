/* PR-AUC as average precision: the mean over positives of the precision at their score, a tie group taken whole (no trapezoid, which flatters).
 *
 * With G(t) = T(t) / N(t) the precision among rows that score >= t, T of them positive: AP = 1/n+ sum over positives G(score). The standard
 * error is that of its influence function (the functional derivative of AP at one row of score s and label y):
 *   IF = n / n+ [ y (G(s) - AP) + sum over positives with score t <= s of (y - G(t)) / N(t) ],    se = sqrt(sum IF^2 / n / (n - 1)).
 * With weights, counts are sums of weights and IF^2 counts w^2. One walk over the tie groups, upwards, gives value and error, since the squares
 * around AP follow from sums of (G + rest) and of its square. From a histogram, precision inside a bin lies between its positives coming all first
 * and all last, which bounds the error. */
#include <math.h>

#include "engine/eval/parts.h"

static void pr_compute(const struct metric_input *in, struct measure *out)
{
    struct rank_cursor cursor = {0};
    struct rank_group g;
    const double all = in->sums ? in->sums->positive : (double)in->ranks->positives, n = (double)in->ranks->positives + (double)in->ranks->negatives;
    double positives = all, rows = in->sums ? in->sums->weight : n; /* weight at or above the group */
    double sum = 0, slack = 0, hits = 0, misses = 0;                /* hits, misses: over positives at or below, of (1 - G) / N and -G / N */
    double linear = 0, square = 0, ones = 0, rest = 0; /* of positives: w^2 f, w^2 f^2, w^2 with f = G + hits; of negatives: w^2 misses^2 */
    while (rank_next(in->ranks, &cursor, &g)) {
        double p = g.weight[1], m = g.weight[0];
        positives = fmax(positives, p), rows = fmax(rows, positives + m); /* what rounding of weighted sums may have taken */
        double precision = positives / rows;
        if (p > 0) {
            double first = g.rows[1] ? p / (double)g.rows[1] : 0; /* the first of the bin's positives, when they come last */
            slack += p * fmax(positives / (rows - m) - precision, precision - (positives - p + first) / (rows - p + first));
        }
        sum += p * precision;
        hits += p * (1 - precision) / rows;
        misses -= p * precision / rows;
        double f = precision + hits;
        linear += g.square[1] * f, square += g.square[1] * f * f, ones += g.square[1];
        rest += g.square[0] * misses * misses;
        positives -= p, rows -= p + m;
    }
    double ap = sum / all, squares = fmax(square - 2 * ap * linear + ap * ap * ones, 0) + rest;
    measure_interval(out, ap, sqrt(squares * n / (n - 1)) / all, 0, 1);
    if (in->ranks->bins) out->error_bound = slack / all;
}

const struct metric metric_pr_auc = {
    .kind = {.name = "pr_auc", .summary = "area under the precision-recall curve, as average precision", .source = ""},
    .higher_is_better = true,
    .needs = METRIC_POSITIVES | METRIC_RANKS,
    .method = "influence function",
    .compute = pr_compute};

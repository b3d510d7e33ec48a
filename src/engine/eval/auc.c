/* Area under the ROC curve: the chance that a random positive scores above a random negative, a tie counting half.
 *
 * Mann-Whitney's U by tie groups. The variance is DeLong's (DeLong, DeLong, Clarke-Pearson 1988) from placement values, in O(rows) once sorted
 * (Sun, Xu 2014): V10(i) = share of negatives below positive i, V01(j) = share of positives above negative j (ties half),
 *   var = S10 / n+ + S01 / n-, S their sample variances.
 * One pass, since sums of a placement and of its square are enough: with x = 2 (negatives below) + (negatives tied), V10 = x / 2n-, and with
 * v = 2 (positives below) + (positives tied), V01 = 1 - v / 2n+. Without weights these are integers (128 bits), so value and variance are exact but
 * for the last roundings. With weights, counts become sums of weights, and each row's deviation counts with its weight squared:
 *   var = n+ / (n+ - 1) sum w+^2 (V10 - A)^2 / W+^2 + the same of negatives, which is DeLong's when all weights are 1.
 * From a histogram the same formulas hold with a bin as a tie; |error| <= 1/2 sum_b w+b w-b / (w+ w-). */
#include <math.h>

#include "engine/eval/parts.h"

typedef unsigned __int128 wide128;

void auc_sums_add(struct auc_sums *s, const struct rank_group *g)
{
    double x = 2 * s->weight[0] + g->weight[0], v = 2 * s->weight[1] + g->weight[1];
    s->u += g->weight[1] * x;
    s->v10[0] += g->square[1] * x, s->v10[1] += g->square[1] * x * x;
    s->v01[0] += g->square[0] * v, s->v01[1] += g->square[0] * v * v;
    for (int y = 0; y < 2; y++) s->weight[y] += g->weight[y], s->square[y] += g->square[y], s->rows[y] += (double)g->rows[y];
}

double auc_sums_value(const struct auc_sums *s) { return s->u / 2 / (s->weight[0] * s->weight[1]); /* 0 / 0 = NaN */ }

/* sum w^2 (v - mean)^2, nothing when it is no more than rounding. */
static double spread(const double sums[2], double square, double mean)
{
    double sum = sums[1] - 2 * mean * sums[0] + mean * mean * square;
    return sum > sums[1] * 1e-14 ? sum : 0;
}

double auc_sums_se(const struct auc_sums *s)
{
    double auc = auc_sums_value(s);
    double s10 = spread(s->v10, s->square[1], 2 * s->weight[0] * auc) / (4 * s->weight[0] * s->weight[0] * s->weight[1] * s->weight[1]);
    double s01 = spread(s->v01, s->square[0], 2 * s->weight[1] * (1 - auc)) / (4 * s->weight[0] * s->weight[0] * s->weight[1] * s->weight[1]);
    if (!(s->rows[0] > 1 && s->rows[1] > 1)) return NAN;
    return sqrt(s10 * s->rows[1] / (s->rows[1] - 1) + s01 * s->rows[0] / (s->rows[0] - 1));
}

struct counted { /* the same sums of unweighted rows, as integers */
    uint64_t seen[2];
    wide128 u, u_square, v, v_square, tied;
};

static void counted_add(struct counted *c, const uint64_t rows[2])
{
    wide128 x = 2 * c->seen[0] + rows[0], v = 2 * c->seen[1] + rows[1];
    c->u += rows[1] * x, c->u_square += rows[1] * x * x;
    c->v += rows[0] * v, c->v_square += rows[0] * v * v;
    c->tied += (wide128)rows[0] * rows[1];
    c->seen[0] += rows[0], c->seen[1] += rows[1];
}

/* Sum over n values of (value - mean)^2 from their sums: around the whole part of the mean in integers (modulo 2^128, and the result fits), then the
 * rest of the mean. */
static double deviations(wide128 sum, wide128 squares, uint64_t n)
{
    if (n == 0) return 0;
    wide128 whole = sum / n, rest = sum % n, around = squares - 2 * whole * sum + whole * whole * n;
    return fmax((double)around - (double)rest * (double)rest / (double)n, 0);
}

static double counted_se(const struct counted *c)
{
    double negatives = (double)c->seen[0], positives = (double)c->seen[1];
    double s10 = deviations(c->u, c->u_square, c->seen[1]) / (4 * negatives * negatives);
    double s01 = deviations(c->v, c->v_square, c->seen[0]) / (4 * positives * positives);
    return sqrt(s10 / (positives - 1) / positives + s01 / (negatives - 1) / negatives); /* NaN for a single row of a class */
}

static void auc_compute(const struct metric_input *in, struct measure *out)
{
    bool weighted = rank_weighted(in->ranks);
    struct auc_sums sums = {0};
    struct counted counted = {0};
    struct rank_cursor cursor = {0};
    double tied = 0;
    for (struct rank_group g; rank_next(in->ranks, &cursor, &g);) {
        if (!weighted) counted_add(&counted, g.rows);
        else auc_sums_add(&sums, &g), tied += g.weight[0] * g.weight[1];
    }
    if (weighted) measure_interval(out, auc_sums_value(&sums), auc_sums_se(&sums), 0, 1);
    else measure_interval(out, (double)counted.u / 2 / ((double)counted.seen[0] * (double)counted.seen[1]), counted_se(&counted), 0, 1);
    if (!in->ranks->bins) return;
    out->error_bound = weighted ? tied / 2 / (sums.weight[0] * sums.weight[1])
                                : (double)counted.tied / 2 / ((double)counted.seen[0] * (double)counted.seen[1]);
}

const struct metric metric_auc = {.kind = {.name = "auc", .summary = "area under the ROC curve", .source = "DeLong et al. 1988"},
                                  .higher_is_better = true,
                                  .needs = METRIC_BOTH_CLASSES | METRIC_RANKS,
                                  .method = "DeLong",
                                  .compute = auc_compute};

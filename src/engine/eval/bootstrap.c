/* State: for each of 4,096 bins of the logit and each label, one counter a replicate, side by side, so that a row adds a vector of small integers to
 * one stretch of memory. Integers add in any order, lanes add up, and nothing is kept a row: streaming, mergeable, the same bits whoever brings the
 * rows. A weighted row counts in multiples of 2^-30 of its weight.
 *
 * At the finish every replicate's bins are read as a histogram, and metrics[] compute from it, just as they do past the cap of exact rows. What the
 * bins lose (scores within 1/64 of a logit are one) is nearly the same in each replicate and in the full set, so the interval is that of the
 * differences to the binned full set (column 0: the row itself, once), moved to the exact value. Percentile interval: Efron, Tibshirani 1993,
 * s. 13.3; Poisson weights in place of a multinomial draw: Chamandy et al. 2012, "Estimating uncertainty for massive data streams". */
#include "engine/eval/bootstrap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { BINS = 4096, WEIGHT_UNIT_BITS = 30, DRAWS_A_BLOCK = 4, STRIDE = BOOTSTRAP_STRIDE, POISSON_MAX = 12 };
static const float bin_range = 32;
static const double weight_total_max = 0x1p32; /* beyond, counters of 64 bits might not hold a replicate's sum of weights */

struct bootstrap {
    unsigned lanes, replicates, columns; /* columns: 1 + replicates */
    uint64_t seed, *counts;              /* (lanes, BINS, 2, columns) */
    bool weighted;
};

struct bootstrap *bootstrap_new(unsigned lanes, unsigned replicates, uint64_t seed, bool weighted, struct error *err)
{
    struct bootstrap *b = mem_zero(sizeof *b, err);
    if (!b) return NULL;
    *b = (struct bootstrap){.lanes = lanes, .replicates = replicates, .columns = replicates + 1, .seed = seed, .weighted = weighted};
    if ((b->counts = mem_huge((size_t)lanes * BINS * 2, b->columns * sizeof *b->counts, err))) return b;
    mem_free(b);
    return NULL;
}

void bootstrap_free(struct bootstrap *b)
{
    if (!b) return;
    mem_huge_free(b->counts, (size_t)b->lanes * BINS * 2, b->columns * sizeof *b->counts);
    mem_free(b);
}

/* P(Poisson(1) <= k) * 2^32, rounded; beyond k = 12 lies 6e-11 of the mass. */
static const uint32_t poisson[POISSON_MAX] = {1580030169u, 3160060337u, 3950075422u, 4213413783u, 4279248374u, 4292415292u,
                                              4294609778u, 4294923276u, 4294962463u, 4294966817u, 4294967253u, 4294967292u};

static uint64_t *cell_of(const struct bootstrap *b, unsigned lane, size_t bin, int label)
{
    return b->counts + (((size_t)lane * BINS + bin) * 2 + (size_t)label) * b->columns;
}

/* Four draws a Philox block (rng_at's, so they are the row's own). */
void bootstrap_times(uint64_t seed, unsigned from, uint64_t row, uint32_t times[STRIDE])
{
    uint32_t draws[STRIDE];
    for (unsigned i = 0; i < STRIDE / DRAWS_A_BLOCK; i++) {
        const struct rng rng = rng_at(seed, RNG_BOOTSTRAP, from / DRAWS_A_BLOCK + i, row);
        philox4x32(rng.counter, rng.key, draws + i * DRAWS_A_BLOCK);
    }
    for (unsigned i = 0; i < STRIDE; i++) times[i] = 0;
    for (int k = 0; k < POISSON_MAX; k++)
        for (unsigned i = 0; i < STRIDE; i++) times[i] += draws[i] >= poisson[k];
}

void bootstrap_add(struct bootstrap *b, unsigned lane, float logit, bool positive, float weight, uint64_t row)
{
    float at = (logit + bin_range) * (BINS / (2 * bin_range));
    uint64_t *cell = cell_of(b, lane, at > 0 ? at < BINS - 1 ? (size_t)at : BINS - 1 : 0, positive);
    uint64_t unit = b->weighted ? (uint64_t)((double)weight * (double)(1 << WEIGHT_UNIT_BITS) + 0.5) : 1;
    cell[0] += unit;
    for (unsigned r = 0; r < b->replicates; r += STRIDE) {
        uint32_t times[STRIDE];
        unsigned n = b->replicates - r < STRIDE ? b->replicates - r : STRIDE;
        bootstrap_times(b->seed, r, row, times);
        for (unsigned i = 0; i < n; i++) cell[1 + r + i] += times[i] * unit;
    }
}

/* One column of all lanes as a histogram of weights. Cells that no row touched (column 0) are never looked at again. */
struct view {
    size_t used_count, used[BINS]; /* bins with rows */
    uint64_t rows[BINS][2];        /* 1: there is weight */
    struct weight_bin weights[BINS];
};

static uint64_t column_sum(const struct bootstrap *b, size_t bin, int label, unsigned column)
{
    uint64_t count = 0;
    for (unsigned lane = 0; lane < b->lanes; lane++) count += cell_of(b, lane, bin, label)[column];
    return count;
}

static void view_open(const struct bootstrap *b, struct view *v)
{
    for (size_t bin = 0; bin < BINS; bin++)
        if (column_sum(b, bin, 0, 0) || column_sum(b, bin, 1, 0)) v->used[v->used_count++] = bin;
}

static void view_fill(const struct bootstrap *b, unsigned column, struct view *v, struct rank_groups *ranks)
{
    size_t first = v->used_count ? v->used[0] : 0, count = v->used_count ? v->used[v->used_count - 1] + 1 - first : 0;
    const float width = 2 * bin_range / BINS;
    *ranks = (struct rank_groups){.bins = (const uint64_t(*)[2])v->rows + first,
                                  .weight_bins = v->weights + first,
                                  .bin_count = count,
                                  .bin_first = (float)first * width - bin_range,
                                  .bin_width = width};
    for (size_t i = 0; i < v->used_count; i++)
        for (int y = 0; y < 2; y++) {
            size_t bin = v->used[i];
            uint64_t times = column_sum(b, bin, y, column);
            int shift = b->weighted ? WEIGHT_BITS - WEIGHT_UNIT_BITS : WEIGHT_BITS;
            v->rows[bin][y] = times > 0;
            v->weights[bin].weight[y] = (struct wide){times << shift, times >> (64 - shift)};
            *(y ? &ranks->positives : &ranks->negatives) += times > 0;
        }
}

static void view_values(const struct rank_groups *ranks, double values[EVALUATION_METRICS_MAX])
{
    struct eval_sums sums = {0};
    struct rank_cursor cursor = {0};
    struct measure m;
    for (struct rank_group g; rank_next(ranks, &cursor, &g);) eval_sums_add(&sums, &g);
    const struct metric_input in = {.sums = &sums, .ranks = ranks};
    bool both = ranks->positives && ranks->negatives, any = ranks->positives || ranks->negatives;
    for (size_t i = 0; metrics[i]; i++) {
        unsigned needs = metrics[i]->needs;
        values[i] = NAN;
        if (!metric_judges(metrics[i], LABELS_BINARY) || needs & METRIC_GROUPS || !any || (needs & METRIC_BOTH_CLASSES && !both) ||
            (needs & METRIC_POSITIVES && !ranks->positives))
            continue;
        metrics[i]->compute(&in, &m);
        values[i] = m.value;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double quantile(const double *sorted, size_t n, double q)
{
    double at = q * (double)(n - 1);
    size_t low = (size_t)at;
    return low + 1 < n ? sorted[low] + (at - (double)low) * (sorted[low + 1] - sorted[low]) : sorted[n - 1];
}

/* Of the groups' replicates nothing is lost in bins. */
static void group_values(const struct group_sums *groups, double values[EVALUATION_METRICS_MAX])
{
    const struct metric_input in = {.groups = groups};
    struct measure m;
    for (size_t i = 0; metrics[i]; i++) {
        if (!(metrics[i]->needs & METRIC_GROUPS)) continue;
        metrics[i]->compute(&in, &m);
        values[i] = m.value;
    }
}

/* The interval of one metric from its values: [0] of the full set as the replicates see it, then one a replicate. */
static void measure_bootstrap(const struct bootstrap *b, double (*values)[EVALUATION_METRICS_MAX], size_t i, double *column, struct measure *m)
{
    size_t n = 0;
    for (unsigned r = 1; r < b->columns; r++)
        if (isfinite(values[r][i])) column[n++] = values[r][i] - values[0][i];
    if (n < b->replicates * 9 / 10 || !isfinite(values[0][i])) {
        m->bootstrap_reason = metrics[i]->needs & METRIC_GROUPS ? "is undefined in more than a tenth of the replicates: too few groups"
                                                                : "is undefined in more than a tenth of the replicates: too few rows";
        return;
    }
    qsort(column, n, sizeof *column, compare);
    m->bootstrap_low = m->value + quantile(column, n, 0.025);
    m->bootstrap_high = m->value + quantile(column, n, 0.975);
}

int bootstrap_intervals(struct bootstrap *b, const struct group_sums *groups, struct evaluation *out, struct error *err)
{
    struct view *view = mem_zero(sizeof *view, err);
    double(*values)[EVALUATION_METRICS_MAX] = mem_array(b->columns, 1, sizeof *values, err),
    *column = mem_array(b->replicates, 1, sizeof *column, err);
    int rc = view && values && column ? 0 : -ERROR_NOMEM;
    const bool countable = out->weight <= weight_total_max;
    struct rank_groups ranks;
    if (rc == 0) view_open(b, view);
    for (unsigned c = 0; rc == 0 && countable && c < b->columns; c++) {
        view_fill(b, c, view, &ranks);
        view_values(&ranks, values[c]);
    }
    for (unsigned r = 0; rc == 0 && groups && r < b->replicates; r++) group_values(&groups[r], values[1 + r]);
    for (size_t i = 0; rc == 0 && metrics[i]; i++) {
        struct measure *m = &out->measures[i];
        bool by_group = metrics[i]->needs & METRIC_GROUPS;
        if (isnan(m->value)) continue;
        if (by_group) values[0][i] = m->value;
        if (by_group || countable) measure_bootstrap(b, values, i, column, m);
        else m->bootstrap_reason = "the weights add up to more than 2^32, which the counters of the replicates cannot hold; scale them";
    }
    mem_free(view);
    mem_free(values);
    mem_free(column);
    return rc;
}

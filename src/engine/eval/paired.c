/* DeLong, DeLong, Clarke-Pearson 1988 by placements: row i of class y has, under each model, the share of the other class that it beats (ties half).
 * AUC is their mean over a class, and with d_i the difference of a row's two placements
 *   var(AUC_b - AUC_a) = S10(d) / n+ + S01(d) / n-,      S the sample variances of d over positives and over negatives.
 * Placements come from counts below: by midranks of the sorted rows (Sun, Xu 2014), or from a cumulated histogram. */
#include "engine/eval/paired.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/core/logistic.h"
#include "engine/eval/parts.h"

enum { BINS = 1 << 20, EXACT_ROWS_DEFAULT = 1 << 21, MODELS = 2 };
static const float bin_range = 32;

struct moments { /* of a value over rows, around 0 */
    double count, sum, squares;
};

static void moments_add(struct moments *m, double x) { m->count++, m->sum += x, m->squares += x * x; }

static double moments_mean(const struct moments *m) { return m->sum / m->count; }

static double moments_mean_variance(const struct moments *m) /* of the mean; NaN below two values */
{
    double spread = m->squares - m->sum * m->sum / m->count;
    return (spread > m->squares * 1e-15 ? spread : 0) / (m->count - 1) / m->count;
}

struct paired {
    uint64_t exact_max, rows, again_rows; /* again_rows: of the second pass */
    uint64_t classes[2], bad[MODELS];
    bool exact, again;
    uint32_t *keys[MODELS]; /* (rows) while exact */
    uint8_t *labels;
    size_t capacity;
    uint64_t (*bins[MODELS])[2];   /* (BINS): counts by label; in the second pass, rows of the label in lower bins */
    uint64_t (*counts[MODELS])[2]; /* (BINS): of the second pass, by label */
    struct moments loss[MODELS], loss_difference;
    struct moments place[MODELS][2], place_difference[2]; /* [label] */
    double tied[MODELS];
};

struct paired *paired_new(uint64_t exact_rows_max, struct error *err)
{
    struct paired *p = mem_zero(sizeof *p, err);
    if (!p) return NULL;
    p->exact_max = exact_rows_max ? exact_rows_max : EXACT_ROWS_DEFAULT;
    p->exact = true;
    return p;
}

void paired_free(struct paired *p)
{
    if (!p) return;
    for (int m = 0; m < MODELS; m++) {
        mem_free(p->keys[m]);
        mem_huge_free(p->bins[m], BINS, sizeof *p->bins[m]);
        mem_huge_free(p->counts[m], BINS, sizeof *p->counts[m]);
    }
    mem_free(p->labels);
    mem_free(p);
}

static size_t bin_of(float logit)
{
    float at = (logit + bin_range) * (BINS / (2 * bin_range));
    return at > 0 ? at < BINS - 1 ? (size_t)at : BINS - 1 : 0;
}

static bool good(float logit) { return fabsf(logit) <= LOGIT_LIMIT; }

/* The kept rows go into the bins. */
static int leave_exact(struct paired *p, struct error *err)
{
    for (int m = 0; m < MODELS; m++)
        if ((!p->bins[m] && !(p->bins[m] = mem_huge(BINS, sizeof *p->bins[m], err))) ||
            (!p->counts[m] && !(p->counts[m] = mem_huge(BINS, sizeof *p->counts[m], err))))
            return -ERROR_NOMEM;
    for (int m = 0; m < MODELS; m++) {
        for (uint64_t i = 0; i < p->rows; i++) p->bins[m][bin_of(rank_unkey(p->keys[m][i]))][p->labels[i]]++;
        mem_free(p->keys[m]);
        p->keys[m] = NULL;
    }
    mem_free(p->labels);
    p->labels = NULL;
    p->exact = false;
    return 0;
}

static int keep_reserve(struct paired *p, size_t n, struct error *err)
{
    if (p->rows + n <= p->capacity) return 0;
    size_t capacity = p->capacity * 2 > p->rows + n ? p->capacity * 2 : (size_t)p->rows + n;
    int rc = mem_grow((void **)&p->labels, capacity, sizeof *p->labels, err);
    for (int m = 0; rc == 0 && m < MODELS; m++) rc = mem_grow((void **)&p->keys[m], capacity, sizeof *p->keys[m], err);
    if (rc == 0) p->capacity = capacity;
    return rc;
}

static void placed(struct paired *p, int label, const double below[MODELS])
{
    double v[MODELS];
    for (int m = 0; m < MODELS; m++) {
        v[m] = label ? below[m] / (double)p->classes[0] : 1 - below[m] / (double)p->classes[1];
        moments_add(&p->place[m][label], v[m]);
    }
    moments_add(&p->place_difference[label], v[1] - v[0]);
}

static int add_again(struct paired *p, const float *logits[MODELS], const float *labels, size_t n, struct error *err)
{
    if (p->again_rows + n > p->rows) return error_set(err, ERROR_USAGE, NULL, "the second pass over the rows to compare has more than the first");
    p->again_rows += n;
    for (size_t i = 0; i < n; i++) {
        int y = labels[i] == 1;
        double below[MODELS];
        if (!good(logits[0][i]) || !good(logits[1][i])) continue;
        for (int m = 0; m < MODELS; m++) {
            size_t bin = bin_of(logits[m][i]);
            below[m] = (double)p->bins[m][bin][!y] + (double)p->counts[m][bin][!y] / 2;
        }
        placed(p, y, below);
    }
    return 0;
}

int paired_add(struct paired *p, const float *a, const float *b, const float *labels, size_t n, struct error *err)
{
    const float *logits[MODELS] = {a, b};
    for (size_t i = 0; i < n; i++)
        if (labels[i] != 0 && labels[i] != 1) return error_set(err, ERROR_DATA, NULL, "label %g; only 0 and 1 can be compared", (double)labels[i]);
    if (p->again) return add_again(p, logits, labels, n, err);
    int rc = 0;
    if (p->exact && p->rows + n > p->exact_max) rc = leave_exact(p, err);
    if (rc == 0 && p->exact) rc = keep_reserve(p, n, err);
    if (rc < 0) return error_wrap(err, "comparing");
    for (size_t i = 0; i < n; i++, p->rows++) {
        int y = labels[i] == 1;
        double loss[MODELS];
        p->classes[y]++;
        for (int m = 0; m < MODELS; m++) {
            float z = logits[m][i];
            p->bad[m] += !good(z);
            if (!good(z)) z = 0; /* nothing will be told; kept so that arrays stay in step */
            if (p->exact) p->keys[m][p->rows] = rank_key(z), p->labels[p->rows] = (uint8_t)y;
            else p->bins[m][bin_of(z)][y]++;
            moments_add(&p->loss[m], loss[m] = logistic_loss_row((double)z, y));
        }
        moments_add(&p->loss_difference, loss[1] - loss[0]);
    }
    return 0;
}

static bool comparable(const struct paired *p) { return !p->bad[0] && !p->bad[1] && p->classes[0] && p->classes[1]; }

bool paired_again(struct paired *p)
{
    if (p->exact || p->again || !comparable(p)) return false;
    p->again = true;
    for (int m = 0; m < MODELS; m++) {
        uint64_t below[2] = {0, 0};
        memcpy(p->counts[m], p->bins[m], BINS * sizeof *p->counts[m]);
        for (size_t b = 0; b < BINS; b++) {
            p->tied[m] += (double)p->counts[m][b][0] * (double)p->counts[m][b][1];
            for (int y = 0; y < 2; y++) {
                p->bins[m][b][y] = below[y];
                below[y] += p->counts[m][b][y];
            }
        }
    }
    return true;
}

/* below[i] = rows of the other class below row i, ties half. */
static int placements(const struct paired *p, int model, double *below, struct error *err)
{
    size_t n = (size_t)p->rows;
    uint64_t *order = mem_array(n, 1, sizeof *order, err), *scratch = order ? mem_array(n, 1, sizeof *scratch, err) : NULL, seen[2] = {0, 0};
    if (scratch) {
        for (size_t i = 0; i < n; i++) order[i] = (uint64_t)p->keys[model][i] << 32 | i;
        rank_sort_weighted(order, scratch, n);
        for (size_t from = 0, to; from < n; from = to) {
            uint64_t tied[2] = {0, 0};
            for (to = from; to < n && order[to] >> 32 == order[from] >> 32; to++) tied[p->labels[(uint32_t)order[to]]]++;
            for (size_t i = from; i < to; i++) {
                uint32_t row = (uint32_t)order[i];
                int other = !p->labels[row];
                below[row] = (double)seen[other] + (double)tied[other] / 2;
            }
            for (int y = 0; y < 2; y++) seen[y] += tied[y];
        }
    }
    mem_free(order);
    mem_free(scratch);
    return scratch ? 0 : -ERROR_NOMEM;
}

static int place_exact(struct paired *p, struct error *err)
{
    double *below[MODELS] = {NULL, NULL};
    int rc = 0;
    for (int m = 0; rc == 0 && m < MODELS; m++) {
        if (!(below[m] = mem_array((size_t)p->rows, 1, sizeof *below[m], err))) rc = -ERROR_NOMEM;
        if (rc == 0) rc = placements(p, m, below[m], err);
    }
    memset(p->place, 0, sizeof p->place);
    memset(p->place_difference, 0, sizeof p->place_difference);
    for (uint64_t i = 0; rc == 0 && i < p->rows; i++) placed(p, p->labels[i], (const double[MODELS]){below[0][i], below[1][i]});
    mem_free(below[0]);
    mem_free(below[1]);
    return rc;
}

static void figure_fill(struct paired_figure *f, const double values[MODELS], const double variances[MODELS], double variance)
{
    const double z = 1.959963984540054; /* normal quantile of .975 */
    *f = (struct paired_figure){.a = values[0], .b = values[1], .a_se = sqrt(variances[0]), .b_se = sqrt(variances[1])};
    f->difference = f->b - f->a;
    f->se = sqrt(variance);
    f->low = f->difference - z * f->se, f->high = f->difference + z * f->se;
    f->p_value = f->se > 0 ? erfc(fabs(f->difference) / f->se / sqrt(2)) : f->difference == 0 ? 1 : 0;
    if (!isfinite(f->se)) {
        f->se = f->low = f->high = f->p_value = NAN;
        snprintf(f->reason, sizeof f->reason, "no standard error: it needs at least 2 rows (2 of each class for auc)");
    }
}

static void undefined(struct paired_figure *f, const char *reason)
{
    *f = (struct paired_figure){NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, NAN, ""};
    snprintf(f->reason, sizeof f->reason, "%s", reason);
}

static void fill_auc(const struct paired *p, struct paired_figure *f)
{
    double values[MODELS], variances[MODELS], variance = 0;
    for (int m = 0; m < MODELS; m++) {
        values[m] = moments_mean(&p->place[m][1]);
        variances[m] = moments_mean_variance(&p->place[m][0]) + moments_mean_variance(&p->place[m][1]);
    }
    for (int y = 0; y < 2; y++) variance += moments_mean_variance(&p->place_difference[y]);
    figure_fill(f, values, variances, variance);
}

int paired_finish(struct paired *p, struct paired_result *out, struct error *err)
{
    char reason[160] = "";
    *out = (struct paired_result){.rows = p->rows, .positives = p->classes[1], .exact = p->exact};
    if (p->rows == 0) snprintf(reason, sizeof reason, "no rows");
    else if (p->bad[0] || p->bad[1])
        snprintf(reason, sizeof reason, "%llu scores of a and %llu of b are not finite or beyond +-1e9", (unsigned long long)p->bad[0],
                 (unsigned long long)p->bad[1]);
    undefined(&out->auc, reason);
    undefined(&out->logloss, reason);
    if (reason[0]) return 0;
    const double mean_losses[MODELS] = {moments_mean(&p->loss[0]), moments_mean(&p->loss[1])},
                 variances[MODELS] = {moments_mean_variance(&p->loss[0]), moments_mean_variance(&p->loss[1])};
    figure_fill(&out->logloss, mean_losses, variances, moments_mean_variance(&p->loss_difference));
    if (!comparable(p)) {
        snprintf(reason, sizeof reason, "all %llu labels are %d", (unsigned long long)p->rows, p->classes[1] > 0);
        undefined(&out->auc, reason);
        return 0;
    }
    if (p->exact) {
        int rc = place_exact(p, err);
        if (rc < 0) return error_wrap(err, "comparing %llu rows", (unsigned long long)p->rows);
    } else if (p->again_rows != p->rows)
        return error_set(err, ERROR_USAGE, NULL, "the second pass over the rows to compare has %llu of %llu rows", (unsigned long long)p->again_rows,
                         (unsigned long long)p->rows);
    fill_auc(p, &out->auc);
    double pairs = (double)p->classes[0] * (double)p->classes[1];
    out->error_bound = fmax(p->tied[0], p->tied[1]) / 2 / pairs;
    return 0;
}

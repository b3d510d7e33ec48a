/* The evaluator: integer sums a lane, scores kept as sortable keys until there are too many, then one histogram for all lanes.
 *
 * Per-row terms are rounded once to multiples of 2^-40 and summed as 128-bit integers (a term is at most 2^60, so 2^27 times 2^40 rows fit).
 * The histogram is shared: bins are atomic counters, addition has no order. It is a lazy mapping, so it costs nothing while unused. The switch
 * is decided by the total of rows, which all lanes see; a lane that still holds keys folds them at its next call or at the finish. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/eval/parts.h"

enum { BINS = 1 << 20, EXACT_ROWS_DEFAULT = 1 << 23 };
static const float bin_range = 32;     /* logits beyond +-32 share the end bins */
static const float score_limit = 1e9f; /* a logit beyond it is as good as not finite */
static const double fixed_one = 0x1p40;

typedef __int128 fixed;
enum term { TERM_LOSS, TERM_LOSS_SQUARED, TERM_LOSS_POSITIVE, TERM_PROB, TERM_PROB_SQUARED, TERM_PROB_POSITIVE, TERMS };

struct keys { /* of one class */
    uint32_t *data;
    size_t count, capacity;
};

struct lane {
    _Alignas(128) fixed terms[TERMS]; /* lanes do not share cache lines */
    uint64_t classes[2], correct, bad_scores;
    struct keys keys[2];
};

struct evaluator {
    unsigned lane_count;
    uint64_t exact_rows_max;
    atomic_uint_fast64_t rows;
    struct lane *lanes;
    atomic_uint_fast64_t (*bins)[2]; /* (BINS) */
};

struct evaluator *evaluator_new(const struct evaluator_config *config, struct error *err)
{
    if (config->lanes < 1 || config->lanes > 4096) {
        error_set(err, ERROR_USAGE, NULL, "an evaluator needs 1 to 4096 lanes, got %u", config->lanes);
        return NULL;
    }
    if (config->weighted || config->bootstrap.replicates || config->groups.wanted || config->slice_count) {
        error_set(err, ERROR_USAGE, NULL, "this evaluator knows neither weights, bootstrap, groups nor slices");
        return NULL;
    }
    struct evaluator *e = mem_zero(sizeof *e, err);
    if (!e) return NULL;
    e->lane_count = config->lanes;
    e->exact_rows_max = config->exact_rows_max ? config->exact_rows_max : EXACT_ROWS_DEFAULT;
    e->lanes = mem_huge(e->lane_count, sizeof *e->lanes, err); /* aligned, which a plain allocation does not promise */
    e->bins = mem_huge(BINS, sizeof *e->bins, err);
    if (e->lanes && e->bins) return e;
    evaluator_free(e);
    return NULL;
}

void evaluator_free(struct evaluator *e)
{
    if (!e) return;
    for (unsigned i = 0; e->lanes && i < e->lane_count; i++)
        for (int y = 0; y < 2; y++) mem_free(e->lanes[i].keys[y].data);
    mem_huge_free(e->lanes, e->lane_count, sizeof *e->lanes);
    mem_huge_free(e->bins, BINS, sizeof *e->bins);
    mem_free(e);
}

static void bin_add(struct evaluator *e, float logit, int label)
{
    float at = (logit + bin_range) * (BINS / (2 * bin_range));
    size_t bin = at < 0 ? 0 : at >= BINS ? BINS - 1 : (size_t)at;
    atomic_fetch_add_explicit(&e->bins[bin][label], 1, memory_order_relaxed);
}

static void lane_fold(struct evaluator *e, struct lane *lane)
{
    for (int y = 0; y < 2; y++) {
        struct keys *k = &lane->keys[y];
        for (size_t i = 0; i < k->count; i++) bin_add(e, rank_unkey(k->data[i]), y);
        mem_free(k->data);
        *k = (struct keys){0};
    }
}

static int keys_reserve(struct keys *k, size_t more, struct error *err)
{
    if (k->capacity - k->count >= more) return 0;
    size_t capacity = k->capacity + k->capacity / 2 > k->count + more ? k->capacity + k->capacity / 2 : k->count + more;
    int rc = mem_grow((void **)&k->data, capacity, sizeof *k->data, err);
    if (rc == 0) k->capacity = capacity;
    return rc;
}

static fixed to_fixed(double x) { return x < 0x1p20 ? (fixed)(int64_t)(x * fixed_one + 0.5) : (fixed)(x * fixed_one); }

static void lane_sum(struct lane *lane, double z, int y)
{
    double e = exp(-fabs(z)), p = z >= 0 ? 1 / (1 + e) : e / (1 + e), loss = fmax(z, 0) - z * y + log1p(e);
    fixed l = to_fixed(loss), q = to_fixed(p);
    lane->terms[TERM_LOSS] += l;
    lane->terms[TERM_LOSS_SQUARED] += to_fixed(loss * loss);
    lane->terms[TERM_PROB] += q;
    lane->terms[TERM_PROB_SQUARED] += to_fixed(p * p);
    if (y) {
        lane->terms[TERM_LOSS_POSITIVE] += l;
        lane->terms[TERM_PROB_POSITIVE] += q;
    }
    lane->correct += (z >= 0) == (y == 1);
}

int evaluator_add(struct evaluator *e, unsigned index, const struct eval_rows *rows, struct error *err)
{
    const float *logits = rows->logits, *labels = rows->labels;
    size_t n = rows->n;
    struct lane *lane = &e->lanes[index];
    size_t positives = 0;
    for (size_t i = 0; i < n; i++) {
        if (labels[i] != 0 && labels[i] != 1)
            return error_set(err, ERROR_DATA, NULL, "evaluation: label %g; only 0 and 1 can be evaluated", (double)labels[i]);
        positives += labels[i] == 1;
    }
    bool exact = atomic_load(&e->rows) + n <= e->exact_rows_max;
    if (exact && keys_reserve(&lane->keys[0], n - positives, err) < 0) return error_wrap(err, "evaluation");
    if (exact && keys_reserve(&lane->keys[1], positives, err) < 0) return error_wrap(err, "evaluation");
    if (!exact) lane_fold(e, lane);
    atomic_fetch_add(&e->rows, n);
    for (size_t i = 0; i < n; i++) {
        int y = labels[i] == 1;
        lane->classes[y]++;
        if (!(fabsf(logits[i]) <= score_limit)) {
            lane->bad_scores++;
            continue;
        }
        lane_sum(lane, logits[i], y);
        if (exact) lane->keys[y].data[lane->keys[y].count++] = rank_key(logits[i]);
        else bin_add(e, logits[i], y);
    }
    return 0;
}

static uint64_t sums_collect(const struct evaluator *e, struct eval_sums *out)
{
    fixed terms[TERMS] = {0};
    uint64_t bad_scores = 0;
    *out = (struct eval_sums){0};
    for (unsigned i = 0; i < e->lane_count; i++) {
        const struct lane *lane = &e->lanes[i];
        for (int t = 0; t < TERMS; t++) terms[t] += lane->terms[t];
        out->rows += lane->classes[0] + lane->classes[1];
        out->positives += lane->classes[1];
        out->correct += lane->correct;
        bad_scores += lane->bad_scores;
    }
    double *const fields[TERMS] = {&out->loss, &out->loss_squared, &out->loss_positive, &out->prob, &out->prob_squared, &out->prob_positive};
    for (int t = 0; t < TERMS; t++) *fields[t] = (double)terms[t] / fixed_one;
    return bad_scores;
}

/* The sorted keys of one class over all lanes; *out is the caller's (mem_free). */
static int keys_sorted(const struct evaluator *e, int label, uint32_t **out, struct error *err)
{
    size_t n = 0;
    for (unsigned i = 0; i < e->lane_count; i++) n += e->lanes[i].keys[label].count;
    uint32_t *keys = mem_array(n, 1, sizeof *keys, err), *scratch = mem_array(n, 1, sizeof *scratch, err);
    if (keys && scratch) {
        size_t at = 0;
        for (unsigned i = 0; i < e->lane_count; i++) {
            const struct keys *k = &e->lanes[i].keys[label];
            if (k->count) memcpy(keys + at, k->data, k->count * sizeof *keys);
            at += k->count;
        }
        rank_sort(keys, scratch, n);
        *out = keys;
        keys = NULL;
    }
    mem_free(keys);
    mem_free(scratch);
    return *out ? 0 : error_wrap(err, "evaluation: sorting %zu scores", n);
}

static void measure_undefined(struct measure *m, const char *reason)
{
    *m = (struct measure){.value = NAN, .se = NAN, .low = NAN, .high = NAN};
    snprintf(m->reason, sizeof m->reason, "%s", reason);
}

static void measure_all(const struct eval_sums *sums, const struct rank_groups *ranks, struct evaluation *out)
{
    char reason[160];
    for (size_t i = 0; metrics[i]; i++) {
        unsigned needs = metrics[i]->needs;
        reason[0] = 0;
        if (sums->rows == 0) snprintf(reason, sizeof reason, "no rows");
        else if (out->bad_scores)
            snprintf(reason, sizeof reason, "%llu of %llu scores are not finite", (unsigned long long)out->bad_scores,
                     (unsigned long long)sums->rows);
        else if (sums->positives == 0 && needs & (METRIC_BOTH_CLASSES | METRIC_POSITIVES))
            snprintf(reason, sizeof reason, "all %llu labels are 0", (unsigned long long)sums->rows);
        else if (sums->positives == sums->rows && needs & METRIC_BOTH_CLASSES)
            snprintf(reason, sizeof reason, "all %llu labels are 1", (unsigned long long)sums->rows);
        if (reason[0]) measure_undefined(&out->measures[i], reason);
        else metrics[i]->compute(sums, ranks, &out->measures[i]);
        out->measures[i].wanted = true;
    }
}

int evaluator_finish(struct evaluator *e, struct evaluation *out, struct error *err)
{
    struct eval_sums sums;
    uint32_t *keys[2] = {NULL, NULL};
    int rc = 0;
    *out = (struct evaluation){.bad_scores = sums_collect(e, &sums)};
    out->rows = sums.rows, out->positives = sums.positives;
    out->exact_ranks = sums.rows <= e->exact_rows_max;
    struct rank_groups ranks = {.positives = sums.positives, .negatives = sums.rows - sums.positives};
    if (out->exact_ranks) {
        for (int y = 0; y < 2; y++)
            if ((rc = keys_sorted(e, y, &keys[y], err)) < 0) goto out;
        ranks.negative_keys = keys[0], ranks.positive_keys = keys[1];
    } else {
        for (unsigned i = 0; i < e->lane_count; i++) lane_fold(e, &e->lanes[i]);
        ranks.bins = (const uint64_t(*)[2])e->bins, ranks.bin_count = BINS;
    }
    measure_all(&sums, &ranks, out);
out:
    for (int y = 0; y < 2; y++) mem_free(keys[y]);
    return rc;
}

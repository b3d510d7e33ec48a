/* The evaluator: exact sums a lane, scores kept as sortable keys until there are too many, then one histogram for all lanes; and what was asked for
 * besides (groups, slices, bootstrap), each in its own file.
 *
 * Sums of per-row terms are exact (exact_sum.h). The histogram is shared: bins are atomic counters, addition has no order. It is a lazy mapping, so
 * it costs nothing while unused. The switch is decided by the total of rows, which all lanes see; a lane that still holds keys folds them at its next
 * call or at the finish. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/core/batch.h"
#include "engine/eval/bootstrap.h"
#include "engine/eval/exact_sum.h"
#include "engine/eval/groups.h"
#include "engine/eval/slices.h"
#include "engine/eval/targets.h"

enum { BINS = 1 << 20, EXACT_ROWS_DEFAULT = 1 << 23, COLUMNS_MAX = EVALUATION_SLICES_MAX + 1, CHUNK = 256 };
enum { BOOTSTRAP_REPLICATES_MIN = 20, GROUPS_K_DEFAULT = 10, TOP_K_DEFAULT = 3 };
static const float bin_range = 32; /* logits beyond +-32 share the end bins */
static const size_t memory_default = 64 << 20;

enum term { /* sums of w f, then those of w^2 f that are not the same without weights */
            TERM_LOSS,
            TERM_PROB,
            TERM_BRIER,
            TERM_ABSOLUTE,
            TERM_LOSS_POSITIVE,
            TERM_LOSS_LOSS,
            TERM_PROB_PROB,
            TERM_PROB_POSITIVE,
            TERM_BRIER_BRIER,
            TERMS_UNWEIGHTED,
            TERM_WEIGHT = TERMS_UNWEIGHTED,
            TERM_POSITIVE,
            TERM_CORRECT,
            TERM_SQUARE_WEIGHT,
            TERM_SQUARE_POSITIVE,
            TERM_SQUARE_CORRECT,
            TERM_SQUARE_LOSS,
            TERM_SQUARE_BRIER,
            TERM_SQUARE_ABSOLUTE,
            TERMS
};

struct keys { /* of one class; u32 keys, or u64 with the weight below when weighted */
    void *data;
    size_t count, capacity;
};

struct lane {
    _Alignas(128) uint64_t classes[2]; /* lanes do not share cache lines */
    uint64_t correct, bad_scores;
    struct keys keys[2];
    struct exact_sum terms[TERMS];
};

struct atomic_wide {
    atomic_uint_fast64_t low, high;
};
struct atomic_weight_bin {
    struct atomic_wide weight[2], square[2];
};

struct evaluator {
    struct evaluator_config config; /* defaults filled in */
    char slice_names[EVALUATION_SLICES_MAX][64];
    atomic_uint_fast64_t rows;
    struct lane *lanes;
    atomic_uint_fast64_t (*bins)[2];       /* (BINS) */
    struct atomic_weight_bin *weight_bins; /* (BINS), when weighted */
    struct bootstrap *bootstrap;           /* NULL: none */
    struct sorter *columns[COLUMNS_MAX];   /* slices, then groups */
    unsigned column_count;
    struct targets *targets; /* where labels are no bits: all there is */
};

static int config_check(const struct evaluator_config *c, struct error *err)
{
    if (c->lanes < 1 || c->lanes > 4096) return error_set(err, ERROR_USAGE, NULL, "an evaluator needs 1 to 4096 lanes, got %u", c->lanes);
    unsigned replicates = c->bootstrap.replicates;
    if (replicates && (replicates < BOOTSTRAP_REPLICATES_MIN || replicates > BOOTSTRAP_REPLICATES_MAX))
        return error_set(err, ERROR_USAGE, NULL, "a bootstrap needs %d to %d replicates, got %u", BOOTSTRAP_REPLICATES_MIN, BOOTSTRAP_REPLICATES_MAX,
                         replicates);
    if (c->slice_count > EVALUATION_SLICES_MAX)
        return error_set(err, ERROR_USAGE, NULL, "at most %d fields can be sliced, got %u", EVALUATION_SLICES_MAX, c->slice_count);
    if (c->groups.k > GROUPS_K_MAX) return error_set(err, ERROR_USAGE, NULL, "k of NDCG@k is at most %d, got %u", GROUPS_K_MAX, c->groups.k);
    bool bits = !c->loss || c->loss->labels == LABELS_BINARY;
    if (!bits && (c->bootstrap.replicates > 0 || c->slice_count > 0))
        return error_set(err, ERROR_USAGE, NULL, "bootstrap and slices are for labels 0 and 1");
    if (c->outputs > LABEL_CLASSES_MAX) return error_set(err, ERROR_USAGE, NULL, "at most %d outputs a row, got %zu", LABEL_CLASSES_MAX, c->outputs);
    if (c->folder && !c->world) return error_set(err, ERROR_USAGE, NULL, "an evaluator with a folder needs a world");
    return 0;
}

static int columns_open(struct evaluator *e, struct error *err)
{
    const struct evaluator_config *c = &e->config;
    unsigned count = c->slice_count + c->groups.wanted;
    for (unsigned i = 0; i < count; i++) {
        char name[32];
        snprintf(name, sizeof name, i < c->slice_count ? "slice-%u" : "groups", i);
        struct sorter_config config = {.world = c->world, .folder = c->folder, .name = name, .memory_bytes = c->memory_bytes / count};
        if (!(e->columns[i] = sorter_new(&config, err))) return -(int)ERROR_NOMEM;
        e->column_count++;
    }
    for (unsigned i = 0; i < c->slice_count; i++) str_copy(e->slice_names[i], sizeof e->slice_names[i], c->slice_names ? c->slice_names[i] : "");
    return 0;
}

struct evaluator *evaluator_new(const struct evaluator_config *config, struct error *err)
{
    if (config_check(config, err) < 0) return NULL;
    struct evaluator *e = mem_zero(sizeof *e, err);
    if (!e) return NULL;
    e->config = *config;
    if (!e->config.exact_rows_max) e->config.exact_rows_max = EXACT_ROWS_DEFAULT;
    if (!e->config.memory_bytes) e->config.memory_bytes = memory_default;
    if (!e->config.groups.k) e->config.groups.k = GROUPS_K_DEFAULT;
    if (!e->config.parallel) e->config.parallel = &parallel_inline;
    if (!e->config.top_k) e->config.top_k = TOP_K_DEFAULT;
    if (config->loss && config->loss->labels != LABELS_BINARY) {
        if ((e->targets = targets_new(&e->config, err))) return e;
        evaluator_free(e);
        return NULL;
    }
    e->lanes = mem_huge(config->lanes, sizeof *e->lanes, err); /* aligned, which a plain allocation does not promise */
    e->bins = mem_huge(BINS, sizeof *e->bins, err);
    bool ok = e->lanes && e->bins;
    if (ok && config->weighted) ok = (e->weight_bins = mem_huge(BINS, sizeof *e->weight_bins, err)) != NULL;
    if (ok && config->bootstrap.replicates)
        ok = (e->bootstrap = bootstrap_new(config->lanes, config->bootstrap.replicates, config->bootstrap.seed, config->weighted, err)) != NULL;
    if (ok && columns_open(e, err) == 0) return e;
    evaluator_free(e);
    return NULL;
}

void evaluator_free(struct evaluator *e)
{
    if (!e) return;
    for (unsigned i = 0; e->lanes && i < e->config.lanes; i++)
        for (int y = 0; y < 2; y++) mem_free(e->lanes[i].keys[y].data);
    mem_huge_free(e->lanes, e->config.lanes, sizeof *e->lanes);
    mem_huge_free(e->bins, BINS, sizeof *e->bins);
    mem_huge_free(e->weight_bins, BINS, sizeof *e->weight_bins);
    for (unsigned i = 0; i < e->column_count; i++) sorter_free(e->columns[i]);
    bootstrap_free(e->bootstrap);
    targets_free(e->targets);
    mem_free(e);
}

/* ---- scores: keys, or bins ---- */

static size_t key_size(const struct evaluator *e) { return e->config.weighted ? sizeof(uint64_t) : sizeof(uint32_t); }

static void wide_add(struct atomic_wide *w, unsigned __int128 x)
{
    uint64_t low = (uint64_t)x, before = atomic_fetch_add_explicit(&w->low, low, memory_order_relaxed), high = (uint64_t)(x >> 64);
    high += before + low < before; /* whoever carries, carries once */
    if (high) atomic_fetch_add_explicit(&w->high, high, memory_order_relaxed);
}

static void bin_add(struct evaluator *e, float logit, int label, float weight)
{
    float at = (logit + bin_range) * (BINS / (2 * bin_range));
    size_t bin = at < 0 ? 0 : at >= BINS ? BINS - 1 : (size_t)at;
    atomic_fetch_add_explicit(&e->bins[bin][label], 1, memory_order_relaxed);
    if (!e->weight_bins) return;
    unsigned __int128 w = (unsigned __int128)((double)weight * 0x1p40 + 0.5);
    wide_add(&e->weight_bins[bin].weight[label], w);
    wide_add(&e->weight_bins[bin].square[label], w * w >> (2 * WEIGHT_BITS - SQUARE_BITS));
}

static uint64_t weighted_key(float logit, float weight)
{
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    return (uint64_t)rank_key(logit) << 32 | bits;
}

static void lane_fold(struct evaluator *e, struct lane *lane)
{
    for (int y = 0; y < 2; y++) {
        struct keys *k = &lane->keys[y];
        for (size_t i = 0; i < k->count; i++) {
            uint64_t key = e->config.weighted ? ((uint64_t *)k->data)[i] : (uint64_t)((uint32_t *)k->data)[i] << 32;
            uint32_t bits = (uint32_t)key;
            float weight;
            memcpy(&weight, &bits, sizeof weight);
            bin_add(e, rank_unkey((uint32_t)(key >> 32)), y, weight);
        }
        mem_free(k->data);
        *k = (struct keys){0};
    }
}

static int keys_reserve(struct keys *k, size_t more, size_t size, struct error *err)
{
    if (k->capacity - k->count >= more) return 0;
    size_t capacity = k->capacity + k->capacity / 2 > k->count + more ? k->capacity + k->capacity / 2 : k->count + more;
    int rc = mem_grow(&k->data, capacity, size, err);
    if (rc == 0) k->capacity = capacity;
    return rc;
}

/* ---- adding ---- */

static void lane_sum(struct lane *lane, double z, int y)
{
    struct row_terms t = row_terms(z, y);
    struct exact_sum *s = lane->terms;
    exact_sum_add(&s[TERM_LOSS], t.loss);
    exact_sum_add(&s[TERM_PROB], t.prob);
    exact_sum_add(&s[TERM_BRIER], t.brier);
    exact_sum_add(&s[TERM_ABSOLUTE], t.absolute);
    exact_sum_add(&s[TERM_LOSS_LOSS], t.loss * t.loss);
    exact_sum_add(&s[TERM_PROB_PROB], t.prob * t.prob);
    exact_sum_add(&s[TERM_BRIER_BRIER], t.brier * t.brier);
    if (y) {
        exact_sum_add(&s[TERM_LOSS_POSITIVE], t.loss);
        exact_sum_add(&s[TERM_PROB_POSITIVE], t.prob);
    }
    lane->correct += (z >= 0) == (y == 1);
}

static void lane_sum_weighted(struct lane *lane, double z, int y, double w)
{
    struct row_terms t = row_terms(z, y);
    struct exact_sum *s = lane->terms;
    double ww = w * w;
    const double values[TERMS] = {
        [TERM_LOSS] = w * t.loss,
        [TERM_PROB] = w * t.prob,
        [TERM_BRIER] = w * t.brier,
        [TERM_ABSOLUTE] = w * t.absolute,
        [TERM_LOSS_POSITIVE] = y ? ww * t.loss : 0,
        [TERM_LOSS_LOSS] = ww * t.loss * t.loss,
        [TERM_PROB_PROB] = ww * t.prob * t.prob,
        [TERM_PROB_POSITIVE] = y ? ww * t.prob : 0,
        [TERM_BRIER_BRIER] = ww * t.brier * t.brier,
        [TERM_WEIGHT] = w,
        [TERM_POSITIVE] = y ? w : 0,
        [TERM_CORRECT] = (z >= 0) == (y == 1) ? w : 0,
        [TERM_SQUARE_WEIGHT] = ww,
        [TERM_SQUARE_POSITIVE] = y ? ww : 0,
        [TERM_SQUARE_CORRECT] = (z >= 0) == (y == 1) ? ww : 0,
        [TERM_SQUARE_LOSS] = ww * t.loss,
        [TERM_SQUARE_BRIER] = ww * t.brier,
        [TERM_SQUARE_ABSOLUTE] = ww * t.absolute,
    };
    for (int i = 0; i < TERMS; i++)
        if (values[i] != 0) exact_sum_add(&s[i], values[i]);
}

static int rows_check(const struct evaluator *e, const struct eval_rows *rows, size_t counts[2], struct error *err)
{
    const struct evaluator_config *c = &e->config;
    const char *missing = c->weighted && !rows->weights                ? "weights"
                          : c->groups.wanted && !rows->groups          ? "groups"
                          : c->bootstrap.replicates > 0 && !rows->rows ? "row ordinals"
                          : c->slice_count > 0 && !rows->slices        ? "slices"
                                                                       : NULL;
    if (rows->n && missing) return error_set(err, ERROR_USAGE, NULL, "evaluation: it was asked for what needs %s, and rows came without", missing);
    if (!c->weighted && rows->weights) return error_set(err, ERROR_USAGE, NULL, "evaluation: rows came with weights that were not announced");
    counts[0] = counts[1] = 0;
    for (size_t i = 0; i < rows->n; i++) {
        if (rows->labels[i] != 0 && rows->labels[i] != 1)
            return error_set(err, ERROR_DATA, NULL, "evaluation: label %g; only 0 and 1 can be evaluated", (double)rows->labels[i]);
        float weight = rows->weights ? rows->weights[i] : 1;
        if (weight != 0 && !(weight >= ROW_WEIGHT_MIN && weight <= ROW_WEIGHT_MAX))
            return error_set(err, ERROR_DATA, NULL,
                             "evaluation: weight %g; a weight is 0 or from %g to %g. Scale them: metrics do not depend on the scale of weights",
                             (double)weight, (double)ROW_WEIGHT_MIN, (double)ROW_WEIGHT_MAX);
        counts[rows->labels[i] == 1] += weight > 0;
    }
    return 0;
}

struct column_rows { /* on their way to a sorter */
    struct sorter *sorter;
    struct sort_row rows[CHUNK];
    size_t n;
};

static int column_add(struct column_rows *out, uint64_t group, const struct eval_rows *rows, size_t i, struct error *err)
{
    int rc = out->n == CHUNK ? sorter_add(out->sorter, out->rows, out->n, err) : 0;
    if (out->n == CHUNK) out->n = 0;
    if (rc == 0) out->rows[out->n++] = sort_row_of(group, rows->logits[i], rows->labels[i] == 1, rows->weights ? rows->weights[i] : 1);
    return rc;
}

/* A row counts in the slice of every value that it has. */
static int columns_add(struct evaluator *e, const struct eval_rows *rows, struct error *err)
{
    const unsigned slices = e->config.slice_count;
    struct column_rows out;
    int rc = 0;
    for (unsigned c = 0; rc == 0 && c < e->column_count; c++) {
        out.sorter = e->columns[c], out.n = 0;
        for (size_t i = 0; rc == 0 && i < rows->n; i++) {
            if ((rows->weights && rows->weights[i] == 0) || !(fabsf(rows->logits[i]) <= LOGIT_LIMIT)) continue;
            if (c == slices) {
                rc = column_add(&out, rows->groups[i], rows, i, err);
                continue;
            }
            size_t p = i * slices + c, from = p, end = p + 1;
            if (rows->slice_ends) from = p > 0 ? rows->slice_ends[p - 1] : 0, end = rows->slice_ends[p];
            for (; rc == 0 && from < end; from++) rc = column_add(&out, rows->slices[from], rows, i, err);
        }
        if (rc == 0) rc = sorter_add(out.sorter, out.rows, out.n, err);
    }
    return rc;
}

static void row_add(struct evaluator *e, unsigned index, const struct eval_rows *rows, size_t i, bool exact)
{
    struct lane *lane = &e->lanes[index];
    float z = rows->logits[i], weight = rows->weights ? rows->weights[i] : 1;
    int y = rows->labels[i] == 1;
    if (weight == 0) return;
    lane->classes[y]++;
    if (!(fabsf(z) <= LOGIT_LIMIT)) {
        lane->bad_scores++;
        return;
    }
    struct keys *k = &lane->keys[y];
    if (e->config.weighted) lane_sum_weighted(lane, (double)z, y, (double)weight);
    else lane_sum(lane, (double)z, y);
    if (!exact) bin_add(e, z, y, weight);
    else if (e->config.weighted) ((uint64_t *)k->data)[k->count++] = weighted_key(z, weight);
    else ((uint32_t *)k->data)[k->count++] = rank_key(z);
    if (e->bootstrap) bootstrap_add(e->bootstrap, index, z, y, weight, rows->rows[i]);
}

int evaluator_add(struct evaluator *e, unsigned index, const struct eval_rows *rows, struct error *err)
{
    if (e->targets) return targets_add(e->targets, index, rows, err);
    struct lane *lane = &e->lanes[index];
    size_t counts[2] = {0, 0}, n;
    int rc = rows_check(e, rows, counts, err);
    if (rc < 0) return rc;
    n = counts[0] + counts[1];
    bool exact = atomic_load(&e->rows) + n <= e->config.exact_rows_max;
    for (int y = 0; exact && y < 2; y++)
        if ((rc = keys_reserve(&lane->keys[y], counts[y], key_size(e), err)) < 0) return error_wrap(err, "evaluation");
    if ((rc = columns_add(e, rows, err)) < 0) return rc;
    if (!exact) lane_fold(e, lane);
    atomic_fetch_add(&e->rows, n);
    for (size_t i = 0; i < rows->n; i++) row_add(e, index, rows, i, exact);
    return 0;
}

/* ---- the finish ---- */

static uint64_t sums_collect(const struct evaluator *e, struct eval_sums *out)
{
    struct exact_sum total;
    double v[TERMS];
    uint64_t bad_scores = 0, correct = 0;
    *out = (struct eval_sums){0};
    for (unsigned i = 0; i < e->config.lanes; i++) {
        const struct lane *lane = &e->lanes[i];
        out->rows += lane->classes[0] + lane->classes[1];
        out->positives += lane->classes[1];
        correct += lane->correct;
        bad_scores += lane->bad_scores;
    }
    for (int t = 0; t < TERMS; t++) {
        total = (struct exact_sum){0};
        for (unsigned i = 0; i < e->config.lanes; i++) exact_sum_merge(&total, &e->lanes[i].terms[t]);
        v[t] = exact_sum_value(&total);
    }
    if (!e->config.weighted) { /* w = w^2 = 1 */
        v[TERM_WEIGHT] = v[TERM_SQUARE_WEIGHT] = (double)out->rows;
        v[TERM_POSITIVE] = v[TERM_SQUARE_POSITIVE] = (double)out->positives;
        v[TERM_CORRECT] = v[TERM_SQUARE_CORRECT] = (double)correct;
        v[TERM_SQUARE_LOSS] = v[TERM_LOSS], v[TERM_SQUARE_BRIER] = v[TERM_BRIER], v[TERM_SQUARE_ABSOLUTE] = v[TERM_ABSOLUTE];
    }
    out->weight = v[TERM_WEIGHT], out->positive = v[TERM_POSITIVE], out->correct = v[TERM_CORRECT];
    out->loss = v[TERM_LOSS], out->prob = v[TERM_PROB], out->brier = v[TERM_BRIER], out->absolute = v[TERM_ABSOLUTE];
    out->square.weight = v[TERM_SQUARE_WEIGHT], out->square.positive = v[TERM_SQUARE_POSITIVE], out->square.correct = v[TERM_SQUARE_CORRECT];
    out->square.loss = v[TERM_SQUARE_LOSS], out->square.loss_positive = v[TERM_LOSS_POSITIVE], out->square.loss_loss = v[TERM_LOSS_LOSS];
    out->square.prob_prob = v[TERM_PROB_PROB], out->square.prob_positive = v[TERM_PROB_POSITIVE];
    out->square.brier = v[TERM_SQUARE_BRIER], out->square.brier_brier = v[TERM_BRIER_BRIER], out->square.absolute = v[TERM_SQUARE_ABSOLUTE];
    return bad_scores;
}

struct sorting {
    const struct evaluator *e;
    void *keys[2]; /* sorted, of each class */
};

/* The sorted keys of one class over all lanes. */
static int keys_sort(void *context, unsigned label, struct error *err)
{
    struct sorting *s = context;
    size_t n = 0, size = key_size(s->e), at = 0;
    for (unsigned i = 0; i < s->e->config.lanes; i++) n += s->e->lanes[i].keys[label].count;
    char *keys = mem_array(n, 1, size, err);
    void *scratch = keys ? mem_array(n, 1, size, err) : NULL;
    for (unsigned i = 0; scratch && i < s->e->config.lanes; i++) {
        const struct keys *k = &s->e->lanes[i].keys[label];
        if (k->count) memcpy(keys + at * size, k->data, k->count * size);
        at += k->count;
    }
    if (scratch && s->e->config.weighted) rank_sort_weighted((uint64_t *)(void *)keys, scratch, n);
    else if (scratch) rank_sort((uint32_t *)(void *)keys, scratch, n);
    s->keys[label] = keys;
    mem_free(scratch);
    return scratch ? 0 : error_wrap(err, "evaluation: sorting %zu scores", n);
}

const char *evaluation_bad_scores(const struct evaluation *e, char out[BAD_SCORES_SIZE])
{
    snprintf(out, BAD_SCORES_SIZE, "%llu of %llu scores are not finite or beyond +-%s", (unsigned long long)e->bad_scores,
             (unsigned long long)e->rows, e->labels == LABELS_BINARY ? "1e9" : "1e30");
    return out;
}

static bool undefined(const struct evaluation *e, unsigned needs, char reason[160])
{
    enum { SIZE = 160 };
    reason[0] = 0;
    if (e->rows == 0) snprintf(reason, SIZE, e->weighted ? "no rows of a weight above 0" : "no rows");
    else if (e->bad_scores) evaluation_bad_scores(e, reason);
    else if (e->positives == 0 && needs & (METRIC_BOTH_CLASSES | METRIC_POSITIVES))
        snprintf(reason, SIZE, "all %llu labels are 0", (unsigned long long)e->rows);
    else if (e->positives == e->rows && needs & METRIC_BOTH_CLASSES) snprintf(reason, SIZE, "all %llu labels are 1", (unsigned long long)e->rows);
    return reason[0];
}

static const char overflow[] = "more rows than the memory for groups and slices holds, and there is no folder to sort them in";

static void measure_all(const struct evaluator *e, const struct metric_input *in, struct evaluation *out)
{
    char reason[160];
    for (size_t i = 0; metrics[i]; i++) {
        struct measure *m = &out->measures[i];
        bool groups = metrics[i]->needs & METRIC_GROUPS;
        bool judges = metric_judges(metrics[i], LABELS_BINARY);
        if (undefined(out, metrics[i]->needs, reason)) measure_undefined(m, reason);
        else if (!judges) measure_undefined(m, "is for other labels");
        else if (groups && !e->config.groups.wanted) measure_undefined(m, "rows have no group");
        else if (groups && !in->groups) measure_undefined(m, overflow);
        else metrics[i]->compute(in, m);
        m->wanted = judges && (!groups || e->config.groups.wanted);
    }
}

static void deciles_fill(const struct metric_input *in, struct evaluation *out)
{
    struct equal_bin bins[EQUAL_BINS_MAX];
    if (out->rows == 0 || out->bad_scores) return;
    out->decile_count = (unsigned)equal_bins(in->ranks, in->sums->weight, DECILES, bins, NULL);
    for (unsigned i = 0; i < out->decile_count; i++)
        out->deciles[i] = (struct decile){
            .rows = bins[i].rows, .weight = bins[i].weight, .prediction = bins[i].prob / bins[i].weight, .clicks = bins[i].positive / bins[i].weight};
}

struct columns {
    struct evaluator *e;
    struct evaluation *out;
    struct group_sums groups;
    struct group_draws draws;
    bool have_groups;
};

static int column_finish(void *context, unsigned index, struct error *err)
{
    struct columns *c = context;
    struct sorter *rows = c->e->columns[index];
    bool slice = index < c->e->config.slice_count, lost = sorter_overflowed(rows);
    if (!slice && lost) return 0;
    if (!slice) {
        c->have_groups = true;
        return groups_sum(rows, c->e->config.groups.k, &c->draws, &c->groups, err);
    }
    struct slice_table *table = &c->out->slices[index];
    str_copy(table->field, sizeof table->field, c->e->slice_names[index]);
    if (undefined(c->out, 0, table->reason)) return 0;
    if (lost) return str_copy(table->reason, sizeof table->reason, overflow), 0;
    return slices_table(rows, table, err);
}

static int draws_open(const struct evaluator *e, struct group_draws *draws, struct error *err)
{
    draws->list = mem_array(e->config.bootstrap.replicates, 1, sizeof *draws->list, err);
    draws->count = e->config.bootstrap.replicates, draws->seed = e->config.bootstrap.seed;
    return draws->list ? 0 : -ERROR_NOMEM;
}

static int ranks_open(struct evaluator *e, struct sorting *sorting, struct rank_groups *ranks, struct evaluation *out, struct error *err)
{
    *ranks = (struct rank_groups){.positives = out->positives, .negatives = out->rows - out->positives};
    if (!out->exact_ranks) {
        for (unsigned i = 0; i < e->config.lanes; i++) lane_fold(e, &e->lanes[i]);
        ranks->bins = (const uint64_t(*)[2])e->bins, ranks->weight_bins = (const struct weight_bin *)e->weight_bins, ranks->bin_count = BINS;
        ranks->bin_first = -bin_range, ranks->bin_width = 2 * bin_range / BINS;
        return 0;
    }
    int rc = e->config.parallel->run(e->config.parallel->impl, keys_sort, sorting, 2, err);
    if (e->config.weighted) ranks->negative_weighted = sorting->keys[0], ranks->positive_weighted = sorting->keys[1];
    else ranks->negative_keys = sorting->keys[0], ranks->positive_keys = sorting->keys[1];
    return rc;
}

/* Groups were asked for, and the labels are none that rank rows within them. */
static void groups_decline(struct evaluation *out)
{
    for (size_t i = 0; metrics[i]; i++) {
        if (!(metrics[i]->needs & METRIC_GROUPS)) continue;
        measure_undefined(&out->measures[i], "ranks the clicks within each group (dataset.group), and these labels are not 0 and 1");
    }
}

int evaluator_finish(struct evaluator *e, struct evaluation *out, struct error *err)
{
    struct eval_sums sums;
    struct rank_groups ranks;
    struct sorting sorting = {.e = e};
    struct columns columns = {.e = e, .out = out};
    *out = (struct evaluation){0};
    if (e->targets) {
        int rc = targets_finish(e->targets, out, err);
        if (e->config.groups.wanted) groups_decline(out);
        return rc;
    }
    out->bad_scores = sums_collect(e, &sums);
    out->rows = sums.rows, out->positives = sums.positives;
    out->weight = sums.weight, out->weight_positive = sums.positive;
    out->weighted = e->config.weighted;
    out->exact_ranks = sums.rows <= e->config.exact_rows_max;
    out->slice_count = e->config.slice_count;
    out->replicates = e->config.bootstrap.replicates, out->bootstrap_seed = e->config.bootstrap.seed;
    int rc = ranks_open(e, &sorting, &ranks, out, err);
    if (rc == 0 && e->bootstrap && e->config.groups.wanted) rc = draws_open(e, &columns.draws, err);
    if (rc == 0 && e->column_count) rc = e->config.parallel->run(e->config.parallel->impl, column_finish, &columns, e->column_count, err);
    if (rc == 0) {
        const struct metric_input in = {.sums = &sums, .ranks = &ranks, .groups = columns.have_groups ? &columns.groups : NULL};
        measure_all(e, &in, out);
        deciles_fill(&in, out);
        out->groups.k = e->config.groups.k, out->groups.count = columns.groups.count, out->groups.both_classes = columns.groups.both_classes;
        out->groups.left_out = columns.groups.weight > 0 ? 1 - columns.groups.weight_both / columns.groups.weight : NAN;
        if (e->bootstrap) rc = bootstrap_intervals(e->bootstrap, columns.have_groups ? columns.draws.list : NULL, out, err);
    }
    for (int y = 0; y < 2; y++) mem_free(sorting.keys[y]);
    mem_free(columns.draws.list);
    return rc;
}

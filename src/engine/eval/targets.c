/* Sums of a row's loss, distance and hits as for clicks, so that metrics that mean the same for all labels compute from the same struct eval_sums;
 * and of classes a row's log-probabilities, from which each class has its one-vs-rest AUC while they fit in memory. */
#include "engine/eval/targets.h"

#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/core/batch.h"
#include "engine/eval/exact_sum.h"

enum part { /* sums of w f; of what has a variance also of w^2 f and w^2 f^2 */
            PART_LOSS,
            PART_SQUARE,
            PART_ABSOLUTE,
            PART_CORRECT,
            PART_TOP,
            PARTS,
            ONE_WEIGHT = 3 * PARTS,
            ONE_PREDICTION,
            ONE_LABEL,
            ONE_LABEL_LABEL,
            SQUARE_WEIGHT,
            SQUARE_DIFFERENCE,
            SQUARE_PREDICTION_PREDICTION,
            SQUARE_PREDICTION_LABEL,
            SQUARE_LABEL_LABEL,
            TERMS
};

struct class_sums {
    uint64_t rows;
    struct exact_sum weight, prediction, correct; /* of its rows; prediction: of all rows, its probability */
};

struct lane {
    _Alignas(128) uint64_t rows, positives, bad_scores; /* positives: rows of a label > 0 */
    struct exact_sum terms[TERMS];
    struct class_sums *classes; /* (outputs) */
    /* what ranks need: log-probabilities (count, outputs), labels and weights */
    float *scores, *weights;
    uint8_t *labels;
    size_t count, max;
};

struct targets {
    const struct loss *loss;
    struct label_rule rule;
    size_t outputs;
    unsigned lane_count, top_k;
    bool weighted;
    uint64_t ranked_max; /* rows whose scores are kept: exact_rows_max of them in all */
    atomic_uint_fast64_t rows;
    struct lane *lanes;
};

static bool classes(const struct targets *t) { return t->rule.range == LABELS_CLASS; }

struct targets *targets_new(const struct evaluator_config *config, struct error *err)
{
    struct targets *t = mem_zero(sizeof *t, err);
    if (!t) return NULL;
    t->loss = config->loss;
    t->outputs = config->outputs ? config->outputs : 1;
    t->rule = (struct label_rule){.range = t->loss->labels, .classes = (uint32_t)t->outputs};
    t->lane_count = config->lanes;
    t->weighted = config->weighted;
    t->top_k = config->top_k;
    t->ranked_max = config->exact_rows_max / t->outputs;
    bool ok = (t->lanes = mem_huge(config->lanes, sizeof *t->lanes, err)) != NULL;
    for (unsigned i = 0; ok && classes(t) && i < config->lanes; i++)
        ok = (t->lanes[i].classes = mem_array(t->outputs, 1, sizeof *t->lanes[i].classes, err)) != NULL;
    if (ok) return t;
    targets_free(t);
    return NULL;
}

static void ranks_drop(struct lane *lane)
{
    mem_free(lane->scores);
    mem_free(lane->weights);
    mem_free(lane->labels);
    lane->scores = lane->weights = NULL, lane->labels = NULL;
    lane->count = lane->max = 0;
}

void targets_free(struct targets *t)
{
    if (!t) return;
    for (unsigned i = 0; t->lanes && i < t->lane_count; i++) {
        ranks_drop(&t->lanes[i]);
        mem_free(t->lanes[i].classes);
    }
    mem_huge_free(t->lanes, t->lane_count, sizeof *t->lanes);
    mem_free(t);
}

/* ---- adding ---- */

static int rows_check(const struct targets *t, const struct eval_rows *rows, size_t *counted, struct error *err)
{
    if (rows->n && t->weighted && !rows->weights)
        return error_set(err, ERROR_USAGE, NULL, "evaluation: it was asked for what needs weights, and rows came without");
    if (!t->weighted && rows->weights) return error_set(err, ERROR_USAGE, NULL, "evaluation: rows came with weights that were not announced");
    *counted = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const char *why = label_refuse(&t->rule, (double)rows->labels[i]);
        float weight = rows->weights ? rows->weights[i] : 1;
        if (why) return error_set(err, ERROR_DATA, NULL, "evaluation: %g %s", (double)rows->labels[i], why);
        if (weight != 0 && !(weight >= ROW_WEIGHT_MIN && weight <= ROW_WEIGHT_MAX))
            return error_set(err, ERROR_DATA, NULL, "evaluation: weight %g; a weight is 0 or from %g to %g", (double)weight, (double)ROW_WEIGHT_MIN,
                             (double)ROW_WEIGHT_MAX);
        *counted += weight > 0;
    }
    return 0;
}

static int ranks_reserve(const struct targets *t, struct lane *lane, size_t more, struct error *err)
{
    int rc;
    if (lane->max - lane->count >= more) return 0;
    size_t max = lane->max + lane->max / 2 > lane->count + more ? lane->max + lane->max / 2 : lane->count + more;
    if ((rc = mem_grow((void **)&lane->scores, max * t->outputs, sizeof *lane->scores, err)) < 0) return rc;
    if ((rc = mem_grow((void **)&lane->labels, max, sizeof *lane->labels, err)) < 0) return rc;
    if ((rc = mem_grow((void **)&lane->weights, max, sizeof *lane->weights, err)) < 0) return rc;
    lane->max = max;
    return 0;
}

static void part_add(struct lane *lane, enum part part, double w, double f)
{
    if (f == 0) return;
    exact_sum_add(&lane->terms[part], w * f);
    exact_sum_add(&lane->terms[PARTS + part], w * w * f);
    exact_sum_add(&lane->terms[2 * PARTS + part], w * w * f * f);
}

static void number_add(struct lane *lane, double w, double p, double y)
{
    const struct {
        enum part term;
        double value;
    } sums[] = {{ONE_PREDICTION, w * p},
                {ONE_LABEL, w * y},
                {ONE_LABEL_LABEL, w * y * y},
                {SQUARE_DIFFERENCE, w * w * (p - y)},
                {SQUARE_PREDICTION_PREDICTION, w * w * p * p},
                {SQUARE_PREDICTION_LABEL, w * w * p * y},
                {SQUARE_LABEL_LABEL, w * w * y * y}};
    for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) exact_sum_add(&lane->terms[sums[i].term], sums[i].value);
    part_add(lane, PART_SQUARE, w, (p - y) * (p - y));
    part_add(lane, PART_ABSOLUTE, w, fabs(p - y));
}

/* The row's class against the others: hit when no other has a greater output, a tie being none; in the top k when fewer than k have one as great. */
static void class_add(const struct targets *t, struct lane *lane, double w, const float *z, const double *p, size_t y)
{
    size_t above = 0;
    for (size_t c = 0; c < t->outputs; c++) {
        above += c != y && z[c] >= z[y];
        exact_sum_add(&lane->classes[c].prediction, w * p[c]);
    }
    struct class_sums *own = &lane->classes[y];
    own->rows++;
    exact_sum_add(&own->weight, w);
    if (above == 0) exact_sum_add(&own->correct, w);
    part_add(lane, PART_CORRECT, w, above == 0);
    part_add(lane, PART_TOP, w, above < t->top_k);
}

static bool outputs_finite(const float *z, size_t outputs)
{
    bool finite = true;
    for (size_t c = 0; c < outputs; c++) finite = finite && fabsf(z[c]) <= OUTPUT_LIMIT;
    return finite;
}

static void row_add(const struct targets *t, struct lane *lane, const float *z, float label, float weight, bool ranked)
{
    double w = (double)weight, p[LABEL_CLASSES_MAX];
    lane->rows++;
    lane->positives += label > 0;
    if (!outputs_finite(z, t->outputs)) {
        lane->bad_scores++;
        return;
    }
    t->loss->predict(z, p, t->outputs);
    exact_sum_add(&lane->terms[ONE_WEIGHT], w);
    exact_sum_add(&lane->terms[SQUARE_WEIGHT], w * w);
    part_add(lane, PART_LOSS, w, t->loss->row(z, label, t->outputs));
    if (!classes(t)) {
        number_add(lane, w, *p, (double)label);
        return;
    }
    class_add(t, lane, w, z, p, (size_t)label);
    if (!ranked) return;
    double normaliser = t->loss->row(z, label, t->outputs) + (double)z[(size_t)label]; /* log p_c = z_c - lse(z) */
    for (size_t c = 0; c < t->outputs; c++) lane->scores[lane->count * t->outputs + c] = (float)((double)z[c] - normaliser);
    lane->labels[lane->count] = (uint8_t)label;
    lane->weights[lane->count++] = weight;
}

int targets_add(struct targets *t, unsigned index, const struct eval_rows *rows, struct error *err)
{
    struct lane *lane = &t->lanes[index];
    size_t n = 0;
    int rc = rows_check(t, rows, &n, err);
    if (rc < 0) return rc;
    bool ranked = classes(t) && atomic_load(&t->rows) + n <= t->ranked_max;
    if (ranked && (rc = ranks_reserve(t, lane, n, err)) < 0) return error_wrap(err, "evaluation");
    if (!ranked) ranks_drop(lane);
    atomic_fetch_add(&t->rows, n);
    for (size_t i = 0; i < rows->n; i++) {
        float weight = rows->weights ? rows->weights[i] : 1;
        if (weight > 0) row_add(t, lane, rows->logits + i * t->outputs, rows->labels[i], weight, ranked);
    }
    return 0;
}

/* ---- the finish ---- */

static void sums_collect(const struct targets *t, struct eval_sums *out, struct target_sums *more, struct evaluation *e)
{
    double v[TERMS];
    *out = (struct eval_sums){0};
    for (unsigned i = 0; i < t->lane_count; i++) {
        out->rows += t->lanes[i].rows;
        out->positives += t->lanes[i].positives;
        e->bad_scores += t->lanes[i].bad_scores;
    }
    for (int k = 0; k < TERMS; k++) {
        struct exact_sum total = {0};
        for (unsigned i = 0; i < t->lane_count; i++) exact_sum_merge(&total, &t->lanes[i].terms[k]);
        v[k] = exact_sum_value(&total);
    }
    const double *w1 = v, *w2 = v + PARTS, *w2f = v + 2 * (size_t)PARTS; /* by part */
    out->weight = v[ONE_WEIGHT], out->prob = v[ONE_PREDICTION], out->positive = v[ONE_LABEL];
    out->loss = w1[PART_LOSS], out->brier = w1[PART_SQUARE], out->absolute = w1[PART_ABSOLUTE], out->correct = w1[PART_CORRECT];
    out->square.weight = v[SQUARE_WEIGHT], out->square.positive = v[SQUARE_LABEL_LABEL];
    out->square.loss = w2[PART_LOSS], out->square.loss_loss = w2f[PART_LOSS];
    out->square.brier = w2[PART_SQUARE], out->square.brier_brier = w2f[PART_SQUARE];
    out->square.absolute = w2[PART_ABSOLUTE], out->square.correct = w2[PART_CORRECT];
    out->square.prob_prob = v[SQUARE_PREDICTION_PREDICTION], out->square.prob_positive = v[SQUARE_PREDICTION_LABEL];
    *more = (struct target_sums){.label_label = v[ONE_LABEL_LABEL],
                                 .square_difference = v[SQUARE_DIFFERENCE],
                                 .top = w1[PART_TOP],
                                 .square_top = w2[PART_TOP],
                                 .top_k = t->top_k};
}

static double class_sum(const struct targets *t, size_t class, size_t offset)
{
    struct exact_sum total = {0};
    for (unsigned i = 0; i < t->lane_count; i++) exact_sum_merge(&total, (struct exact_sum *)(void *)((char *)&t->lanes[i].classes[class] + offset));
    return exact_sum_value(&total);
}

static uint64_t ranked_key(float score, float weight)
{
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    return (uint64_t)rank_key(score) << 32 | bits;
}

struct ranking { /* keys of one class: its own rows, and the rest */
    uint64_t *keys[2], *scratch;
    size_t count[2];
};

static double class_auc(const struct targets *t, size_t class, struct ranking *r)
{
    struct auc_sums sums = {0};
    struct rank_cursor cursor = {0};
    r->count[0] = r->count[1] = 0;
    for (unsigned i = 0; i < t->lane_count; i++)
        for (size_t row = 0; row < t->lanes[i].count; row++) {
            const struct lane *lane = &t->lanes[i];
            int own = lane->labels[row] == class;
            r->keys[own][r->count[own]++] = ranked_key(lane->scores[row * t->outputs + class], lane->weights[row]);
        }
    for (int y = 0; y < 2; y++) rank_sort_weighted(r->keys[y], r->scratch, r->count[y]);
    const struct rank_groups ranks = {
        .positives = r->count[1], .negatives = r->count[0], .positive_weighted = r->keys[1], .negative_weighted = r->keys[0]};
    for (struct rank_group g; rank_next(&ranks, &cursor, &g);) auc_sums_add(&sums, &g);
    return auc_sums_value(&sums);
}

static int classes_judge(const struct targets *t, const struct eval_sums *sums, struct evaluation *e, struct error *err)
{
    struct ranking r = {.scratch = NULL};
    bool ranked = sums->rows <= t->ranked_max && !e->bad_scores;
    size_t rows = ranked ? (size_t)sums->rows : 0;
    int rc = 0;
    for (int y = 0; rc == 0 && y < 2; y++)
        if (!(r.keys[y] = mem_array(rows, 1, sizeof *r.keys[y], err))) rc = -ERROR_NOMEM;
    if (rc == 0 && !(r.scratch = mem_array(rows, 1, sizeof *r.scratch, err))) rc = -ERROR_NOMEM;
    e->class_count = (unsigned)t->outputs;
    for (size_t c = 0; rc == 0 && c < t->outputs; c++) {
        struct class_figure *f = &e->classes[c];
        *f = (struct class_figure){.weight = class_sum(t, c, offsetof(struct class_sums, weight)),
                                   .prediction = class_sum(t, c, offsetof(struct class_sums, prediction)) / sums->weight,
                                   .auc = NAN};
        for (unsigned i = 0; i < t->lane_count; i++) f->rows += t->lanes[i].classes[c].rows;
        f->recall = class_sum(t, c, offsetof(struct class_sums, correct)) / f->weight;
        if (ranked) f->auc = class_auc(t, c, &r);
    }
    for (int y = 0; y < 2; y++) mem_free(r.keys[y]);
    mem_free(r.scratch);
    return rc < 0 ? error_wrap(err, "evaluation") : 0;
}

static bool undefined(const struct eval_sums *sums, const struct evaluation *e, unsigned needs, char reason[160])
{
    enum { SIZE = 160 };
    reason[0] = 0;
    if (sums->rows == 0) snprintf(reason, SIZE, e->weighted ? "no rows of a weight above 0" : "no rows");
    else if (e->bad_scores) evaluation_bad_scores(e, reason);
    else if (sums->positives == 0 && needs & METRIC_POSITIVES) snprintf(reason, SIZE, "all %llu labels are 0", (unsigned long long)sums->rows);
    return reason[0];
}

int targets_finish(struct targets *t, struct evaluation *out, struct error *err)
{
    struct eval_sums sums;
    struct target_sums more;
    char reason[160];
    sums_collect(t, &sums, &more, out);
    out->labels = t->rule.range;
    out->rows = sums.rows;
    out->weight = sums.weight, out->weighted = t->weighted;
    out->exact_ranks = !classes(t) || sums.rows <= t->ranked_max;
    out->loss = sums.rows && !out->bad_scores ? sums.loss / sums.weight : NAN;
    out->mean_label = sums.rows ? sums.positive / sums.weight : NAN, out->mean_prediction = sums.rows ? sums.prob / sums.weight : NAN;
    int rc = classes(t) ? classes_judge(t, &sums, out, err) : 0;
    more.classes = out->classes, more.class_count = out->class_count, more.ranked = out->exact_ranks;
    const struct metric_input in = {.sums = &sums, .targets = &more};
    for (size_t i = 0; metrics[i]; i++) {
        struct measure *m = &out->measures[i];
        bool judges = metric_judges(metrics[i], t->rule.range);
        if (!judges) measure_undefined(m, "is for other labels");
        else if (undefined(&sums, out, metrics[i]->needs, reason)) measure_undefined(m, reason);
        else metrics[i]->compute(&in, m);
        m->wanted = judges;
    }
    return rc;
}

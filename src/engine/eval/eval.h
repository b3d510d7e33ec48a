/* Evaluation: metrics with standard errors from (logit, label) rows, whatever order and however many workers bring them.
 *
 * An evaluator keeps integers only: fixed-point sums of per-row terms, and either the scores themselves (one sortable u32 a row, positives
 * and negatives apart) or, past a row cap, a histogram of logits. Integers add in any order, so the result's bits depend on the set of rows
 * alone, never on workers, chunks or timing. evaluator_finish() turns them into sums and rank groups, from which each row of metrics[]
 * computes one measure (parts.h). Formulas: algorithms.md §7.
 *
 * What is not defined (one class only, no rows, scores that are not finite) is NaN in C, null in JSON, and always comes with a reason. */
#ifndef TRAINYARD_ENGINE_EVAL_EVAL_H
#define TRAINYARD_ENGINE_EVAL_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/kind.h"

struct evaluator;

struct evaluator_config {
    unsigned lanes;          /* callers of evaluator_add at the same moment, >= 1: one a worker */
    uint64_t exact_rows_max; /* up to here AUC is exact (4 bytes a row); beyond, a histogram of 2^20 logit bins. 0: 2^23 */
};

struct evaluator *evaluator_new(const struct evaluator_config *config, struct error *err); /* NULL: ERROR_NOMEM, ERROR_USAGE */
void evaluator_free(struct evaluator *evaluator);                                          /* NULL is fine */

/* evaluator_add: n rows. logits (n) are log-odds, labels (n) are 0 or 1; both borrowed. Thread-safe between different lanes; one caller a
 * lane at a time. ERROR_NOMEM; ERROR_DATA for a label that is neither 0 nor 1. Scores that are not finite are counted, not refused. */
int evaluator_add(struct evaluator *evaluator, unsigned lane, const float *logits, const float *labels, size_t n, struct error *err);

/* One metric's outcome. value NaN: not defined, `reason` says why. se NaN: no standard error, reason says why when value is there. */
struct measure {
    double value, se, low, high; /* low, high: 95 % interval */
    double error_bound;          /* |value - exact value| <= this; 0 when exact */
    char reason[160];            /* "" when value and se are both there */
};

enum { EVALUATION_METRICS_MAX = 16 };

struct evaluation {
    uint64_t rows, positives, bad_scores;            /* bad_scores: logits that were NaN or infinite */
    bool exact_ranks;                                /* false: AUC and PR-AUC come from the histogram */
    struct measure measures[EVALUATION_METRICS_MAX]; /* in the order of metrics[] */
};

/* evaluator_finish: everything added so far, by all lanes; call it when no lane is adding. More rows may be added afterwards. */
int evaluator_finish(struct evaluator *evaluator, struct evaluation *out, struct error *err);

/* What the program can measure. The name is the key in evaluation.json, in gates and in train.early_stopping.metric. */
struct eval_sums;
struct rank_groups;
enum metric_needs { METRIC_BOTH_CLASSES = 1, METRIC_POSITIVES = 2, METRIC_RANKS = 4 }; /* without them: null, with a reason */
struct metric {
    struct kind kind; /* first */
    bool higher_is_better;
    unsigned needs;
    const char *method; /* how the standard error comes about */
    void (*compute)(const struct eval_sums *sums, const struct rank_groups *ranks, struct measure *out);
};
extern const struct metric *const metrics[];        /* NULL-terminated: auc, logloss, ne, pr_auc, calibration, accuracy */
const struct metric *metric_find(const char *name); /* NULL: none of that name */
const struct measure *evaluation_measure(const struct evaluation *e, const char *name); /* borrowed; NULL: none of that name */

/* metric_better: is `a` strictly better than `b`? A NaN is never better; a number is better than NaN. */
bool metric_better(const struct metric *metric, double a, double b);

/* evaluation_json: the content of evaluation.json (api.md). split: "test", "validation", "train". folds: stolen reference or NULL. New
 * reference, or NULL + ERROR_NOMEM. */
json_t *evaluation_json(const struct evaluation *e, const char *split, json_t *folds, struct error *err);

/* scores.tsv: a header, then one line a row: `row TAB label TAB score`, score = probability with 12 significant digits. */
enum { SCORES_LINE_MAX = 64 };
extern const char scores_header[];
size_t scores_line(char out[SCORES_LINE_MAX], uint64_t row, float label, float logit); /* bytes written, newline included, no NUL */

/* eval_loss: logistic loss of one row, max(z, 0) - z y + log(1 + e^-|z|). */
double eval_loss(double logit, double label);

/* A window of progressive AUC: counts in 4096 bins of the logit over [-16, 16), a few nanoseconds a row, mergeable in any order. */
enum { AUC_WINDOW_BINS = 4096 };
struct auc_window {
    uint64_t counts[AUC_WINDOW_BINS][2]; /* [bin][label]; plain data: zeroed = empty */
};
void auc_window_clear(struct auc_window *w);
void auc_window_add(struct auc_window *w, const float *logits, const float *labels, size_t n); /* a NaN logit counts as -16 */
void auc_window_merge(struct auc_window *into, const struct auc_window *from);
double auc_window_value(const struct auc_window *w); /* NaN while one of the classes is missing */

#endif

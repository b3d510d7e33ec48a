/* Evaluation: metrics with standard errors from (logit, label) rows, whatever order and however many workers bring them.
 *
 * An evaluator keeps what has no order: exact sums of per-row terms, and either the scores themselves (a sortable key a row, positives and negatives
 * apart) or, past a row cap, a histogram of logits; rows of groups and slices are sorted, on disk when they are many. So the result's bits depend on
 * the set of rows alone, never on workers, chunks or timing. evaluator_finish() turns that into sums and rank groups, from which each row of
 * metrics[] computes one measure (parts.h). Formulas: algorithms.md §7.
 *
 * What is not defined (one class only, no rows, scores that are not finite) is NaN in C, null in JSON, and always comes with a reason. */
#ifndef TRAINYARD_ENGINE_EVAL_EVAL_H
#define TRAINYARD_ENGINE_EVAL_EVAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/kind.h"
#include "base/parallel.h"
#include "base/world.h"
#include "engine/core/loss.h"

struct evaluator;

enum { EVALUATION_METRICS_MAX = 24, EVALUATION_SLICES_MAX = 8, SLICE_VALUES_MAX = 20, DECILES = 10, BOOTSTRAP_REPLICATES_MAX = 1000 };

struct evaluator_config {    /* zeroed but for lanes: plain metrics of unweighted rows. All pointers are borrowed until evaluator_free */
    unsigned lanes;          /* callers of evaluator_add at the same moment, >= 1: one a worker */
    uint64_t exact_rows_max; /* up to here AUC is exact (4 bytes a row, 8 when weighted); beyond, a histogram of logit bins. 0: 2^23 */
    const struct loss *loss; /* what logits and labels are; NULL: logistic. Others have no bootstrap, slices and figures by group or decile */
    size_t outputs;          /* logits a row; 0: 1 */
    unsigned top_k;          /* of top_k_accuracy; 0: 3 */
    bool weighted;           /* rows come with weights; without it eval_rows.weights must be NULL */
    struct {                 /* Poisson bootstrap: percentile intervals beside the analytic ones */
        unsigned replicates; /* 0: none; else 20 to BOOTSTRAP_REPLICATES_MAX. Memory: 64 KiB each and lane */
        uint64_t seed;
    } bootstrap;
    struct {         /* gauc, ndcg, hit_rate */
        bool wanted; /* rows come with groups */
        unsigned k;  /* of NDCG@k and hit rate@k; 0: 10 */
    } groups;
    unsigned slice_count; /* 0 to EVALUATION_SLICES_MAX: fields whose values get a table */
    const char *const *slice_names;
    const struct world *world; /* with folder: where rows of groups and slices are sorted once they outgrow memory_bytes; NULL: in memory alone, */
    const char *folder;        /* and beyond memory_bytes the group metrics and slices are undefined, with that reason. The folder must exist */
    size_t memory_bytes;       /* for groups and slices, 16 bytes a row and column; 0: 64 MiB */
    const struct parallel *parallel; /* for the finish; NULL: the caller's thread alone */
};

/* n rows. All arrays have n entries and are borrowed for the call. */
struct eval_rows {
    size_t n;
    const float *logits, *labels; /* (n, outputs): log-odds, or what the loss makes of them; as the loss has them */
    const float *weights;         /* NULL: all 1. 0, or from 1e-6 to 1e6: measures do not depend on the scale. A row of weight 0 counts nowhere */
    const uint64_t *groups;       /* hash of the group column (user, query); NULL only without groups.wanted */
    const uint64_t *rows;         /* ordinals in the data set: the bootstrap's draws are a function of (seed, replicate, row). NULL only without it */
    const uint32_t *slices;       /* keys of the slice fields; NULL only without slices. Place p = row * slice_count + field has those from */
    const uint32_t *slice_ends;   /* slice_ends[p - 1] (0 before the first) to slice_ends[p], each once; NULL: every place has one */
};

struct evaluator *evaluator_new(const struct evaluator_config *config, struct error *err); /* NULL: ERROR_NOMEM, ERROR_USAGE */
void evaluator_free(struct evaluator *evaluator);                                          /* NULL is fine */

/* evaluator_add: thread-safe between different lanes; one caller a lane at a time. A call is taken whole or not at all, but
 * that after a failure of groups or slices (memory, disk) the evaluator is only good for evaluator_free. ERROR_NOMEM; ERROR_DATA
 * for a label that is neither 0 nor 1 or a weight outside its range; ERROR_USAGE for an array that the configuration needs and is not there;
 * ERROR_IO, ERROR_NOSPACE of the folder. Scores that are not finite, or as good as, are counted, not refused. */
int evaluator_add(struct evaluator *evaluator, unsigned lane, const struct eval_rows *rows, struct error *err);

/* One metric's outcome. value NaN: not defined, `reason` says why. se NaN: no standard error, reason says why when value is there. */
struct measure {
    double value, se, low, high;          /* low, high: 95 % interval */
    double error_bound;                   /* |value - exact value| <= this; 0 when exact */
    double bootstrap_low, bootstrap_high; /* 95 % percentile interval; NaN: none */
    const char *bootstrap_reason;         /* static: why there is none though there is a value and a bootstrap; NULL */
    bool wanted;                          /* false: the configuration did not ask for it (group metrics); value is NaN then */
    char reason[160];                     /* "" when value and se are both there */
};

struct decile { /* a tenth of the rows by score (by weight, when weighted), ties whole, lowest scores first */
    uint64_t rows;
    double weight, prediction, clicks; /* sum of weights; weighted means of p and of the label */
};

struct slice { /* the rows that have one value of a field, or the rest of them */
    uint32_t key;
    char text[64]; /* "" until a caller that knows the value's text fills it in */
    uint64_t rows, positives;
    double weight;
    struct figure {
        double value, se; /* NaN: not defined with one class only, which rows and positives tell; se also with one row of a class */
    } auc, logloss, calibration;
};

struct slice_table { /* the most frequent values of a field, by rows, then by key */
    char field[64];
    char reason[160]; /* why there is no table; "" when there is one */
    uint64_t values;  /* different values in all */
    unsigned count;   /* of slices[] */
    bool has_other;
    struct slice slices[SLICE_VALUES_MAX], other; /* other: all further values together; a row counts once a value of it */
};

struct class_figure { /* the rows of a class, and how the class does against the others */
    uint64_t rows;
    double weight, prediction, recall, auc; /* of its rows; mean probability over all rows; share of its rows taken for it; one against the rest */
};

/* Plain data, whose pointers are to texts that stay: copy it freely, but it is large (about 40 KiB): not many on one stack. */
struct evaluation {
    uint64_t rows, positives, bad_scores;            /* rows of weight > 0; bad_scores: logits not finite or beyond the limits below */
    double weight, weight_positive;                  /* sums of weights: rows and positives when unweighted */
    bool weighted, exact_ranks;                      /* exact_ranks false: AUC and PR-AUC come from the histogram */
    struct measure measures[EVALUATION_METRICS_MAX]; /* in the order of metrics[] */
    unsigned decile_count;                           /* 0: none (no rows, scores that are not finite) */
    struct decile deciles[DECILES];
    struct {
        uint64_t count, both_classes; /* different groups; those with rows of both classes, which alone GAUC can judge */
        double left_out;              /* share of the weight in the others */
        unsigned k;
    } groups;
    unsigned slice_count, replicates; /* replicates: of the bootstrap */
    uint64_t bootstrap_seed;
    struct slice_table slices[EVALUATION_SLICES_MAX];
    enum label_range labels;
    double loss;                        /* mean, of labels that are no bits */
    double mean_label, mean_prediction; /* of labels that are numbers */
    unsigned class_count;               /* of labels that are classes */
    struct class_figure classes[LABEL_CLASSES_MAX];
};

/* Beyond these a score is as good as not finite: log-odds, and outputs of other losses. */
#define LOGIT_LIMIT 1e9f
#define OUTPUT_LIMIT 1e30f

/* evaluation_bad_scores: what keeps scores from being judged, in words. */
enum { BAD_SCORES_SIZE = 96 };
const char *evaluation_bad_scores(const struct evaluation *e, char out[BAD_SCORES_SIZE]);

/* evaluator_finish: everything added so far, by all lanes; call it when no lane is adding. More rows may be added afterwards. */
int evaluator_finish(struct evaluator *evaluator, struct evaluation *out, struct error *err);

/* What the program can measure. The name is the key in evaluation.json, in gates and in train.early_stopping.metric. */
struct metric_input;                                                                                      /* parts.h */
enum metric_needs { METRIC_BOTH_CLASSES = 1, METRIC_POSITIVES = 2, METRIC_RANKS = 4, METRIC_GROUPS = 8 }; /* without them: null, with a reason */
enum metric_labels {
    METRIC_BITS = 1 << LABELS_BINARY,
    METRIC_REALS = 1 << LABELS_REAL,
    METRIC_COUNTS = 1 << LABELS_COUNT,
    METRIC_CLASSES = 1 << LABELS_CLASS
};
struct metric {
    struct kind kind; /* first */
    unsigned labels;  /* metric_labels that it judges; 0: bits */
    bool higher_is_better;
    unsigned needs;
    const char *method; /* how the standard error comes about */
    void (*compute)(const struct metric_input *in, struct measure *out);
};
extern const struct metric *const metrics[]; /* NULL-terminated */
static inline bool metric_judges(const struct metric *m, enum label_range labels) { return (m->labels ? m->labels : METRIC_BITS) >> labels & 1; }
const struct metric *metric_find(const char *name);                                     /* NULL: none of that name */
const struct measure *evaluation_measure(const struct evaluation *e, const char *name); /* borrowed; NULL: none of that name */

/* metric_better: is `a` strictly better than `b`? A NaN is never better; a number is better than NaN. */
bool metric_better(const struct metric *metric, double a, double b);

/* evaluation_json: the content of evaluation.json (api.md). split: "test", "validation", "train". folds: stolen reference or NULL. New
 * reference, or NULL + ERROR_NOMEM. */
json_t *evaluation_json(const struct evaluation *e, const char *split, json_t *folds, struct error *err);

/* A window of progressive AUC: counts in 4096 bins of the logit over [-16, 16), a few nanoseconds a row, mergeable in any order. The cumulative AUC
 * is that of a second window, into which each one is merged before it is cleared (auc_window_merge takes microseconds). Weighted rows count in units
 * of 2^-20, up to a weight of 2^20; a window has rows with weights or without, never both. */
enum { AUC_WINDOW_BINS = 4096 };
struct auc_window {
    uint64_t counts[AUC_WINDOW_BINS][2]; /* [bin][label]; plain data: zeroed = empty */
};
void auc_window_clear(struct auc_window *w);
/* auc_window_add: weights (n) or NULL: all 1. A NaN logit counts as -16. */
void auc_window_add(struct auc_window *w, const float *logits, const float *labels, const float *weights, size_t n);
void auc_window_merge(struct auc_window *into, const struct auc_window *from);
double auc_window_value(const struct auc_window *w); /* NaN while one of the classes is missing */

#endif

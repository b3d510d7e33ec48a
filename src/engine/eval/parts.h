/* What a metric computes from: sums over the rows, the rows in score order as tie groups, and sums over groups. Private to the room. */
#ifndef TRAINYARD_ENGINE_EVAL_PARTS_H
#define TRAINYARD_ENGINE_EVAL_PARTS_H

#include "engine/eval/eval.h"

/* z: logit, y: label, w: weight (1 when unweighted), l = logistic_loss_row(z, y), p = 1 / (1 + e^-z), d = (p - y)^2, a = |p - y|. */
struct eval_sums {
    uint64_t rows, positives;                                      /* counted, w > 0 */
    double weight, positive, correct, loss, prob, brier, absolute; /* sums of w, wy, w [p >= 1/2 exactly when y = 1], wl, wp, wd, wa */
    struct {                                                       /* the same with w^2, and of products: for variances */
        double weight, positive, correct, loss, loss_positive, loss_loss, prob_prob, prob_positive, brier, brier_brier, absolute;
    } square;
};

struct row_terms { /* of one row; y is a label */
    double loss, prob, brier, absolute;
};
struct row_terms row_terms(double logit, int label);

/* Rows in ascending score order. One of three sources: exact keys, exact keys with weights, or bins. Borrowed arrays. */
struct wide { /* a 128-bit counter in halves, so that it can be added to by many at once */
    uint64_t low, high;
};
struct weight_bin { /* [label]: weights in multiples of 2^-WEIGHT_BITS, their squares in 2^-SQUARE_BITS */
    struct wide weight[2], square[2];
};
enum { WEIGHT_BITS = 40, SQUARE_BITS = 64 };

struct rank_groups {
    uint64_t positives, negatives;                         /* rows */
    const uint32_t *positive_keys, *negative_keys;         /* ascending */
    const uint64_t *positive_weighted, *negative_weighted; /* key << 32 | bits of the weight as float, ascending; NULL: unweighted */
    const uint64_t (*bins)[2];                             /* counts of rows [bin][label]; NULL: exact */
    const struct weight_bin *weight_bins;                  /* beside bins, when weighted; NULL: weights are 1 */
    size_t bin_count;
    float bin_first, bin_width; /* logit at the lower edge of bin 0, and a bin's width */
};

struct rank_group { /* all rows of one score, or one bin; [0] negatives, [1] positives */
    uint64_t rows[2];
    double weight[2], square[2]; /* sums of w and w^2; equal to rows when unweighted */
    double logit;                /* of a bin: its middle */
};
struct rank_cursor { /* zeroed: before the first group */
    uint64_t at[2];
    size_t bin;
};
bool rank_next(const struct rank_groups *ranks, struct rank_cursor *cursor, struct rank_group *out); /* the next that is not empty; false: the end */
bool rank_weighted(const struct rank_groups *ranks);

/* rank_key: order-preserving u32 of a finite float (-0 = +0); rank_unkey: back. */
uint32_t rank_key(float score);
float rank_unkey(uint32_t key);

/* rank_sort: LSD radix sort of n keys; scratch (n). Digits that all keys share cost no pass. The sorted keys end up in keys. */
void rank_sort(uint32_t *keys, uint32_t *scratch, size_t n);
void rank_sort_weighted(uint64_t *keys, uint64_t *scratch, size_t n);

/* AUC and its DeLong variance from tie groups in ascending order, in one pass, with weights. Zeroed: none. */
struct auc_sums {
    double weight[2], square[2], rows[2]; /* seen so far */
    double u, v10[2], v01[2];             /* sum of w+ x; of w+^2 x, w+^2 x^2; of w-^2 v, w-^2 v^2 (auc.c) */
};
void auc_sums_add(struct auc_sums *sums, const struct rank_group *group);
double auc_sums_value(const struct auc_sums *sums); /* NaN with one class */
double auc_sums_se(const struct auc_sums *sums);    /* NaN with less than 2 rows of a class */

/* Sums over groups (groups.c), in the order of the groups' hashes. [0]: sum of v, [1]: of v^2, each group once; NDCG and hit rate count groups
 * with a positive row, `judged`. GAUC: over groups with both classes, u their weight and A their AUC. */
struct group_sums {
    uint64_t count, both_classes, judged;
    double weight, weight_both; /* of all rows; of the rows of groups with both classes */
    double auc, auc_square[3];  /* sum of uA; of u^2 A^2, u^2 A, u^2 */
    double ndcg[2], hit[2];
};

/* eval_sums_add: the rows of a tie group into sums, in plain floating point: for slices and bootstrap replicates, whose order is fixed. */
void eval_sums_add(struct eval_sums *sums, const struct rank_group *group);

/* Beside struct eval_sums where labels are no bits (targets.c): there prob is the prediction p, positive w y, square.positive w^2 y^2, positives the
 * rows of y > 0; correct: the class has the greatest output. */
struct target_sums {
    double label_label, square_difference, top, square_top; /* sums of w y^2, w^2 (p - y), w [among the top k], w^2 of that */
    unsigned top_k, class_count;
    bool ranked; /* the classes have their AUC */
    const struct class_figure *classes;
};

/* What a metric's compute sees. ranks, groups: NULL when the metric does not need them; targets: NULL where labels are bits. */
struct metric_input {
    const struct eval_sums *sums;
    const struct rank_groups *ranks;
    const struct group_sums *groups;
    const struct target_sums *targets;
};

/* measure_interval: value, se and the 95 % interval, cut to [low, high]. measure_undefined: why there is none. measure_mean: of f, from sums
 * of wf, w^2 f, w^2 f^2: se = sqrt(sum w^2 (f - mean)^2 n / (n - 1)) / sum w. */
void measure_interval(struct measure *m, double value, double se, double low, double high);
void measure_undefined(struct measure *m, const char *reason);
void measure_mean(struct measure *m, const struct eval_sums *s, double wf, double wwf, double wwff, double low, double high);

/* Rows in ascending order as `count` bins of equal weight, ties whole: a group goes where its middle lies. error_bound of the measure that comes
 * from the bins when ranks are binned (bins.c). Returns bins that are not empty; slack may be NULL. */
enum { EQUAL_BINS_MAX = 20 };
struct equal_bin {
    uint64_t rows;
    double weight, prob, positive; /* sums of w, wp, wy */
};
size_t equal_bins(const struct rank_groups *ranks, double weight, unsigned count, struct equal_bin out[EQUAL_BINS_MAX], double *slack);

extern const struct metric metric_auc, metric_logloss, metric_ne, metric_rig, metric_pr_auc, metric_calibration, metric_accuracy, metric_ece,
    metric_rmse, metric_mae, metric_gauc, metric_ndcg, metric_hit_rate, metric_mse, metric_r2, metric_bias, metric_deviance, metric_top_k_accuracy,
    metric_macro_auc;

#endif

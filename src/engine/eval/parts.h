/* What a metric computes from: sums over the rows, and the rows in score order as tie groups. Private to the room. */
#ifndef TRAINYARD_ENGINE_EVAL_PARTS_H
#define TRAINYARD_ENGINE_EVAL_PARTS_H

#include "engine/eval/eval.h"

/* z: logit, l = eval_loss(z, y), p = 1 / (1 + e^-z). */
struct eval_sums {
    uint64_t rows, positives, correct;        /* correct: p >= 1/2 exactly when y = 1 */
    double loss, loss_squared, loss_positive; /* sums of l, l^2, l y */
    double prob, prob_squared, prob_positive; /* sums of p, p^2, p y */
};

/* Rows in ascending score order: exact (two sorted arrays of keys) or binned (bins[b][label] counts). Borrowed arrays. */
struct rank_groups {
    uint64_t positives, negatives;
    const uint32_t *positive_keys, *negative_keys; /* ascending; unused when bins is there */
    const uint64_t (*bins)[2];                     /* NULL: exact */
    size_t bin_count;
};

struct rank_group { /* all rows of one score, or one bin */
    uint64_t positives, negatives;
};
struct rank_cursor { /* zeroed: before the first group */
    uint64_t positive, negative;
    size_t bin;
};
/* rank_next: the next group that is not empty; false at the end. */
bool rank_next(const struct rank_groups *ranks, struct rank_cursor *cursor, struct rank_group *out);

/* rank_key: order-preserving u32 of a finite float (-0 = +0); rank_unkey: back. */
uint32_t rank_key(float score);
float rank_unkey(uint32_t key);

/* rank_sort: LSD radix sort of n keys, 3 passes of 11 bits; scratch (n). The sorted keys end up in keys. */
void rank_sort(uint32_t *keys, uint32_t *scratch, size_t n);

/* measure_interval: value, se and the 95 % interval, cut to [low, high]. */
void measure_interval(struct measure *m, double value, double se, double low, double high);

extern const struct metric metric_auc, metric_logloss, metric_ne, metric_pr_auc, metric_calibration, metric_accuracy;

#endif

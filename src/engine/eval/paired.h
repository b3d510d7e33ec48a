/* Two models on the same rows: DeLong's test for the difference of their AUCs, and the mean difference of their losses. Two models that are judged on
 * the same rows err together, so their difference is known far better than either figure: "+0.001 AUC" needs a paired interval.
 *
 * Rows come in one fixed order, from one thread. Up to exact_rows_max they are kept (8 bytes and a bit) and all is exact in one pass. Beyond, only
 * two histograms of 2^20 logit bins are kept, so the rows must pass a second time: paired_again() says so. */
#ifndef TRAINYARD_ENGINE_EVAL_PAIRED_H
#define TRAINYARD_ENGINE_EVAL_PAIRED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct paired;
struct paired *paired_new(uint64_t exact_rows_max, struct error *err); /* 0: 2^21. NULL: ERROR_NOMEM */
void paired_free(struct paired *p);                                    /* NULL is fine */

/* paired_add: logits a, b and labels (n) of the next n rows. ERROR_NOMEM; ERROR_DATA for a label that is neither 0 nor 1; ERROR_USAGE when a second
 * pass brings more rows than the first. */
int paired_add(struct paired *p, const float *a, const float *b, const float *labels, size_t n, struct error *err);

/* paired_again: true once, when all rows must be added again, in the same order, before paired_finish. */
bool paired_again(struct paired *p);

struct paired_figure {
    double a, b, a_se, b_se;          /* each alone; NaN: not defined */
    double difference, se, low, high; /* b - a, with its paired 95 % interval */
    double p_value;                   /* two-sided, of no difference; 1 when both are the same for every row */
    char reason[160];                 /* "" when all is there */
};
struct paired_result {
    uint64_t rows, positives;
    bool exact; /* false: AUCs from histograms, each within error_bound */
    double error_bound;
    struct paired_figure auc, logloss;
};
int paired_finish(struct paired *p, struct paired_result *out, struct error *err);

#endif

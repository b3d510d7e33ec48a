/* Fitting a calibration: a monotone map of the logit (core/calibration.h), learnt on held-out rows, that makes predictions mean what they say.
 *
 * Rows come in any order, by any thread, as counts in bins of the logit; calibrators[] fit a map to the counts. No map turns the order around: a
 * slope below 0 is cut to a constant, isotonic rises by its nature (but ties what it pools, so AUC can move a little). */
#ifndef TRAINYARD_ENGINE_EVAL_CALIBRATE_H
#define TRAINYARD_ENGINE_EVAL_CALIBRATE_H

#include "base/kind.h"
#include "engine/core/calibration.h"

enum { CALIBRATE_KNOTS_MAX = 1024, CALIBRATE_BINS = 1 << 18 };
#define CALIBRATE_BIN_WIDTH 0x1p-12 /* logits: 64 / CALIBRATE_BINS */

struct calibrate_counts; /* 4 MiB, touched where there are scores */
struct calibrate_counts *calibrate_counts_new(struct error *err);
void calibrate_counts_free(struct calibrate_counts *c); /* NULL is fine */

/* calibrate_counts_add: logits (with their offset undone already), labels (0 or 1), weights (n, NULL: all 1; as in eval_rows). Any number of threads.
 * Rows whose logit is not finite or whose weight is not above 0 are left out. Bins are 2^-12 logits wide over [-32, 32]. */
void calibrate_counts_add(struct calibrate_counts *c, const float *logits, const float *labels, const float *weights, size_t n);

struct calibrate_bins { /* what a kind is fitted to: bins that are not empty, in rising order */
    size_t count;
    double *logit, *positive, *negative; /* middles; weights of either class */
};

struct calibrator {
    struct kind kind;                                                                          /* first */
    int (*fit)(const struct calibrate_bins *bins, struct calibration *out, struct error *err); /* NULL: nothing to fit */
};
extern const struct calibrator *const calibrators[];        /* NULL-terminated: none, platt, isotonic */
const struct calibrator *calibrator_find(const char *name); /* NULL: none of that name */

/* calibrate_fit: into an initialised calibration, whose logit_offset stays and whose rest is replaced. ERROR_DATA when one of the classes is missing
 * ("none" needs no rows); ERROR_NOMEM. After a failure the map is neutral but for the offset. */
int calibrate_fit(const struct calibrator *kind, const struct calibrate_counts *counts, struct calibration *out, struct error *err);

extern const struct calibrator calibrator_none, calibrator_platt, calibrator_isotonic;

#endif

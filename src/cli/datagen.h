/* `trainyard data gen`: a Criteo-like click log with a hidden model that is known, so that the best possible AUC and logloss are known too.
 *
 * A row is label TAB 13 integers TAB 26 categories of 8 hex digits; an empty field is a missing value. The label is drawn with the
 * probability that the hidden model (datagen_model.h: linear and pairwise terms, and those of three fields on request) gives the row. Every row is a
 * pure function of (seed, row number): the same bytes for any number of threads, and rows a .. b of a log are those rows of every longer log. */
#ifndef TRAINYARD_CLI_DATAGEN_H
#define TRAINYARD_CLI_DATAGEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/parallel.h"
#include "base/world.h"
#include "cli/datagen_label.h"
#include "engine/data/split/split.h"

struct datagen_config {
    const struct world *world;
    const char *path;       /* the log; "-" = standard output. A file appears (or is replaced) when whole */
    const char *truth_path; /* NULL: none. A header, then lines `row TAB label TAB probability TAB logit`, %.9g, row counts from first_row */
    uint64_t rows;          /* >= 1 */
    uint64_t first_row;     /* usually 0: number of the first row */
    uint64_t seed;
    struct datagen_labels labels;    /* zeroed: clicks. Others have no truth_path */
    double third_sd;                 /* >= 0: of the hidden model's third-order sum; 0: it has none */
    const struct parallel *parallel; /* NULL: the caller's thread */
    const struct splitter *split;    /* NULL: none. Else the optimum is told for its test side, too. Borrowed. */
    void (*progress)(void *context, uint64_t rows_done, uint64_t rows_total); /* NULL: none; called from the caller's thread */
    void *progress_context;
};

/* The best that any model could reach on these labels: metrics of the true probabilities or means. Of clicks also the AUC of a part of the true logit
 * alone: what a model without pairs, or without triples, can come to. (A part's logloss says nothing: it is not calibrated without the rest.) */
struct datagen_optimum {
    uint64_t rows, positives;
    double mean_label, value;     /* of labels that are no clicks: the metric of their loss */
    double auc, logloss;          /* NaN when not defined (no rows, one class) */
    double auc_error;             /* bound on auc's own error; 0 = exact */
    double auc_linear, auc_pairs; /* of the linear terms; of those and the pairs. NaN as auc, and for other labels */
};

struct datagen_summary {
    uint64_t rows, positives, bytes, missing; /* missing: empty fields of 39 * rows */
    struct datagen_optimum all, test;         /* test.rows = 0 without split */
    int64_t elapsed_ms;
};

/* datagen_run: write the log (and the truth), fill the summary. ERROR_USAGE for a bad configuration; ERROR_CONFLICT: another writes to one of the
 * files; ERROR_IO, ERROR_NOSPACE, ERROR_NOMEM. */
int datagen_run(const struct datagen_config *config, struct datagen_summary *summary, struct error *err);

#endif

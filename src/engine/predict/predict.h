/* Batch scoring: text in, a line a row out, in the rows' order, at the speed of parsing and one forward pass.
 *
 *   files ─ source ─ cut ─▶ parse ▸ score ▸ lines (side by side) ─▶ write (in order)
 *
 * Rows go from the parser straight to the model; nothing is stored and no block cache is made. Memory is bounded by the piece of text that a worker
 * has in hand. The bytes that come out do not depend on workers or pieces. A row's number counts the good rows of all files from 0, as training
 * counts them, so a line equals the one that scores.tsv of the run has for that row. A bad row has no line and no number; it fails the whole
 * unless max_bad_rows allows it, as in training. */
#ifndef TRAINYARD_ENGINE_PREDICT_PREDICT_H
#define TRAINYARD_ENGINE_PREDICT_PREDICT_H

#include "engine/predict/reading.h"

struct predict_config {
    const struct predictor *predictors; /* (predictor_count), >= 1 and alike; of several: the mean of their probabilities, in that order */
    size_t predictor_count;
    struct reading reading;
    unsigned form; /* enum scores_form; the label column needs labels */
    /* scored: the rows of one micro-batch with their logits, from several workers at once (worker < parallel->workers); NULL: not wanted. */
    int (*scored)(void *context, unsigned worker, const struct batch *rows, const float *logits, struct error *err);
    /* write: the next bytes of the output, the header first; one call at a time. */
    int (*write)(void *context, const void *text, size_t size, struct error *err);
    void *context;
};

int predict_run(const struct predict_config *config, struct reading_result *result, struct error *err);

#endif

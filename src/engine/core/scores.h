/* Scores as text, for scores.tsv of a run and for prediction alike: a header, then a row a line,
 *
 *   row TAB label TAB score        row: number of the row in its data, from 0;  score: what the loss predicts (a probability, a mean), 12 digits
 *   row TAB label TAB p0 TAB p1 .. of classes: a probability each
 *
 * Columns that are not wanted are left out; with SCORES_LOGIT the outputs themselves are told (logit; z0, z1 ..), with the digits that give back
 * their bits. */
#ifndef TRAINYARD_ENGINE_CORE_SCORES_H
#define TRAINYARD_ENGINE_CORE_SCORES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/core/loss.h"

enum scores_form { SCORES_LABEL = 1, SCORES_LOGIT = 2 };
enum { SCORES_LINE_MAX = 64, SCORES_OUTPUT_MAX = 24, SCORES_FORMS = 4 };

struct scores_style {
    unsigned form;
    const struct loss *loss;
    size_t outputs;
};

extern const char *const scores_headers[SCORES_FORMS];             /* of one output, by form, newline included */
size_t scores_header(char *out, const struct scores_style *style); /* of any, at most scores_line_max() */
size_t scores_line_max(const struct scores_style *style);

/* All return the bytes written, no NUL; a whole line has at most scores_line_max(), SCORES_LINE_MAX for one
 * output. logits (outputs). scores_row: "row TAB"; scores_tail: the rest, with its newline. */
size_t scores_row(char *out, uint64_t row);
size_t scores_tail(char *out, const struct scores_style *style, float label, const float *logits);
size_t scores_line(char *out, const struct scores_style *style, uint64_t row, float label, const float *logits);

double scores_probability(float logit); /* 1 / (1 + e^-logit) in double */

#endif

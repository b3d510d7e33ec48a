/* Scores as text, for scores.tsv of a run and for prediction alike: a header, then a row a line,
 *
 *   row TAB label TAB score        row: number of the row in its data, from 0;  score: probability with 12 significant digits
 *
 * Columns that are not wanted are left out; with SCORES_LOGIT the last column is the logit itself, with the digits that give back its bits. */
#ifndef TRAINYARD_ENGINE_CORE_SCORES_H
#define TRAINYARD_ENGINE_CORE_SCORES_H

#include <stddef.h>
#include <stdint.h>

enum scores_form { SCORES_LABEL = 1, SCORES_LOGIT = 2 };
enum { SCORES_LINE_MAX = 64, SCORES_FORMS = 4 };

extern const char *const scores_headers[SCORES_FORMS]; /* by form, newline included */

/* All return the bytes written, no NUL; a whole line has at most SCORES_LINE_MAX. scores_row: "row TAB"; scores_tail: the rest, with its newline. */
size_t scores_row(char *out, uint64_t row);
size_t scores_tail(char *out, unsigned form, float label, float logit);
size_t scores_line(char *out, unsigned form, uint64_t row, float label, float logit);

double scores_probability(float logit); /* 1 / (1 + e^-logit) in double */

#endif

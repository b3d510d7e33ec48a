/* Judging rows whose labels are no bits: numbers, counts, classes. Beside the evaluator's core for labels 0 and 1, with the same laws: exact sums a
 * lane, so the result's bits depend on the set of rows alone. Private to the room; eval.h is the door. */
#ifndef TRAINYARD_ENGINE_EVAL_TARGETS_H
#define TRAINYARD_ENGINE_EVAL_TARGETS_H

#include "engine/eval/parts.h"

struct targets;

struct targets *targets_new(const struct evaluator_config *config, struct error *err); /* defaults filled in; NULL: ERROR_NOMEM, ERROR_USAGE */
void targets_free(struct targets *targets);                                            /* NULL is fine */
int targets_add(struct targets *targets, unsigned lane, const struct eval_rows *rows, struct error *err); /* as evaluator_add */
int targets_finish(struct targets *targets, struct evaluation *out, struct error *err);                   /* out: zeroed; as evaluator_finish */

#endif

/* Scored rows for tests of the evaluation: drawn from a known model, and judged in one call. */
#ifndef TRAINYARD_TESTS_LIB_SCORES_H
#define TRAINYARD_TESTS_LIB_SCORES_H

#include <stddef.h>

#include "base/rng.h"
#include "engine/eval/eval.h"

/* scores_draw: logits ~ N(mean, sd), labels ~ Bernoulli(sigmoid(logit)): a calibrated model. levels > 0: logits rounded to that many
 * steps a unit, so that ties abound. */
void scores_draw(struct rng *rng, float *logits, float *labels, size_t n, double mean, double sd, unsigned levels);

/* scores_judge: one lane, one call. exact_rows_max as in evaluator_config. Fails the test on an error. */
struct evaluation scores_judge(const float *logits, const float *labels, size_t n, uint64_t exact_rows_max);

/* scores_judge_rows: the same of rows with all that they bring, by an evaluator of that configuration. */
struct evaluation scores_judge_rows(const struct evaluator_config *config, const struct eval_rows *rows);

/* scores_value, scores_se: of the metric `name`; fail the test when there is no such metric. */
double scores_value(const struct evaluation *e, const char *name);
double scores_se(const struct evaluation *e, const char *name);

#endif

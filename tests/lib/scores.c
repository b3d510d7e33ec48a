#include "lib/test.h"

#include "lib/scores.h"

#include <math.h>

void scores_draw(struct rng *rng, float *logits, float *labels, size_t n, double mean, double sd, unsigned levels)
{
    for (size_t i = 0; i < n; i++) {
        double z = mean + sd * rng_normal(rng);
        if (levels) z = floor(z * levels) / levels;
        logits[i] = (float)z;
        labels[i] = rng_unit(rng) < 1 / (1 + exp(-z)) ? 1 : 0;
    }
}

struct evaluation scores_judge_rows(const struct evaluator_config *config, const struct eval_rows *rows)
{
    struct error err = {0};
    struct evaluation out;
    struct evaluator *e = evaluator_new(config, &err);
    assert_ok(e ? 0 : -1, &err);
    assert_ok(evaluator_add(e, 0, rows, &err), &err);
    assert_ok(evaluator_finish(e, &out, &err), &err);
    evaluator_free(e);
    return out;
}

struct evaluation scores_judge(const float *logits, const float *labels, size_t n, uint64_t exact_rows_max)
{
    return scores_judge_rows(&(struct evaluator_config){.lanes = 1, .exact_rows_max = exact_rows_max},
                             &(struct eval_rows){.n = n, .logits = logits, .labels = labels});
}

static const struct measure *measure_of(const struct evaluation *e, const char *name)
{
    const struct measure *m = evaluation_measure(e, name);
    assert_non_null(m);
    return m;
}

double scores_value(const struct evaluation *e, const char *name) { return measure_of(e, name)->value; }
double scores_se(const struct evaluation *e, const char *name) { return measure_of(e, name)->se; }

/* Mean squared error: the mean of (prediction - label)^2. */
#include <math.h>

#include "engine/eval/parts.h"

static void mse_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    measure_mean(out, s, s->brier, s->square.brier, s->square.brier_brier, 0, INFINITY);
}

const struct metric metric_mse = {.kind = {.name = "mse", .summary = "mean of (prediction - label)^2", .source = ""},
                                  .labels = METRIC_REALS | METRIC_COUNTS,
                                  .higher_is_better = false,
                                  .method = "sample variance",
                                  .compute = mse_compute};

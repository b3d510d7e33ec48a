/* MAE: the mean distance of the prediction from the label, |p - y|. Its square is the term of RMSE, so no further sum is needed. */
#include <math.h>

#include "engine/eval/parts.h"

static void mae_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    measure_mean(out, s, s->absolute, s->square.absolute, s->square.brier, 0, in->targets ? INFINITY : 1);
}

const struct metric metric_mae = {.kind = {.name = "mae", .summary = "mean of |p - y|", .source = ""},
                                  .labels = METRIC_BITS | METRIC_REALS | METRIC_COUNTS,
                                  .higher_is_better = false,
                                  .method = "sample variance",
                                  .compute = mae_compute};

/* Bias: mean prediction less mean label; 0 is right. */
#include <math.h>

#include "engine/eval/parts.h"

static void bias_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    measure_mean(out, s, s->prob - s->positive, in->targets->square_difference, s->square.brier, -INFINITY, INFINITY);
}

const struct metric metric_bias = {.kind = {.name = "bias", .summary = "mean prediction less mean label", .source = ""},
                                   .labels = METRIC_REALS | METRIC_COUNTS,
                                   .higher_is_better = false,
                                   .method = "sample variance",
                                   .compute = bias_compute};

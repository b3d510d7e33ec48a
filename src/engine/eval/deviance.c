/* Mean Poisson deviance: the mean of 2 (y ln(y / m) - y + m), which is twice the loss; 0 is perfect. */
#include <math.h>

#include "engine/eval/parts.h"

static void deviance_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    measure_mean(out, s, 2 * s->loss, 2 * s->square.loss, 4 * s->square.loss_loss, 0, INFINITY);
}

const struct metric metric_deviance = {.kind = {.name = "deviance", .summary = "mean Poisson deviance", .source = "McCullagh and Nelder 1989"},
                                       .labels = METRIC_COUNTS,
                                       .higher_is_better = false,
                                       .method = "sample variance",
                                       .compute = deviance_compute};

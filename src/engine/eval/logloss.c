/* Logloss: the mean of max(z, 0) - z y + log(1 + e^-|z|) over the rows, in nats; from logits, so that it never overflows or meets log(0).
 * Its standard error is that of a mean: sample deviation / sqrt(rows). */
#include <math.h>

#include "engine/eval/parts.h"

static void logloss_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    measure_mean(out, s, s->loss, s->square.loss, s->square.loss_loss, 0, INFINITY);
}

const struct metric metric_logloss = {.kind = {.name = "logloss", .summary = "mean of -ln of the probability of the label, in nats", .source = ""},
                                      .labels = METRIC_BITS | METRIC_CLASSES,
                                      .higher_is_better = false,
                                      .method = "sample variance",
                                      .compute = logloss_compute};

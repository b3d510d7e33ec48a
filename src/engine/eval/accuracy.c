/* Accuracy: share of rows on the right side of p = 1/2. Little used for clicks (the base rate alone scores high), asked for by classifiers. */
#include "engine/eval/parts.h"

static void accuracy_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    measure_mean(out, s, s->correct, s->square.correct, s->square.correct, 0, 1);
}

const struct metric metric_accuracy = {.kind = {.name = "accuracy", .summary = "share of rows whose label is the most probable one", .source = ""},
                                       .labels = METRIC_BITS | METRIC_CLASSES,
                                       .higher_is_better = true,
                                       .method = "sample variance",
                                       .compute = accuracy_compute};

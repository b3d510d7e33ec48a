/* Accuracy: share of rows on the right side of p = 1/2. Little used for clicks (the base rate alone scores high), asked for by classifiers. */
#include <math.h>

#include "engine/eval/parts.h"

static void accuracy_compute(const struct eval_sums *s, const struct rank_groups *ranks, struct measure *out)
{
    (void)ranks;
    double n = (double)s->rows, share = (double)s->correct / n;
    measure_interval(out, share, sqrt(share * (1 - share) / (n - 1)), 0, 1);
}

const struct metric metric_accuracy = {.kind = {.name = "accuracy", .summary = "share of rows on the right side of 1/2", .source = ""},
                                       .higher_is_better = true,
                                       .method = "sample variance",
                                       .compute = accuracy_compute};

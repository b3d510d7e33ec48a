/* Top-k accuracy: the share of rows with less than k other classes as probable as the row's own. */
#include <stdio.h>

#include "engine/eval/parts.h"

static void top_k_compute(const struct metric_input *in, struct measure *out)
{
    const struct target_sums *t = in->targets;
    char reason[80];
    snprintf(reason, sizeof reason, "every class is among the top %u of %u; lower evaluate.top_k", t->top_k, t->class_count);
    if (t->top_k >= t->class_count) measure_undefined(out, reason);
    else measure_mean(out, in->sums, t->top, t->square_top, t->square_top, 0, 1);
}

const struct metric metric_top_k_accuracy = {
    .kind = {.name = "top_k_accuracy", .summary = "share of rows whose class is among the k most probable ones", .source = ""},
    .labels = METRIC_CLASSES,
    .higher_is_better = true,
    .method = "sample variance",
    .compute = top_k_compute};

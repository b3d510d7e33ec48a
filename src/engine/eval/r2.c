/* R^2: 1 - sum (prediction - label)^2 / sum (label - their mean)^2; 1 is perfect, 0 what the labels' mean as prediction would give, and there is no
 * lower end. No standard error: its law has no simple form without the labels' fourth moments. */
#include <math.h>
#include <stdio.h>

#include "engine/eval/parts.h"

static void r2_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    double around = in->targets->label_label - s->positive * s->positive / s->weight;
    if (!(around > in->targets->label_label * 1e-14)) {
        measure_undefined(out, "all labels are equal");
        return;
    }
    measure_interval(out, 1 - s->brier / around, NAN, -INFINITY, 1);
    snprintf(out->reason, sizeof out->reason, "no standard error: a ratio of sums of squares");
}

const struct metric metric_r2 = {
    .kind = {.name = "r2", .summary = "share of the labels' variance that the predictions explain", .source = "Wright 1921"},
    .labels = METRIC_REALS | METRIC_COUNTS,
    .higher_is_better = true,
    .method = "none",
    .compute = r2_compute};

/* Macro AUC: the mean over classes of the area under the ROC curve of that class against the rest, by its probability. Classes that do not occur, or
 * have all rows, have none. No standard error: the classes' areas are of the same rows. */
#include <math.h>
#include <stdio.h>

#include "engine/eval/parts.h"

static void macro_auc_compute(const struct metric_input *in, struct measure *out)
{
    const struct target_sums *t = in->targets;
    double sum = 0;
    unsigned n = 0;
    for (unsigned c = 0; c < t->class_count; c++)
        if (!isnan(t->classes[c].auc)) sum += t->classes[c].auc, n++;
    if (!t->ranked) measure_undefined(out, "more scores (rows x classes) than evaluate.exact_rows_max");
    else if (n == 0) measure_undefined(out, "all rows are of one class");
    if (!t->ranked || n == 0) return;
    measure_interval(out, sum / n, NAN, 0, 1);
    snprintf(out->reason, sizeof out->reason, "no standard error: the areas of %u of %u classes, on the same rows", n, t->class_count);
}

const struct metric metric_macro_auc = {
    .kind = {.name = "macro_auc", .summary = "mean over classes of the AUC of one against the rest", .source = "Hand and Till 2001"},
    .labels = METRIC_CLASSES,
    .higher_is_better = true,
    .method = "none",
    .compute = macro_auc_compute};

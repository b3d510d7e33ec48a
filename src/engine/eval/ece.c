/* Expected calibration error: sum over bins of their share of the rows times |mean label - mean prediction|, 20 bins of equal weight (Nguyen,
 * O'Connor 2015, adaptive binning), since clicks crowd at small probabilities where bins of equal width would hold everything.
 *
 * No standard error: absolute values of noisy means are biased upwards (a perfect model scores about sqrt(2 bins p (1 - p) / (pi n)), not 0), so an
 * interval around it would not cover. Judge it beside calibration, which has one. */
#include <math.h>

#include "engine/eval/parts.h"

static void ece_compute(const struct metric_input *in, struct measure *out)
{
    struct equal_bin bins[EQUAL_BINS_MAX];
    double sum = 0, slack;
    size_t count = equal_bins(in->ranks, in->sums->weight, EQUAL_BINS_MAX, bins, &slack);
    for (size_t i = 0; i < count; i++) sum += fabs(bins[i].positive - bins[i].prob);
    measure_undefined(out, "no standard error: a sum of absolute values is biased upwards, so no interval around it would cover");
    out->value = sum / in->sums->weight;
    out->error_bound = slack;
}

const struct metric metric_ece = {
    .kind = {.name = "ece", .summary = "expected calibration error, 20 bins of equal weight", .source = "Nguyen, O'Connor 2015"},
    .higher_is_better = false,
    .needs = METRIC_RANKS,
    .method = "none",
    .compute = ece_compute};

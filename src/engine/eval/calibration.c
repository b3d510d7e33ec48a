/* Calibration: predicted clicks over true clicks, sum p / sum y; 1 is right, above 1 too sure of clicks.
 *
 * Standard error of a ratio c (Cochran 1977, s. 6.4): the residuals p_i - c y_i have mean zero, var c = n / (n - 1) * sum of w^2
 * times their squares / (sum wy)^2. Neither direction is better for its own sake; a gate states a range, so higher_is_better is false (closer to 1 is
 * judged there). */
#include <math.h>

#include "engine/eval/parts.h"

static void calibration_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    double n = (double)s->rows, c = s->prob / s->positive;
    double squares = fmax(s->square.prob_prob - 2 * c * s->square.prob_positive + c * c * s->square.positive, 0);
    measure_interval(out, c, sqrt(squares * n / (n - 1)) / s->positive, 0, INFINITY);
}

const struct metric metric_calibration = {
    .kind = {.name = "calibration", .summary = "sum of predictions over sum of labels", .source = "Cochran 1977"},
    .labels = METRIC_BITS | METRIC_COUNTS,
    .higher_is_better = false,
    .needs = METRIC_POSITIVES,
    .method = "ratio estimator",
    .compute = calibration_compute};

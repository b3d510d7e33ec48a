/* Calibration: predicted clicks over true clicks, sum p / sum y; 1 is right, above 1 too sure of clicks.
 *
 * Standard error of a ratio c (Cochran 1977, s. 6.4): the residuals p_i - c y_i have mean zero, var c = n / (n - 1) * sum of their squares
 * / (sum y)^2. Neither direction is better for its own sake; a gate states a range, so higher_is_better is false (closer to 1 is judged there). */
#include <math.h>

#include "engine/eval/parts.h"

static void calibration_compute(const struct eval_sums *s, const struct rank_groups *ranks, struct measure *out)
{
    (void)ranks;
    double n = (double)s->rows, clicks = (double)s->positives, c = s->prob / clicks;
    double squares = fmax(s->prob_squared - 2 * c * s->prob_positive + c * c * clicks, 0);
    measure_interval(out, c, sqrt(squares * n / (n - 1)) / clicks, 0, INFINITY);
}

const struct metric metric_calibration = {.kind = {.name = "calibration", .summary = "predicted clicks over true clicks", .source = "Cochran 1977"},
                                          .higher_is_better = false,
                                          .needs = METRIC_POSITIVES,
                                          .method = "ratio estimator",
                                          .compute = calibration_compute};

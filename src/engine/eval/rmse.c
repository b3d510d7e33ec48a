/* RMSE of the prediction; of a probability the root of the Brier score (Brier 1950). Standard error by the delta method: se(Brier) / (2 RMSE). */
#include <math.h>

#include "engine/eval/parts.h"

static void rmse_compute(const struct metric_input *in, struct measure *out)
{
    const struct eval_sums *s = in->sums;
    double most = in->targets ? INFINITY : 1;
    measure_mean(out, s, s->brier, s->square.brier, s->square.brier_brier, 0, most);
    double rmse = sqrt(out->value);
    measure_interval(out, rmse, rmse > 0 ? out->se / (2 * rmse) : out->se, 0, most);
}

const struct metric metric_rmse = {.kind = {.name = "rmse", .summary = "root of the mean of (p - y)^2", .source = "Brier 1950"},
                                   .labels = METRIC_BITS | METRIC_REALS | METRIC_COUNTS,
                                   .higher_is_better = false,
                                   .method = "delta method",
                                   .compute = rmse_compute};

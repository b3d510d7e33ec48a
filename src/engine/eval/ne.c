/* Normalised entropy: logloss over the entropy of the base rate (He et al. 2014), so 1 is what the constant base rate gets.
 *
 * Standard error by the delta method: with L the mean loss, q the base rate, H(q) its entropy and H' = log((1 - q) / q), row i moves NE by
 *   (l_i - L) / H  -  L H' / H^2 (y_i - q),   and the variance of the mean of these needs only sums of l, l^2, l y and y. */
#include <math.h>

#include "engine/eval/parts.h"

static void ne_compute(const struct eval_sums *s, const struct rank_groups *ranks, struct measure *out)
{
    (void)ranks;
    double n = (double)s->rows, q = (double)s->positives / n, mean = s->loss / n;
    double entropy = -q * log(q) - (1 - q) * log1p(-q), slope = mean * log((1 - q) / q) / (entropy * entropy);
    double var_loss = s->loss_squared / n - mean * mean, var_label = q * (1 - q), cov = s->loss_positive / n - mean * q;
    double variance = fmax(var_loss / (entropy * entropy) - 2 * slope * cov / entropy + slope * slope * var_label, 0) * n / (n - 1);
    measure_interval(out, mean / entropy, sqrt(variance / n), 0, INFINITY);
}

const struct metric metric_ne = {.kind = {.name = "ne", .summary = "logloss over the entropy of the base rate", .source = "He et al. 2014"},
                                 .higher_is_better = false,
                                 .needs = METRIC_BOTH_CLASSES,
                                 .method = "delta method",
                                 .compute = ne_compute};

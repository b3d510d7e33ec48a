/* Normalised entropy: logloss over the entropy of the base rate (He et al. 2014), so 1 is what the constant base rate gets.
 *
 * RIG, relative information gain, is 1 - NE: the share of the entropy that the model explains. Standard error by the delta method: with L the mean
 * loss, q the base rate, H(q) its entropy and H' = log((1 - q) / q), row i moves NE by (l_i - L) / H  -  L H' / H^2 (y_i - q),   and the variance of
 * the mean of these needs only sums of l, l^2, l y and y (times w^2). */
#include <math.h>

#include "engine/eval/parts.h"

static void ne_measure(const struct eval_sums *s, double *value, double *se)
{
    double n = (double)s->rows, q = s->positive / s->weight, mean = s->loss / s->weight;
    double entropy = -q * log(q) - (1 - q) * log1p(-q), slope = mean * log((1 - q) / q) / (entropy * entropy);
    double loss_loss = s->square.loss_loss - 2 * mean * s->square.loss + mean * mean * s->square.weight;
    double label_label = (1 - 2 * q) * s->square.positive + q * q * s->square.weight;
    double loss_label = s->square.loss_positive - mean * s->square.positive - q * s->square.loss + mean * q * s->square.weight;
    double squares = fmax(loss_loss / (entropy * entropy) - 2 * slope * loss_label / entropy + slope * slope * label_label, 0);
    *value = mean / entropy;
    *se = sqrt(squares * n / (n - 1)) / s->weight;
}

static void ne_compute(const struct metric_input *in, struct measure *out)
{
    double value, se;
    ne_measure(in->sums, &value, &se);
    measure_interval(out, value, se, 0, INFINITY);
}

static void rig_compute(const struct metric_input *in, struct measure *out)
{
    double value, se;
    ne_measure(in->sums, &value, &se);
    measure_interval(out, 1 - value, se, -INFINITY, 1);
}

const struct metric metric_ne = {.kind = {.name = "ne", .summary = "logloss over the entropy of the base rate", .source = "He et al. 2014"},
                                 .higher_is_better = false,
                                 .needs = METRIC_BOTH_CLASSES,
                                 .method = "delta method",
                                 .compute = ne_compute};
const struct metric metric_rig = {
    .kind = {.name = "rig", .summary = "relative information gain over the base rate, 1 - ne", .source = "He et al. 2014"},
    .higher_is_better = true,
    .needs = METRIC_BOTH_CLASSES,
    .method = "delta method",
    .compute = rig_compute};

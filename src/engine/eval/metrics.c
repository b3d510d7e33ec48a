/* The table of metrics: a new one is one file and one word here (and a line of parts.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/eval/parts.h"

const struct metric *const metrics[] = {&metric_auc,       &metric_logloss,
                                        &metric_ne,        &metric_rig,
                                        &metric_pr_auc,    &metric_calibration,
                                        &metric_accuracy,  &metric_ece,
                                        &metric_rmse,      &metric_mae,
                                        &metric_gauc,      &metric_ndcg,
                                        &metric_hit_rate,  &metric_mse,
                                        &metric_r2,        &metric_bias,
                                        &metric_deviance,  &metric_top_k_accuracy,
                                        &metric_macro_auc, NULL};

const struct metric *metric_find(const char *name)
{
    for (size_t i = 0; metrics[i]; i++)
        if (!strcmp(metrics[i]->kind.name, name)) return metrics[i];
    return NULL;
}

const struct measure *evaluation_measure(const struct evaluation *e, const char *name)
{
    for (size_t i = 0; metrics[i]; i++)
        if (!strcmp(metrics[i]->kind.name, name)) return &e->measures[i];
    return NULL;
}

bool metric_better(const struct metric *metric, double a, double b)
{
    if (isnan(a) || isnan(b)) return !isnan(a);
    return metric->higher_is_better ? a > b : a < b;
}

void measure_interval(struct measure *m, double value, double se, double low, double high)
{
    const double z = 1.959963984540054; /* normal quantile of .975 */
    *m = (struct measure){.value = value, .se = se, .low = NAN, .high = NAN, .bootstrap_low = NAN, .bootstrap_high = NAN, .wanted = true};
    if (isfinite(se)) {
        m->low = fmax(value - z * se, low);
        m->high = fmin(value + z * se, high);
        return;
    }
    m->se = NAN;
    snprintf(m->reason, sizeof m->reason, "no standard error: it needs at least 2 rows (2 of each class for auc, 2 groups for gauc, ndcg, hit_rate)");
}

void measure_undefined(struct measure *m, const char *reason)
{
    *m = (struct measure){.value = NAN, .se = NAN, .low = NAN, .high = NAN, .bootstrap_low = NAN, .bootstrap_high = NAN, .wanted = true};
    snprintf(m->reason, sizeof m->reason, "%s", reason);
}

void measure_mean(struct measure *m, const struct eval_sums *s, double wf, double wwf, double wwff, double low, double high)
{
    double n = (double)s->rows, mean = wf / s->weight, squares = fmax(wwff - 2 * mean * wwf + mean * mean * s->square.weight, 0);
    measure_interval(m, mean, sqrt(squares * n / (n - 1)) / s->weight, low, high);
}

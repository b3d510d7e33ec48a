/* The table of metrics: a new one is one file and one word here (and a line of parts.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "engine/eval/parts.h"

const struct metric *const metrics[] = {&metric_auc, &metric_logloss, &metric_ne, &metric_pr_auc, &metric_calibration, &metric_accuracy, NULL};

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
    *m = (struct measure){.value = value, .se = se, .low = NAN, .high = NAN};
    if (isfinite(se)) {
        m->low = fmax(value - z * se, low);
        m->high = fmin(value + z * se, high);
        return;
    }
    m->se = NAN;
    snprintf(m->reason, sizeof m->reason, "no standard error: it needs at least 2 rows, and 2 of each class for auc");
}

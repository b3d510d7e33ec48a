#include "cli/datagen_label.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"

enum { STREAM_LABELS = 100 }; /* beside those of datagen_model.c */

int datagen_labels_read(struct datagen_labels *out, const char *text, struct error *err)
{
    struct label_rule rule;
    if (!label_rule_read(text, &rule) || rule.classes > DATAGEN_CLASSES_MAX)
        return error_set(err, ERROR_USAGE, NULL, "--labels must be binary, real, count or class:C with 2 to %d classes, got \"%.40s\"",
                         DATAGEN_CLASSES_MAX, text);
    *out = (struct datagen_labels){.outputs = rule.range == LABELS_CLASS ? rule.classes : 1};
    for (size_t l = 0; losses[l]; l++)
        if (losses[l] != &loss_auto && losses[l]->labels == rule.range) out->loss = losses[l];
    return 0;
}

/* By the product of uniforms (Knuth 1969, vol. 2, s. 3.4.1): means are small here. */
static unsigned poisson_draw(double mean, struct rng *rng)
{
    double product = 1, least = exp(-mean);
    for (unsigned n = 0;; n++)
        if ((product *= rng_unit(rng)) <= least) return n;
}

static unsigned class_draw(const float *outputs, size_t classes, struct rng *rng)
{
    double p[DATAGEN_CLASSES_MAX], u = rng_unit(rng);
    loss_softmax.predict(outputs, p, classes);
    unsigned c = 0;
    while (c + 1 < classes && u >= p[c]) u -= p[c++];
    return c;
}

size_t datagen_label(const struct datagen_labels *labels, uint64_t seed, uint64_t number, const struct datagen_row *row, float *outputs, float *label,
                     char text[DATAGEN_LABEL_SIZE])
{
    const double most = 400; /* of a count's mean: the logit has no bound of its own */
    struct rng rng = rng_at(seed, RNG_DATAGEN, STREAM_LABELS, number);
    int used = 0;
    outputs[0] = (float)row->logit;
    switch (labels->loss->labels) {
    case LABELS_BINARY: used = snprintf(text, DATAGEN_LABEL_SIZE, "%d", row->label); break;
    case LABELS_REAL: used = snprintf(text, DATAGEN_LABEL_SIZE, "%.4f", row->logit + rng_normal(&rng)); break;
    case LABELS_COUNT:
        outputs[0] = (float)fmin(row->logit / 3, log(most));
        used = snprintf(text, DATAGEN_LABEL_SIZE, "%u", poisson_draw(exp((double)outputs[0]), &rng));
        break;
    case LABELS_CLASS:
        for (size_t c = 0; c < labels->outputs; c++) outputs[c] = (float)(row->logit * (2 * (double)c / (double)(labels->outputs - 1) - 1));
        used = snprintf(text, DATAGEN_LABEL_SIZE, "%u", class_draw(outputs, labels->outputs, &rng));
        break;
    case LABEL_RANGES: break;
    }
    *label = strtof(text, NULL);
    return used > 0 ? (size_t)used : 0;
}

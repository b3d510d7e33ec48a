/* Prometheus' text format 0.0.4, and OpenMetrics 1.0.0, which differ in a few lines: a writer of families, so that both come from
 * the same calls. The first failure stays; exposition_end() reports it. */
#ifndef TRAINYARD_SERVICE_HTTP_EXPOSITION_H
#define TRAINYARD_SERVICE_HTTP_EXPOSITION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum family_type { FAMILY_GAUGE, FAMILY_COUNTER, FAMILY_HISTOGRAM };

struct exposition {
    struct bytes *out; /* borrowed */
    bool open_metrics;
    char family[96];
    enum family_type type;
    struct error err;
};

/* exposition_family: HELP and TYPE; the name without _total. All samples of a family follow at once. */
void exposition_family(struct exposition *e, const char *name, enum family_type type, const char *help);

/* exposition_sample: labels: NULL for none, or what exposition_labels() made. */
void exposition_sample(struct exposition *e, const char *labels, double value);

/* exposition_histogram: buckets (count + 1 of them, not cumulative, the last beyond all bounds), sum. */
void exposition_histogram(struct exposition *e, const char *labels, const double *bounds, const uint64_t *buckets, size_t count, double sum);

/* exposition_labels: `a="x",b="y"` from name, value, name, value, ..., NULL; values escaped. Returns buf. */
const char *exposition_labels(char *buf, size_t size, const char *name, ...);

int exposition_end(struct exposition *e, struct error *err); /* `# EOF` where it belongs */

#endif

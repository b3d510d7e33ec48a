/* Retention: which share of the rows a sparse codec keeps, r_t = max(min, start * decay^tau), tau = epochs or steps done. A function of
 * global counters, so all shards agree and a resume needs no state. DGC's warm-up is {0.25, 0.25, 0.001, epoch}. */
#ifndef TRAINYARD_ENGINE_COMPRESS_RETENTION_H
#define TRAINYARD_ENGINE_COMPRESS_RETENTION_H

#include "base/kind.h"

struct retention {
    double start, decay, min;
    int per; /* 0 epoch, 1 step */
};
extern const char *const retention_per[];

#define RETENTION_OPTIONS(type, field) \
    {"retention.start", OPT_REAL, offsetof(type, field.start), 0.01, 0, 1, "share of rows sent at first", NULL, OPTION_ABOVE_MIN, NULL}, \
        {"retention.decay", OPT_REAL, offsetof(type, field.decay), 1, 0, 1, "factor per epoch or step", NULL, OPTION_ABOVE_MIN, NULL}, \
        {"retention.min", \
         OPT_REAL, \
         offsetof(type, field.min), \
         0.001, \
         0, \
         1, \
         "the share never falls below this (or start, if that is smaller)", \
         NULL, \
         0, \
         NULL}, \
    { \
        "retention.per", OPT_NAME, offsetof(type, field.per), 0, 0, 0, "what decay counts", retention_per, 0, NULL \
    }

/* retention_at: the share at step (from 1) of epoch (from 0). */
double retention_at(const struct retention *r, uint32_t epoch, uint64_t step);

/* retention_rows: max(1, ceil(share * rows)), 0 for no rows. */
size_t retention_rows(double share, size_t rows);

#endif

#include "engine/optim/schedule.h"

#include <math.h>

#include "engine/core/float.h"

struct moment {    /* within a schedule's own time */
    uint64_t done; /* steps since the warm-up, this one not counted */
    double share;  /* of the planned ones; in [0, 1] */
};

static double constant(const struct schedule *s, struct moment at)
{
    (void)s, (void)at;
    return 1;
}

static double step(const struct schedule *s, struct moment at) { return float_power(s->gamma, at.done / (uint64_t)s->every_steps); }

static double poly(const struct schedule *s, struct moment at) { return s->final + (1 - s->final) * float_power(1 - at.share, (uint64_t)s->power); }

static double cosine(const struct schedule *s, struct moment at) { return s->final + (1 - s->final) * (1 + float_cos_pi(at.share)) / 2; }

static double inverse_sqrt(const struct schedule *s, struct moment at) { return 1 / sqrt(1 + (double)at.done / (double)s->every_steps); }

#define SCHEDULES(X) X(constant) X(step) X(poly) X(cosine) X(inverse_sqrt)
#define NAME(f) #f,
#define ROW(f) f,
const char *const schedule_names[] = {SCHEDULES(NAME) NULL};
static double (*const factors[])(const struct schedule *, struct moment) = {SCHEDULES(ROW)};

bool schedule_plans(const struct schedule *s) { return factors[s->kind] == poly || factors[s->kind] == cosine; }

double schedule_factor(const struct schedule *s, uint64_t t, uint64_t planned)
{
    uint64_t warmup = (uint64_t)s->warmup_steps;
    if (t < warmup) return (double)t / (double)warmup;
    uint64_t begin = warmup > 0 ? warmup : 1, span = planned > begin ? planned - begin : 0; /* the last planned step has share 1 */
    struct moment at = {.done = t > begin ? t - begin : 0};
    if (span > 0) at.share = at.done < span ? (double)at.done / (double)span : 1;
    return factors[s->kind](s, at);
}

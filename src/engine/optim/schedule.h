/* The learning rate over time: a factor on `lr` that follows from the step's number and from how many steps are planned, both pure functions of spec
 * and data, so that a resume goes on where it was. No libm: its last bit differs between versions.
 *
 * Over the first warmup_steps the factor rises linearly, t / warmup_steps; the schedule's own time begins after them. */
#ifndef TRAINYARD_ENGINE_OPTIM_SCHEDULE_H
#define TRAINYARD_ENGINE_OPTIM_SCHEDULE_H

#include <stdint.h>

#include "base/kind.h"

struct schedule {
    int kind; /* index in schedule_names */
    int64_t warmup_steps, every_steps, power;
    double gamma, final;
};

extern const char *const schedule_names[]; /* NULL-terminated */

#define SCHEDULE_OPTIONS(type, member) \
    {"schedule.kind",          OPT_NAME, offsetof(type, member.kind), 0, .help = "how the rate falls after the warm-up, as a factor on lr", \
     .choices = schedule_names}, \
        {"schedule.warmup_steps", OPT_INT, offsetof(type, member.warmup_steps), 0, 0, 1e9, .help = "steps over which the rate rises to lr"}, \
        {"schedule.every_steps", \
         OPT_INT, \
         offsetof(type, member.every_steps), \
         1000, \
         1, \
         1e9, \
         .help = "step: the rate falls each that many steps; inverse_sqrt: steps until it has fallen to 0.71"}, \
        {"schedule.gamma", OPT_REAL, offsetof(type, member.gamma), 0.5, 0, 1, .help = "step: the factor of a fall", .flags = OPTION_ABOVE_MIN}, \
        {"schedule.power", OPT_INT, offsetof(type, member.power), 1, 1, 16, .help = "poly: the exponent"}, \
    { \
        "schedule.final", OPT_REAL, offsetof(type, member.final), 0, 0, 1, .help = "poly, cosine: the factor that is left after the last step" \
    }

/* schedule_plans: does its factor depend on how many steps are planned? */
bool schedule_plans(const struct schedule *s);

/* schedule_factor: at step t (from 1) of `planned` (0: not known, then poly and cosine stay at 1). In [0, 1]. */
double schedule_factor(const struct schedule *s, uint64_t t, uint64_t planned);

#endif

#include "engine/core/opinion.h"

#include <math.h>

void opinion_add(struct opinion *o, float logit)
{
    double z = logit, e = exp(-fmin(fabs(z), 700)), large = 1 / (1 + e), small = e / (1 + e); /* 700: no probability is 0 */
    o->p += z >= 0 ? large : small;
    o->q += z >= 0 ? small : large;
}

float opinion_logit(const struct opinion *o) { return (float)(log(o->p) - log(o->q)); }

/* What L-BFGS is told and where it keeps what it remembers: state 2 i is the move s of slot i of the ring, state 2 i + 1 the change y of the
 * gradient. A slot of zeros holds no pair. */
#ifndef TRAINYARD_ENGINE_OPTIM_LBFGS_H
#define TRAINYARD_ENGINE_OPTIM_LBFGS_H

#include "engine/optim/optimizer.h"

enum { LBFGS_HISTORY_MAX = STATES_MAX / 2 };

struct lbfgs_params {
    struct optim_common common; /* no option of it is offered: there is no rate */
    int64_t history;
    double tolerance;
};

#endif

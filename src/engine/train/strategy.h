/* A strategy: how shards, exchange and update are put together in time. One file each, one row in strategies[]. */
#ifndef TRAINYARD_ENGINE_TRAIN_STRATEGY_H
#define TRAINYARD_ENGINE_TRAIN_STRATEGY_H

#include "base/kind.h"

struct fold;

struct strategy {
    struct kind kind;  /* first */
    bool reproducible; /* the bits of the model depend on the spec alone */
    bool moves_all;    /* rows change without params_wake, so that no checkpoint can be a delta */
    bool passes;       /* it learns from rows as the text passes by, once (passing.h): there is no block cache */
    /* train: from the job's cursor to the end of training, or to a stop (ERROR_STOPPED). */
    int (*train)(struct fold *fold, struct error *err);
};

extern const struct strategy *const strategies[]; /* NULL-terminated: sync, online */
extern const struct strategy strategy_sync, strategy_online;
extern const struct strategy strategy_lbfgs; /* of no row: an optimiser that is `whole` brings it (run.c) */

#endif

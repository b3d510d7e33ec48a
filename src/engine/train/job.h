/* A running job: the one struct that the files of this room share. run.c builds it, a strategy moves its cursor, checkpoint.c saves it. */
#ifndef TRAINYARD_ENGINE_TRAIN_JOB_H
#define TRAINYARD_ENGINE_TRAIN_JOB_H

#include "contract/event.h"
#include "contract/rundir.h"
#include "contract/spec.h"
#include "engine/compress/aggregate.h"
#include "engine/compress/codec.h"
#include "engine/data/dataset.h"
#include "engine/data/split.h"
#include "engine/eval/eval.h"
#include "engine/model/model.h"
#include "engine/optim/optimizer.h"
#include "engine/train/progress.h"
#include "engine/train/shard.h"
#include "engine/train/strategy.h"
#include "engine/train/team.h"

struct cursor {         /* where training is: all that a resume needs besides parameters and residuals */
    uint64_t step;      /* steps done */
    uint32_t epoch;     /* from 0 */
    uint64_t position;  /* rows of the epoch that are done */
    uint64_t rows;      /* training rows seen in all */
    uint64_t validated; /* step of the last validation: a resume does not judge the same model twice */
    bool ended;         /* training is over (epochs, max_rows or early stopping) */
};

struct best {      /* early stopping */
    uint64_t step; /* 0: no evaluation yet */
    double value;
    int64_t since; /* evaluations without improvement */
};

struct job {
    const struct world *world;
    struct spec spec;
    struct rundir dir;
    struct event_writer *events;
    struct progress_sink progress;
    char digest[SHA256_HEX]; /* of the spec: what determines the bits */

    const struct model *model;
    const struct optimizer *optimizer;
    const struct codec *codec;
    const struct aggregate *aggregate;
    const struct strategy *strategy;
    const void *model_params, *optimizer_params, *codec_params, *aggregate_params;

    struct team team;
    struct dataset *dataset;
    struct splitter splitter;
    struct sides sides;

    struct params params;
    struct shard *shards; /* (spec.train.shards) */
    struct cursor cursor;
    struct best best;
    struct checkpointer *checkpointer;
    struct report *report;
    _Atomic int64_t stop_polled_ms; /* readers of data ask from their own threads */
};

#endif

/* A running job: what its folds (fold.h) share, and all files of this room. run.c builds it; a job without K-fold has one fold. */
#ifndef TRAINYARD_ENGINE_TRAIN_JOB_H
#define TRAINYARD_ENGINE_TRAIN_JOB_H

#include <stdatomic.h>

#include "contract/event.h"
#include "contract/rundir.h"
#include "contract/spec.h"
#include "engine/compress/aggregate.h"
#include "engine/compress/codec.h"
#include "engine/data/dataset.h"
#include "engine/data/split/split.h"
#include "engine/eval/eval.h"
#include "engine/model/model.h"
#include "engine/optim/optimizer.h"
#include "engine/train/progress.h"
#include "engine/train/strategy.h"
#include "engine/train/team.h"

struct fold;
struct passing;
struct ensemble;
struct value_text;

struct job {
    const struct world *world;
    const struct registry *registry; /* for recipes of other models */
    struct spec spec;
    struct rundir dir;
    struct event_writer *events;
    struct progress_sink progress;
    char digest[SHA256_HEX]; /* of the spec: what determines the bits */

    struct model_use model;         /* its shape is known once the data is open */
    struct optim_use optim[GROUPS]; /* by the group of a tensor */
    const struct codec *codec;
    const struct aggregate *aggregate;
    const struct strategy *strategy;
    const struct ensemble *ensemble;
    const void *codec_params, *aggregate_params;

    struct team team;
    struct dataset *dataset;
    struct passing *passing; /* its rows, where the strategy learns as they pass by; NULL: they are in blocks */
    json_t *file_hashes;     /* of the files that the format's options name; an array */
    struct splitter splitter;
    struct { /* evaluate.slices, resolved */
        unsigned count;
        const char *names[EVALUATION_SLICES_MAX];
        uint16_t fields[EVALUATION_SLICES_MAX];
        char text[OPTION_TEXT_SIZE]; /* of the names */
    } slices;
    struct { /* what values of slices are called, as far as it was looked for */
        struct value_text *list;
        size_t count;
        bool failed; /* the source cannot be read again */
    } texts;
    unsigned folds; /* models that the split trains, >= 1 */

    bool running;                   /* the event that says so is out */
    struct fold *fold;              /* the one at work; NULL: none */
    uint64_t steps_before;          /* of the folds that are done: an event's step counts on over all folds */
    _Atomic int64_t stop_polled_ms; /* readers of data ask from their own threads */
    atomic_int stop_seen;           /* what they saw last */
    /* Of rows that pass by: nobody takes any more; since when (0: not yet) a stop has been put off, because those that come now are judged. */
    atomic_bool abandoned, judging;
    _Atomic int64_t put_off_ms;
};

/* job_event: an event of the job at its present step, or of a fold at `step` of that fold; in a job of several folds it says which. Takes body. */
int job_event(struct job *job, enum event_type type, json_t *body, struct error *err);
int fold_event(struct fold *fold, enum event_type type, uint64_t step, json_t *body, struct error *err);

#endif

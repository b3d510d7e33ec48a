/* A fold: one model in the making, on the rows that the split gives it, with its own folder, cursor and checkpoints. A job without K-fold has one, in
 * the run directory itself; the K folds of a job come one after the other, so that only one model is in memory at a time. */
#ifndef TRAINYARD_ENGINE_TRAIN_FOLD_H
#define TRAINYARD_ENGINE_TRAIN_FOLD_H

#include "engine/core/calibration.h"
#include "engine/data/cut.h"
#include "engine/data/split/sides.h"
#include "engine/eval/eval.h"
#include "engine/train/job.h"
#include "engine/train/sampling.h"
#include "engine/train/shard.h"

struct cursor {            /* where training is: all that a resume needs besides parameters and residuals */
    uint64_t step;         /* steps done */
    uint32_t epoch;        /* from 0 */
    uint64_t position;     /* rows of the epoch that are done */
    uint64_t rows;         /* training rows seen in all */
    uint64_t validated;    /* step of the last validation: a resume does not judge the same model twice */
    bool ended;            /* training is over (epochs, max_rows or early stopping) */
    struct text_mark mark; /* of the text that the last row is in, where it passes by (passing.h); zeros: none */
};

struct best {      /* early stopping */
    uint64_t step; /* 0: no evaluation yet */
    double value;
    int64_t since; /* evaluations without improvement */
};

struct guard {          /* what the steps so far say of the present one (guard.c); part of the checkpoint */
    double mean;        /* of the losses of good steps, exponential */
    uint64_t steps;     /* good ones */
    uint64_t skipped;   /* in all */
    uint64_t in_a_row;  /* bad ones up to now */
    uint64_t rollbacks; /* each halves the rate */
};

struct progressive { /* how well the rows of the present epoch were foretold, each before it was learned; reset at each epoch */
    uint64_t rows;
    double weight, loss; /* sums */
    struct auc_window window;
};

struct fold_outcome {     /* of training: the model that stays */
    uint64_t steps, rows; /* of training in all; with early stopping the model may be of an earlier step */
    char path[PATH_SIZE], sha256[SHA256_HEX];
    bool done, fitted; /* an earlier attempt came to the end of it; a calibration was fitted to it */
};

struct fold {
    struct job *job;
    unsigned index;
    char dir[PATH_SIZE]; /* where its checkpoints are: the run directory, or folds/<index> in it */
    char prefix[24];     /* the same from the run directory: "", or "folds/<index>/" */
    struct sides sides;
    struct sampling sampling; /* which rows of its training side are visited */
    struct stages stages;     /* of its training side; none in fold_open_whole */
    struct params params;
    struct rare_keys rare;
    struct transform_map map;
    struct shard *shards; /* (spec.train.shards) */
    struct cursor cursor;
    struct best best;
    struct progressive progressive;
    struct guard guard;
    uint64_t optim_steps[TENSORS_MAX]; /* that a tensor's optimiser state has behind it from elsewhere (warm_start.c); part of the checkpoint */
    uint64_t back_to;                  /* step of the checkpoint that the last rollback of this attempt went to */
    uint64_t steps_planned;            /* of its training: what schedules reckon with */
    double grad_norm;                  /* of the last step, before it was clipped; NaN: not measured */
    struct calibration calibration;    /* between the model's logits and the scores that are told */
    struct checkpointer *checkpointer;
    struct learner *learner; /* holds what params will be, while a strategy learns row by row; NULL: they are */
    struct report *report;
};

/* fold_check: would fold_open find enough rows on its sides? ERROR_INVALID, ERROR_DATA: no. */
int fold_check(struct job *job, unsigned index, struct error *err);

/* fold_open_whole: the data as seen by who combines the folds (split.h: context.fold = folds), with a model as before the first step but without
 * optimiser state; nothing to train with. Its folder is the run directory. */
int fold_open_whole(struct fold *fold, struct job *job, struct error *err);

/* fold_open: its folder, sides and a model as it is before the first step. fold_close() it in any case. ERROR_INVALID, ERROR_DATA: the split leaves
 * too little. */
int fold_open(struct fold *fold, struct job *job, unsigned index, struct error *err);
void fold_close(struct fold *fold); /* safe on a zeroed struct, and twice */

/* fold_passed: the whole text has passed by: its sides are known now, told, and found to be enough; so are bad rows. ERROR_DATA: too little. */
int fold_passed(struct fold *fold, struct error *err);

/* fold_rate: eta at a step, for a tensor of that group. */
double fold_rate(const struct fold *fold, enum param_group group, uint64_t step);

/* fold_train: from its newest good checkpoint to the end of training and its last checkpoint; in fold->params is then the model that stays, with its
 * calibration. ERROR_STOPPED: a checkpoint was written. ERROR_DIVERGED: also where the validation side says so of a model that it did not choose. */
int fold_train(struct fold *fold, struct fold_outcome *out, struct error *err);

/* fold_publish: final.safetensors in its folder: the model that fold_train has left, which has been judged. */
int fold_publish(struct fold *fold, struct fold_outcome *out, struct error *err);

#endif

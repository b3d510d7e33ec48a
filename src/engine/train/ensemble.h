/* Ensembles: how the models of a job's folds become one. One file a kind, one row in ensembles[].
 *
 * The folds come one after the other, each with its model in memory for the time of a call, so memory is that of two models, however many folds there
 * are. What came of them is judged on rows that no fold has seen, neither to train nor to test. */
#ifndef TRAINYARD_ENGINE_TRAIN_ENSEMBLE_H
#define TRAINYARD_ENGINE_TRAIN_ENSEMBLE_H

#include "base/kind.h"
#include "engine/train/fold.h"
#include "engine/train/score.h"

struct ensembling { /* one job's */
    struct job *job;
    struct fold whole;         /* the data as no fold sees it: its test side is what the ensemble is judged on */
    unsigned added;            /* folds so far */
    void *state;               /* the kind's own */
    struct evaluator *judge;   /* of the ensemble, on the unseen rows */
    char scores[PATH_SIZE];    /* where their scores.tsv goes; "": not wanted */
    json_t *members;           /* each fold's metrics on the same rows */
    struct fold_outcome model; /* of a kind that leaves one: path and digest */
};

struct ensemble {
    struct kind kind;  /* first */
    bool wants_unseen; /* nothing is left of it but its judgement, so there must be rows that no fold has seen */
    bool wants_model;  /* it builds one more model: a table's worth of memory */
    bool calibrated;   /* knows what to do with calibrated folds */
    /* All may be NULL. open: e->whole is there. stream: what this fold's scores of the unseen rows (if there are any) are for. add: the fold, with
     * its trained model, after that. finish: all folds are in; by now or then the judge must see the unseen rows. close: also after a failed open. */
    int (*open)(struct ensembling *e, struct error *err);
    int (*stream)(struct ensembling *e, struct fold *fold, struct score_stream *out, struct error *err);
    int (*add)(struct ensembling *e, struct fold *fold, struct error *err);
    int (*finish)(struct ensembling *e, struct error *err);
    void (*close)(struct ensembling *e);
};
extern const struct ensemble *const ensembles[]; /* NULL-terminated */
extern const struct ensemble ensemble_none, ensemble_mean, ensemble_weight_average;

/* ensemble_settle: what the kind cannot go with: a split that trains one model, a calibration of each fold. */
void ensemble_settle(const struct spec *spec, const struct splitter *splitter, struct faults *faults);

/* ensembling_open: of the kind that the spec names; nothing to do for "none". ERROR_INVALID: the split leaves no unseen rows.
 * ensembling_close() it in any case. */
int ensembling_open(struct ensembling *e, struct job *job, struct error *err);
void ensembling_close(struct ensembling *e);

/* ensembling_add: the next fold, in order, with its trained model. */
int ensembling_add(struct ensembling *e, struct fold *fold, struct error *err);

/* ensembling_finish: the ensemble's part of evaluation.json: kind, members, and its own evaluation, or null with a reason. *out: new reference, NULL
 * for "none". */
int ensembling_finish(struct ensembling *e, json_t **out, struct error *err);

#endif

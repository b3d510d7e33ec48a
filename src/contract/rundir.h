/* The run directory: names and small moves in one place, for the run that writes it and the server that reads it.
 *
 *   spec.json  events.ndjson  run.log  lock  stop  final.safetensors + final.json
 *   checkpoints/<step>.safetensors + <step>.json, <step>.delta.safetensors + <step>.delta.json
 *   evaluation.json  scores.tsv  dataset.json  pid  folds/<f>/
 *
 * The run holds flock on `lock` while it lives: lock free and no final state event = worker_lost. `stop` (a file the server
 * writes: "checkpoint" or "now") asks it to end. */
#ifndef TRAINYARD_CONTRACT_RUNDIR_H
#define TRAINYARD_CONTRACT_RUNDIR_H

#include "base/world.h"

#define RUNDIR_SPEC "spec.json"
#define RUNDIR_EVENTS "events.ndjson"
#define RUNDIR_LOG "run.log"
#define RUNDIR_LOCK "lock"
#define RUNDIR_STOP "stop"
#define RUNDIR_CHECKPOINTS "checkpoints"
#define RUNDIR_FINAL "final.safetensors"
#define RUNDIR_EVALUATION "evaluation.json"
#define RUNDIR_SCORES "scores.tsv"
#define RUNDIR_FOLDS "folds"          /* of a K-fold job: folds/<f> has a fold's own checkpoints/, final.safetensors, evaluation.json, scores.tsv */
#define RUNDIR_UNSEEN "unseen.tsv"    /* of a fold, beside its scores.tsv: the rows that no fold has seen, for an ensemble */
#define RUNDIR_DATASET "dataset.json" /* {"entry": NAME}: the block cache entry of data that came by once, through standard input */

struct rundir {
    const struct world *world;
    char path[PATH_SIZE];
    struct file *lock; /* held by a run; NULL in a reader */
};

/* rundir_open: make the folder and its checkpoints/ when missing and take the lock; ERROR_CONFLICT: another run lives there. */
int rundir_open(struct rundir *dir, const struct world *w, const char *path, struct error *err);
void rundir_close(struct rundir *dir); /* lets the lock go */

/* rundir_alive: is a run holding the lock? 1, 0, or a negative code. A missing directory is 0. */
int rundir_alive(const struct world *w, const char *path, struct error *err);

/* rundir_stop_asked: 0 none, 1 checkpoint then stop, 2 stop now. rundir_ask_stop writes the wish durably; rundir_clear_stop removes it. */
int rundir_stop_asked(const struct world *w, const char *path);
int rundir_ask_stop(const struct world *w, const char *path, bool now, struct error *err);
int rundir_clear_stop(const struct world *w, const char *path, struct error *err);

/* rundir_fold_path: folds/<f> below the directory; itself like a run directory, but without lock, events and spec. */
int rundir_fold_path(const char *dir, unsigned fold, char out[PATH_SIZE], struct error *err);

/* A file of checkpoints/: a whole one (<step, 12 digits>.safetensors), or a delta on others (<step>.delta.safetensors; contract/chain.h). */
struct rundir_checkpoint {
    uint64_t step;
    bool delta;
};
/* rundir_checkpoint_parse: of a file's name; false: no checkpoint (a temporary, a stray file). rundir_checkpoint_order: > 0: a is the newer one: of a
 * later step, or of the same step and whole. */
bool rundir_checkpoint_parse(const char *name, struct rundir_checkpoint *out);
int rundir_checkpoint_order(struct rundir_checkpoint a, struct rundir_checkpoint b);

/* rundir_checkpoint_path: that file below the directory, with another extension ("json") if you like. */
int rundir_checkpoint_path(const char *dir, struct rundir_checkpoint c, const char *extension, char out[PATH_SIZE], struct error *err);

/* rundir_latest_checkpoint: the newest one that is older than `before` (NULL: of all); ERROR_NOTFOUND when there is none. */
int rundir_latest_checkpoint(const struct world *w, const char *dir, const struct rundir_checkpoint *before, struct rundir_checkpoint *out,
                             struct error *err);

#endif

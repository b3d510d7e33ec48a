/* A logical shard: its share of a step's rows to its gradient, and its message. All of its state, so that any worker can run it in a
 * workspace of its own.
 *
 *   rows -> batch -> distinct slots -> compact parameters -> logits -> delta -> gradient sums -> [+ residual -> encode -> decode -> residual] */
#ifndef TRAINYARD_ENGINE_TRAIN_SHARD_H
#define TRAINYARD_ENGINE_TRAIN_SHARD_H

#include "engine/compress/residual.h"
#include "engine/data/stream.h"
#include "engine/eval/eval.h"
#include "engine/model/scorer.h"

struct fold;

struct workspace { /* what a worker needs for a micro-batch: its own, so that it stays in that core's cache from shard to shard */
    struct batch_buffer batch;
    struct scorer scorer;
    struct floats delta, weights;
    struct floats composed[TENSORS_MAX]; /* gradient of rows that are composed of factors */
};
void workspace_close(struct workspace *w); /* safe on a zeroed struct, and twice */

struct tally { /* of the rows of one step or of more, all shards together */
    size_t rows;
    double weight, loss; /* sums, the loss before the update */
    uint64_t bytes_dense, bytes_sent;
};

static inline void tally_add(struct tally *sum, const struct tally *more)
{
    sum->rows += more->rows;
    sum->weight += more->weight;
    sum->loss += more->loss;
    sum->bytes_dense += more->bytes_dense;
    sum->bytes_sent += more->bytes_sent;
}

struct shard { /* what a shard keeps from its turn to the update, and from step to step */
    struct grad grad;
    struct residual residual[TENSORS_MAX];
    struct message message[TENSORS_MAX];
    struct grad_buffer decoded[TENSORS_MAX];
    struct grad_buffer peaks;                  /* peaks.h; without rows where no optimiser wants them */
    const struct grad_rows *sent[TENSORS_MAX]; /* what the exchange sees: the gradient itself, or what the message decodes to */
    /* of the present step */
    double loss;      /* weighted sum over its rows, before the update; the weights' sum is grad.examples */
    struct error bad; /* what of its loss or gradient is not finite, where the guard decides what becomes of that (guard.h) */
    uint64_t bytes_dense, bytes_sent;
    struct occurrences {
        uint32_t *list; /* (count) */
        size_t count, max;
    } waiting, wanting; /* slots of what was not let in, to be counted when the step ends; keys that have no row, to be given one before */
    /* of the present report window */
    struct auc_window window;
};

void shard_init(struct shard *s, const struct fold *fold); /* of a zeroed struct; allocates nothing */
void shard_close(struct shard *s);

/* score_rows: logits (count) of rows into w->scorer.logits, labels in w->batch. Pure in the parameters. */
int score_rows(struct workspace *w, const struct fold *fold, const struct row_ref *refs, size_t count, const struct scorer_mode *mode,
               struct error *err);

/* shard_meet: which features of the rows have no row in the vocabulary: s->wanting. Before the step that trains on them. */
int shard_meet(struct shard *s, struct workspace *w, const struct fold *fold, const struct row_ref *refs, size_t count, struct error *err);

/* shard_send: the second half of shard_step(), where that held back: once the guard has let the step pass. */
int shard_send(struct shard *s, unsigned index, const struct fold *fold, uint64_t step, struct error *err);

/* shard_step: gradient and message of `count` rows (0: an empty shard) for step `step` (from 1). ERROR_DIVERGED names step and tensor. Under a guard
 * (guard_holds()) it ends with the gradient, and s->bad says whether that is finite. */
int shard_step(struct shard *s, struct workspace *w, unsigned index, const struct fold *fold, const struct row_ref *refs, size_t count, uint64_t step,
               struct error *err);

#endif

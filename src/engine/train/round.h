/* A round: the next rows of the training stream, cut into S micro-batches that whoever is free computes. What every strategy begins with; what
 * becomes of the shards' gradients is its own affair.
 *
 *   round_open -> (round_seek -> (round_next -> round_shards [-> round_send])*)* -> round_close */
#ifndef TRAINYARD_ENGINE_TRAIN_ROUND_H
#define TRAINYARD_ENGINE_TRAIN_ROUND_H

#include <stdatomic.h>

#include "engine/train/fold.h"

struct round {
    size_t rows;                /* of this round */
    struct tally tally;         /* of them, once round_shards() is through; under a guard without bytes before round_send() */
    struct workspace *spaces;   /* (workers) */
    struct fold *fold;          /* private from here on */
    struct stream *stream;      /* with a prefetcher of its own */
    const struct row_ref *refs; /* (rows) */
    struct background prefetch;
    uint64_t step;
    _Atomic unsigned next_shard;
};

/* round_open: the stream stands at the fold's cursor. The struct must not move. round_close() it in any case: it gives rc back, or what befell the
 * prefetcher if rc is 0. */
int round_open(struct round *r, struct fold *fold, bool shuffle, struct error *err);
int round_close(struct round *r, int rc, struct error *err);

int round_seek(struct round *r, uint32_t epoch, uint64_t position, struct error *err);

/* round_next: at most `want` rows; r->rows 0: the epoch has no more. */
int round_next(struct round *r, size_t want, struct error *err);

/* round_meet: the features of the rows that have none in the vocabulary are given rows, in the order of the rows, so that which row is whose does not
 * depend on workers. Nothing to do where there is no vocabulary. */
int round_meet(struct round *r, struct error *err);

/* round_shards: each shard's gradient (and message, unless a guard holds it back) for step `step`, from 1. Shard s has rows s n/S .. (s+1) n/S - 1:
 * even to within one row, a function of n and S. round_send: the messages that were held back. */
int round_shards(struct round *r, uint64_t step, struct error *err);
int round_send(struct round *r, struct error *err);

#endif

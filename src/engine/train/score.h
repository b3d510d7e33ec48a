/* Scoring one side of a split with a fold's present parameters, by the whole team, in one pass over the block cache, or of the
 * rows that pass by (passing.h). What becomes of the scores is
 * the caller's: each stream may map the logits, hand them to evaluators, and write a file in row order. */
#ifndef TRAINYARD_ENGINE_TRAIN_SCORE_H
#define TRAINYARD_ENGINE_TRAIN_SCORE_H

#include "engine/eval/eval.h"
#include "engine/train/fold.h"

struct scored {     /* some rows of the side, in row order; borrowed for the call */
    unsigned lane;  /* of the caller: one caller a lane at a time */
    uint64_t first; /* rows of the side before these */
    size_t n;
    const uint64_t *rows;          /* (n): ordinals in the data set */
    const float *labels, *weights; /* (n); weights NULL: all 1 */
};

enum { SCORE_STREAMS_MAX = 3, SCORE_EVALUATORS = 2, SCORE_CHUNK_ROWS = 1024 }; /* rows that a worker scores at a time */
#ifdef TRAINYARD_HOSTILE
enum { SCORE_ROUND_BYTES = 2000 };
#else
enum { SCORE_ROUND_BYTES = 16 << 20 }; /* lines that wait to be written, where those of a block for each worker are no more */
#endif

struct score_stream {
    /* map: from the model's logits (n, outputs) to those that this stream is about, into out (n), which comes in as a copy. Pure in the rows; called
     * by several workers at once. What it adds to `text` goes to the file. NULL: the model's own. */
    int (*map)(void *context, const struct scored *rows, float *logits, struct bytes *text, struct error *err);
    void *context;
    struct evaluator *evaluators[SCORE_EVALUATORS]; /* NULL: none */
    const char *path;                               /* file that is there whole or not at all; NULL: none */
    bool lines;                                     /* of scores.tsv */
};

/* score_side: the model of `fold` over the rows that `sides` (mostly the fold's own) puts on `side`. ERROR_STOPPED when asked to stop now. */
int score_side(struct fold *fold, const struct sides *sides, enum split_side side, const struct score_stream *streams, size_t count,
               struct error *err);

/* map_calibrated: a stream's map whose context is a struct calibration. */
int map_calibrated(void *context, const struct scored *rows, float *logits, struct bytes *text, struct error *err);

#endif

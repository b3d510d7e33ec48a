/* The rows of a job whose strategy learns as the text passes by (strategy.h: `passes`): piece after piece, each row on its side of the split, in
 * order. Sides come in order, too: a job has rows to train on, then those of the test side. */
#ifndef TRAINYARD_ENGINE_TRAIN_PASSING_H
#define TRAINYARD_ENGINE_TRAIN_PASSING_H

#include "engine/data/pass.h"
#include "engine/data/split/sides.h"
#include "engine/train/job.h"

struct passing;

/* passing_threads: of the pool, that it takes beside a team of so many workers. */
unsigned passing_threads(unsigned workers);

/* passing_pieces: whose parsed rows are in memory at once, at most. */
unsigned passing_pieces(unsigned workers);

/* passing_open: of job->dataset, a dataset_open_text(). Parsers begin at once, and it returns as soon as there are rows: job->dataset knows its
 * fields. ERROR_DATA: there are none. NULL on failure. */
struct passing *passing_open(struct job *job, struct error *err);
void passing_close(struct passing *p); /* NULL is fine; before the team stops */

/* A stretch of rows of one piece on one side. */
struct passing_rows {
    const struct batch *batch; /* borrowed until the next call */
    size_t from, to;           /* of its rows, from < to */
};

/* passing_next: the next rows of that side: 1; 0: no more of it come. Rows of sides before it are passed over. */
int passing_next(struct passing *p, enum split_side side, struct passing_rows *out, struct error *err);

/* passing_skip: pass over so many rows of the training side. ERROR_INVALID: the last of them is not in a piece of that mark: the text is not what it
 * was. */
int passing_skip(struct passing *p, uint64_t rows, const struct text_mark *mark, struct error *err);

/* passing_mark: of the piece that the last rows were of. */
struct text_mark passing_mark(const struct passing *p);

/* passing_expected: how many rows the training side will have, as the rows and bytes so far say; 0: not known. */
uint64_t passing_expected(const struct passing *p);

/* passing_piece_bytes: what the first piece's rows take in memory, where arrays grow by halves. */
uint64_t passing_piece_bytes(const struct passing *p);

/* passing_sides: how many rows of each side have come so far, and what sides_count() would say of them, into the sides that a fold has. */
void passing_sides(const struct passing *p, struct sides *sides);

#endif

/* The order in which training sees rows: a seeded shuffle of a stream that is resumable at O(1) state (algorithms.md §6).
 *
 * Block ids are permuted by a keyed Feistel network with cycle walking, f(seed, epoch); a window of blocks (at least 2^17 rows) is read;
 * its rows of the wanted side are put in order by Fisher-Yates with counter RNG. The sequence of an epoch depends on (data, split, seed,
 * epoch) alone; a cursor is (epoch, position in that sequence). Without shuffle: file order.
 *
 * One consumer; stream_prefetch may run on one other thread, which then loads the next window while the consumer uses this one. */
#ifndef TRAINYARD_ENGINE_DATA_STREAM_H
#define TRAINYARD_ENGINE_DATA_STREAM_H

#include <stdbool.h>

#include "engine/core/batch.h"
#include "engine/data/dataset.h"
#include "engine/data/split/sides.h"

struct stream;

/* Which rows of the side an epoch visits: a pure function of (epoch, row), for sampling and for training sets that grow. */
struct row_filter {
    const void *context;
    /* keep: 0 into keep[i] for each row that this epoch leaves out; the rest stays as it is. NULL: no filter. */
    void (*keep)(const void *context, uint32_t epoch, const struct split_rows *rows, uint8_t *keep);
};

struct stream_config {
    struct dataset *dataset;   /* borrowed; not const: reading may rebuild a damaged entry */
    const struct sides *sides; /* borrowed: which side a row is on */
    enum split_side side;      /* the side to visit */
    struct row_filter filter;  /* zeroed: every row of the side */
    bool shuffle;
    uint64_t seed;
    size_t window_rows; /* rows of the side in a window; 0 = default (2^17 shuffled, 2^14 in file order) */
    size_t batch_rows;  /* the most that a call will want: no window is smaller, so such a call is full until the epoch ends. 0: no promise */
};

struct stream *stream_new(const struct stream_config *config, struct error *err);
void stream_free(struct stream *stream); /* NULL is fine; stop the prefetcher first */

/* stream_rows: the length of the epoch at which the stream stands: rows of the side that the filter keeps. */
uint64_t stream_rows(const struct stream *stream);

/* stream_seek: the next row is number `position` of epoch `epoch`. position may be the epoch's row count (its end). */
int stream_seek(struct stream *stream, uint32_t epoch, uint64_t position, struct error *err);

/* stream_next: up to `want` next rows of the epoch; *got = 0 at the epoch's end. refs stay valid until the next call. A call spans at most two
 * windows: with want <= batch_rows, *got < want at the end of the epoch alone; beyond that it can happen anywhere, as a function of (data,
 * split, seed, epoch, position). */
int stream_next(struct stream *stream, size_t want, const struct row_ref **refs, size_t *got, struct error *err);

/* stream_prefetch: loads windows ahead until stream_prefetch_stop(); run it on its own thread, or not at all (then stream_next loads). After
 * a stop, and once it has returned, stream_seek() makes it startable again. */
int stream_prefetch(struct stream *stream, struct error *err);
void stream_prefetch_stop(struct stream *stream);

/* batch_gather: copy `count` rows in order into out's buffers, which the caller owns and sized (see struct batch_buffer). */
struct batch_buffer {
    struct batch batch;
    uint32_t *offsets, *keys;
    float *values, *labels, *weights;
    uint16_t *fields;
    uint64_t *groups, *ordinals;
    size_t rows_max, features_max;
    bool want_groups, want_fields; /* the caller's: copy these parts, too, where they are known; times never travel */
};
int batch_gather(struct batch_buffer *out, const struct row_ref *refs, size_t count, struct error *err); /* grows out when needed */
void batch_buffer_close(struct batch_buffer *b);

#endif

/* The feed: the texts of all files of a list, one after another, read and unpacked ahead of whoever cuts them.
 *
 * With a helper thread (parallel->begin) a ring of buffers is filled while earlier ones are parsed, over the ends of files; so inflating, the
 * disk and the network cost no time that parsing does not. Without one the same calls read on the caller's thread. What comes out is the same. One
 * consumer. */
#ifndef TRAINYARD_ENGINE_DATA_FEED_H
#define TRAINYARD_ENGINE_DATA_FEED_H

#include "base/parallel.h"
#include "engine/data/source/source.h"

struct feed;

/* feed_new: helper: NULL, or the parallel whose aside thread may be used until feed_free(). Both borrowed. */
struct feed *feed_new(const struct source_list *files, const struct parallel *helper, struct error *err);
void feed_free(struct feed *feed); /* NULL is fine; waits for the helper, which stops soon */

/* feed_open: begin file `index`: 0, 1, 2, ... in that order, each read to its end. */
int feed_open(struct feed *feed, size_t index, struct error *err);
/* feed_read: the next bytes of the open file's text, as many as fit; fewer (or 0) when it ends. Failures come at their place in the text. */
int64_t feed_read(struct feed *feed, void *buf, size_t size, struct error *err);
uint64_t feed_packed_bytes(const struct feed *feed); /* of all files, for what was read so far */

#endif

/* Ingest: text in, rows out, in source order, parsed by several workers side by side.
 *
 * Each worker repeats: take the next piece from the cutter (one at a time), parse it (all at once), wait until all earlier pieces have been
 * handed over, hand over its rows. So the rows' order, the line numbers and the first error are those of one reader, whatever the number
 * of workers and the size of pieces. */
#ifndef TRAINYARD_ENGINE_DATA_INGEST_H
#define TRAINYARD_ENGINE_DATA_INGEST_H

#include "base/hash.h"
#include "base/parallel.h"
#include "engine/data/cut.h"
#include "engine/data/dataset.h"
#include "engine/data/format/format.h"
#include "engine/data/source/source.h"

enum { INGEST_LINE_BYTES = 1 << 20 }; /* what is usual */
#ifdef TRAINYARD_HOSTILE
enum { INGEST_CHUNK_BYTES = 97 };
#else
enum { INGEST_CHUNK_BYTES = 1 << 20 };
#endif

struct ingest_config {
    const struct source_list *files;
    const struct format *format;
    void *state; /* of format->prepare */
    const struct parallel *parallel;
    struct dataset_progress progress;
    size_t line_bytes_max, chunk_bytes; /* not 0 */
    int64_t max_bad_rows;
    const char *max_bad_rows_name; /* how the user calls it; NULL: dataset.max_bad_rows */
    uint64_t *file_first_row;      /* (files): filled in */
    /* parse: in place of the format's; what it leaves in `out` decides which rows there are. NULL: the format's. */
    int (*parse)(void *context, const struct chunk *chunk, struct parsed *out, struct error *err);
    /* Both with the index of the worker that parsed the rows, < parallel->workers, and nothing of that worker in between: work: at once on all
     * workers, in no order, for what can be done side by side; NULL: nothing. rows: in order, one call at a time; it may keep the rows, and leave
     * others in their place, whatever is in them. */
    int (*work)(void *context, unsigned worker, const struct chunk *chunk, const struct rows *rows, struct error *err);
    int (*rows)(void *context, unsigned worker, struct rows *rows, struct error *err);
    /* mark: before rows(), where the text stood behind their piece, and how much of the files had been read then. NULL: not wanted. */
    void (*mark)(void *context, const struct text_mark *mark, uint64_t packed_bytes);
    void *context;
};

struct first_bad {
    uint64_t file, line; /* index in the list; 1-based */
    char text[320];
};

struct ingest_result {
    struct hash128 digest;               /* of the text */
    uint64_t rows, bad_rows, text_bytes; /* text_bytes: that were read, also before a failure */
    struct first_bad first_bad;          /* while bad_rows > 0 */
};

int ingest_run(const struct ingest_config *config, struct ingest_result *result, struct error *err);

/* ingest_digest: only the text's digest, for a file that looks new but may be known. */
int ingest_digest(const struct source_list *files, const struct dataset_progress *progress, struct hash128 *digest, struct error *err);

/* first_bad_show: "FILE:LINE: what". Returns buf. */
const char *first_bad_show(char *buf, size_t size, const struct first_bad *bad, const struct source_list *files);

#endif

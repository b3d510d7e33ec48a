/* The cutter: all files of a dataset as one sequence of pieces, each of whole records of one file, about chunk_bytes long.
 *
 * One thread at a time. Where the cuts fall depends on chunk_bytes; what a record is does not. A line that is longer than the limit is
 * never held in memory: its start makes a piece of its own (overlong), the rest is read over. The text's hash is taken on the way. */
#ifndef TRAINYARD_ENGINE_DATA_CUT_H
#define TRAINYARD_ENGINE_DATA_CUT_H

#include "base/hash.h"
#include "engine/data/format/format.h"
#include "engine/data/source/feed.h"
#include "engine/data/source/source.h"

enum { OVERLONG_HEAD = 64 }; /* bytes of an overlong line that are kept, to show it */

/* text_check_ends: ERROR_DATA when the text (the start of a file; `whole`: all of it) has lines, and these end in CR alone. */
int text_check_ends(const char *path, const char *text, size_t size, bool whole, struct error *err);

struct piece {
    struct chunk chunk;    /* text points into buf */
    size_t file;           /* index in the list */
    bool first;            /* of its file */
    bool overlong;         /* one line beyond the limit: chunk holds its first bytes, and its newline was read over */
    uint64_t header_lines; /* lines of the header in front of the chunk */
    char *buf;             /* owned; reused */
    size_t buf_size;
};
void piece_close(struct piece *piece);

/* How far the text has been read, and the hash of all of it up to there. Pieces of the same chunk_bytes of the same text have the same marks. */
struct text_mark {
    uint64_t file, bytes; /* index in the list; of its text */
    struct hash128 digest;
};

struct cutter {
    const struct source_list *files;
    const struct format *format;
    void *state; /* the format's; header() may fill it */
    size_t line_bytes_max, chunk_bytes, room;
    size_t file; /* index of the open or next one */
    struct feed *feed;
    bool open;   /* file is, and not all of it was cut */
    bool ended;  /* the open file's text has been read */
    char *carry; /* the record that the last cut left unfinished */
    size_t carry_size;
    uint64_t file_bytes, text_bytes, packed_bytes; /* of text: this file, all files; of files */
    struct hash_stream *hash;
    struct hash_stream *hash_files; /* of (hash, length) of each file */
};

/* cutter_open: state NULL: no parsing is wanted, headers are text like any other. helper: see feed_new(). Borrows everything. */
int cutter_open(struct cutter *c, const struct source_list *files, const struct format *format, void *state, size_t line_bytes_max,
                size_t chunk_bytes, const struct parallel *helper, struct error *err);
void cutter_close(struct cutter *c); /* safe on a zeroed struct, and twice */

/* cutter_next: 1 and a piece, 0 at the end, or a failure that names the file. */
int cutter_next(struct cutter *c, struct piece *piece, struct error *err);

/* cutter_mark: where it stands after a piece. */
struct text_mark cutter_mark(const struct cutter *c);

/* cutter_digest: after the end: the identity of the text, whatever packed it. */
struct hash128 cutter_digest(struct cutter *c);

#endif

/* Unpackers: plain text, gzip (any number of members), zstd (any number of frames), each a row of unpackers[]. */
#ifndef TRAINYARD_ENGINE_DATA_UNPACK_H
#define TRAINYARD_ENGINE_DATA_UNPACK_H

#include "engine/data/source/source_kind.h"

struct packed { /* a file with a window of bytes that have been read and not yet used */
    const struct source_kind *kind;
    struct raw *raw;
    const char *path; /* borrowed */
    uint8_t *buf;
    size_t at, size; /* the window is buf[at .. size - 1] */
    uint64_t taken;  /* bytes read from the file */
    bool ended;
};

/* packed_peek: the window, filled when it is empty; *size 0 = the file's end. */
int packed_peek(struct packed *p, const uint8_t **bytes, size_t *size, struct error *err);

/* packed_head: the first bytes, at least `want` unless the file is shorter: a pipe may give them one by one. */
int packed_head(struct packed *p, size_t want, const uint8_t **bytes, size_t *size, struct error *err);

struct unpack; /* an unpacker's state */

struct unpacker {
    const char *name;
    bool (*matches)(const uint8_t *head, size_t size);                            /* NULL: takes everything (the last row) */
    struct unpack *(*open)(struct packed *packed, struct error *err);             /* borrows packed */
    int64_t (*read)(struct unpack *u, void *buf, size_t size, struct error *err); /* some of the next bytes; 0 = end */
    void (*close)(struct unpack *u);
};
extern const struct unpacker *const unpackers[]; /* the first row that matches reads the file; the last takes everything */

extern const struct unpacker unpacker_plain, unpacker_gzip, unpacker_zstd;

#endif

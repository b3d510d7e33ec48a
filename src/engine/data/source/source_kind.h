/* A kind of source: how it is named in a URI, which files that means, and how their packed bytes are read.
 *
 * kind.name is the scheme ("s3" of "s3://..."), or "-". The first row, "file", also takes what has no scheme. A new source is one file with a
 * row, its extern here and its word in sources[] (sources.c). */
#ifndef TRAINYARD_ENGINE_DATA_SOURCE_KIND_H
#define TRAINYARD_ENGINE_DATA_SOURCE_KIND_H

#include "engine/data/source/source.h"

#define SOURCE_FIELD "/dataset/uri"

struct raw; /* an open file's state, the kind's own */

struct source_kind {
    struct kind kind;
    bool once; /* its bytes come by once, and cannot be asked for again */
    bool far;  /* reading costs a transfer: too dear for a digest alone */
    /* list: add what uri names, sorted by bytes (source_list_add). */
    int (*list)(struct source_list *list, const char *uri, struct error *err);
    int (*check)(const struct source_list *list, const struct source_file *file, struct error *err); /* NULL: nothing to check between reads */
    struct raw *(*open)(const struct source_list *list, const struct source_file *file, struct error *err);
    int64_t (*read)(struct raw *raw, void *buf, size_t size, struct error *err); /* some of the next bytes; 0 = end */
    void (*close)(struct raw *raw);
};
extern const struct source_kind *const sources[]; /* NULL-terminated; can be read as kinds */

extern const struct source_kind source_local, source_input, source_http, source_https, source_s3;

/* source_list_add: append file; path and object become the list's, also after a failure. */
int source_list_add(struct source_list *list, const struct source_file *file, struct error *err);

/* source_stopped: does the list's owner want the work to end? */
bool source_stopped(const struct source_list *list);

#endif

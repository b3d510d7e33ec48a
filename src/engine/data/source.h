/* Sources: which files the user means, and their bytes, unpacked.
 *
 * A URI is a path or "file:" + path; *, ? and [...] match names (hidden files only when the pattern starts with a dot); several URIs keep
 * their order, the matches of one are sorted by bytes. What packs a file is seen from its first bytes, never from its name: a row of
 * unpackers[] (unpack.h). All failures are ERROR_DATA with field /dataset/uri and name the file and the way out; only memory and a
 * failing disk have codes of their own. */
#ifndef TRAINYARD_ENGINE_DATA_SOURCE_H
#define TRAINYARD_ENGINE_DATA_SOURCE_H

#include "base/world.h"

struct source_file {
    char *path;
    size_t uri;            /* index of the URI that named it */
    struct file_stat stat; /* as it was when the list was made */
};

struct source_list {
    const struct world *world;
    struct source_file *files;
    size_t count, max;
    uint64_t size_bytes; /* of all, packed */
};

/* source_list_open: every file exists, is regular or a pipe, and is named once. After a failure there is nothing to close. */
int source_list_open(struct source_list *list, const struct world *world, char *const *uris, size_t count, struct error *err);
void source_list_close(struct source_list *list);

/* source_list_check: have the files stayed as they were? ERROR_DATA names the one that has not. */
int source_list_check(const struct source_list *list, struct error *err);

struct source; /* one open file, read from its start to its end */
struct source *source_open(const struct source_list *list, size_t index, struct error *err);
void source_close(struct source *source);
/* source_read: the next bytes of the text, as many as fit unless the text ends; 0 = end. A packed file that ends early is an error. */
int64_t source_read(struct source *source, void *buf, size_t size, struct error *err);
uint64_t source_packed_bytes(const struct source *source); /* read from the file so far */

#endif

/* Sources: which files the user means, and their bytes, unpacked.
 *
 * A URI is a row's business (source_kind.h): a path, glob or folder; standard input; an address of the web; an object or a prefix of S3.
 * Several URIs keep their order, what one names is sorted by bytes. In a folder, and where a pattern matches, hidden names (path_hidden) are passed
 * over, and so are files of no bytes, as long as others are there. What packs a file is seen from its first bytes, never from its name:
 * a row of unpackers[] (unpack.h). All failures are ERROR_DATA with field /dataset/uri and name the file and the way out; only memory, a
 * failing disk, a failing network and a wish to stop have codes of their own. No message shows a user, a password or a query. */
#ifndef TRAINYARD_ENGINE_DATA_SOURCE_H
#define TRAINYARD_ENGINE_DATA_SOURCE_H

#include "base/hash.h"
#include "base/kind.h"
#include "base/world.h"

struct source_kind;

struct source_file {
    const struct source_kind *kind;
    char *path;            /* how messages call it; of a local file: its path */
    size_t uri;            /* index of the URI that named it */
    void *object;          /* the kind's own, mem_free() with the list; or NULL */
    struct file_stat stat; /* of a local file, as it was when the list was made */
    uint64_t size_bytes;   /* packed; 0: not known */
    struct hash128 place;  /* equal: the same file named twice */
    bool lasting;          /* id tells one content from another, so that a known one need not be read again */
    uint64_t id[5];
    int64_t changed_ms; /* latest change, as far as id relies on a clock */
};

struct source_patience {                         /* with a network; 0: the default */
    int64_t connect_timeout_ms, idle_timeout_ms; /* 10 s; 30 s without a byte */
    int64_t backoff_ms;                          /* 500: before the second try; doubles, up to a minute */
    unsigned tries;                              /* 6: in a row without progress */
};

struct source_options {
    const struct world *world;
    bool (*stop)(void *context); /* asked from any thread while something is waited for: true ends it with ERROR_STOPPED. NULL: never */
    void *context;
    struct source_patience patience;
};

struct source_list {
    const struct world *world;
    struct source_options options;
    struct source_file *files;
    size_t count, max;
    uint64_t size_bytes; /* of all whose size is known, packed */
    bool lasting;        /* every file is */
    size_t empty;        /* files of no bytes among others of a folder or a pattern, which are passed over */
};

/* source_list_open: every file exists, can be read and is named once. After a failure there is nothing to close. The second form takes
 * more than a world. */
int source_list_open(struct source_list *list, const struct world *world, char *const *uris, size_t count, struct error *err);
int source_list_open_with(struct source_list *list, const struct source_options *options, char *const *uris, size_t count, struct error *err);
void source_list_close(struct source_list *list);

/* source_list_check: have the files stayed as they were? ERROR_DATA names the one that has not. */
int source_list_check(const struct source_list *list, struct error *err);
/* source_list_again: the same, and can they be read once more? Not what came through standard input. */
int source_list_again(const struct source_list *list, struct error *err);

struct source; /* one open file, read from its start to its end */
struct source *source_open(const struct source_list *list, size_t index, struct error *err);
void source_close(struct source *source);
/* source_read: the next bytes of the text, as many as fit unless the text ends; 0 = end. A packed file that ends early is an error. */
int64_t source_read(struct source *source, void *buf, size_t size, struct error *err);
/* source_slurp: the whole text of one local file, unpacked, appended to out, whose ceiling bounds it. path is taken as it stands. ERROR_DATA: it is
 * no regular file (a pipe would be waited for), or is packed in no known way. */
int source_slurp(const struct world *world, const char *path, struct bytes *out, struct error *err);

uint64_t source_packed_bytes(const struct source *source); /* read from the file so far */

#endif

/* The world as a parameter: clocks, entropy and files. base/world_real.c is the only caller of clock_gettime, getrandom, open,
 * rename, ...; tests/lib/world_sim.c is the other world, where time is a variable, files live in memory, any call can be made to
 * fail and a crash forgets what was not synced. Training randomness is not here: see rng.h.
 *
 * Pointers to files are owned by the caller until file_close(), which reports deferred write errors: check it. A failed
 * file_sync() means that the file's content is lost; never retry it on the same file. */
#ifndef TRAINYARD_BASE_WORLD_H
#define TRAINYARD_BASE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum { PATH_SIZE = 4096 };

enum file_mode {
    FILE_READ,   /* must exist */
    FILE_NEW,    /* must not exist (O_EXCL) */
    FILE_APPEND, /* made when missing; writes go to the end */
    FILE_REPLACE /* made or emptied */
};

struct file_stat {
    uint64_t size_bytes;
    int64_t mtime_ns, ctime_ns;
    uint64_t inode, device;
    bool is_dir, is_regular;
};

struct file { /* first member of an implementation's own struct */
    const struct fs *fs;
};

/* All return 0 or a negative code unless said otherwise; every message names the path. */
struct fs {
    int (*open)(void *impl, const char *path, enum file_mode mode, struct file **out, struct error *err);
    int64_t (*read_at)(struct file *f, void *buf, size_t size, uint64_t offset, struct error *err); /* bytes read: short only at the end */
    int64_t (*read)(struct file *f, void *buf, size_t size, struct error *err);    /* the next bytes of a stream (pipes too); 0 = end */
    int (*write)(struct file *f, const void *buf, size_t size, struct error *err); /* all of it */
    int (*truncate)(struct file *f, uint64_t size, struct error *err);
    void (*flush)(struct file *f, uint64_t from, uint64_t size); /* NULL: nothing to do */
    int (*sync)(struct file *f, struct error *err);
    int (*stat)(struct file *f, struct file_stat *out, struct error *err);
    int (*lock)(struct file *f, bool wait, struct error *err); /* exclusive flock until close; ERROR_CONFLICT when held and !wait */
    int (*close)(struct file *f, struct error *err);           /* frees f in any case */
    int (*stat_path)(void *impl, const char *path, struct file_stat *out, struct error *err); /* follows symlinks */
    int (*rename)(void *impl, const char *from, const char *to, struct error *err);
    int (*link)(void *impl, const char *from, const char *to,
                struct error *err); /* hard link, or a synced copy where there can be none; replaces `to` atomically */
    int (*unlink)(void *impl, const char *path, struct error *err); /* a missing file is no error */
    int (*rmdir)(void *impl, const char *path, struct error *err);  /* a missing folder is no error */
    int (*mkdirs)(void *impl, const char *path, struct error *err); /* with parents, 0777 & ~umask; existing is fine */
    int (*sync_dir)(void *impl, const char *path, struct error *err);
    int (*list)(void *impl, const char *path, int (*each)(void *context, const char *name), void *context,
                struct error *err); /* no order; stops when each != 0 */
};

struct world {
    void *impl;
    int64_t (*mono_ms)(void *impl); /* durations */
    int64_t (*mono_ns)(void *impl);
    int64_t (*utc_ms)(void *impl);                       /* records */
    void (*entropy)(void *impl, void *buf, size_t size); /* ids, tokens, jitter */
    const struct fs *fs;
};

extern const struct world world_real;

static inline int64_t world_mono_ms(const struct world *w) { return w->mono_ms(w->impl); }
static inline int64_t world_mono_ns(const struct world *w) { return w->mono_ns(w->impl); }
static inline int64_t world_utc_ms(const struct world *w) { return w->utc_ms(w->impl); }

int file_open(const struct world *w, const char *path, enum file_mode mode, struct file **out, struct error *err);
int64_t file_read_at(struct file *f, void *buf, size_t size, uint64_t offset, struct error *err);
int64_t file_read(struct file *f, void *buf, size_t size, struct error *err);
int file_write(struct file *f, const void *buf, size_t size, struct error *err);
int file_truncate(struct file *f, uint64_t size, struct error *err);
/* file_flush: the disk may begin with that part of what was written, so that a file_sync() to come has less to wait for. A hint: promises nothing. */
void file_flush(struct file *f, uint64_t from, uint64_t size);
int file_sync(struct file *f, struct error *err);
int file_stat(struct file *f, struct file_stat *out, struct error *err);
int file_lock(struct file *f, bool wait, struct error *err);
int file_close(struct file *f, struct error *err); /* NULL is fine */
int path_stat(const struct world *w, const char *path, struct file_stat *out, struct error *err);
bool path_exists(const struct world *w, const char *path);
int path_rename(const struct world *w, const char *from, const char *to, struct error *err);
int path_link(const struct world *w, const char *from, const char *to, struct error *err);
int path_unlink(const struct world *w, const char *path, struct error *err);
int path_rmdir(const struct world *w, const char *path, struct error *err);
int path_mkdirs(const struct world *w, const char *path, struct error *err);
int path_sync_dir(const struct world *w, const char *path, struct error *err);
int path_list(const struct world *w, const char *path, int (*each)(void *context, const char *name), void *context, struct error *err);

/* path_hidden: does a part of path (between slashes) begin with . or _ where that part of the pattern does not? A log's writers call by such names
 * what is no data (.crc, _SUCCESS, _temporary/). Parts beyond the pattern's are as if it said *. */
bool path_hidden(const char *pattern, const char *path);

/* path_join: a/b into out; ERROR_TOOLARGE when it does not fit PATH_SIZE. */
int path_join(char out[PATH_SIZE], const char *a, const char *b, struct error *err);
void path_dir(const char *path, char out[PATH_SIZE]); /* "a/b" -> "a", "b" -> "." */

/* file_slurp: the whole file appended to out (its ceiling holds). file_publish: write to a temporary in the same folder, fsync,
 * rename over path, fsync the folder: whatever instant the power fails, the old or the new content is there. */
int file_slurp(const struct world *w, const char *path, struct bytes *out, struct error *err);
int file_publish(const struct world *w, const char *path, const void *data, size_t size, struct error *err);

/* path_remove_tree: delete a folder and all below it; a missing one is no error. Does not follow symlinks out. */
int path_remove_tree(const struct world *w, const char *path, struct error *err);

#endif

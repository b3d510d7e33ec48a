/* Conveniences over a world: thin forwards, and the few compound moves that everybody needs (slurp, publish). */
#include "base/world.h"

#include <stdio.h>
#include <string.h>

#include "base/draft.h"
#include "base/mem.h"

int file_open(const struct world *w, const char *path, enum file_mode mode, struct file **out, struct error *err)
{
    *out = NULL;
    return w->fs->open(w->impl, path, mode, out, err);
}
int64_t file_read_at(struct file *f, void *buf, size_t size, uint64_t offset, struct error *err) { return f->fs->read_at(f, buf, size, offset, err); }
int64_t file_read(struct file *f, void *buf, size_t size, struct error *err) { return f->fs->read(f, buf, size, err); }
int file_write(struct file *f, const void *buf, size_t size, struct error *err) { return f->fs->write(f, buf, size, err); }
int file_truncate(struct file *f, uint64_t size, struct error *err) { return f->fs->truncate(f, size, err); }
void file_flush(struct file *f, uint64_t from, uint64_t size)
{
    if (f->fs->flush) f->fs->flush(f, from, size);
}
int file_sync(struct file *f, struct error *err) { return f->fs->sync(f, err); }
int file_stat(struct file *f, struct file_stat *out, struct error *err) { return f->fs->stat(f, out, err); }
int file_lock(struct file *f, bool wait, struct error *err) { return f->fs->lock(f, wait, err); }
int file_close(struct file *f, struct error *err) { return f ? f->fs->close(f, err) : 0; }
int path_stat(const struct world *w, const char *path, struct file_stat *out, struct error *err) { return w->fs->stat_path(w->impl, path, out, err); }
int path_rename(const struct world *w, const char *from, const char *to, struct error *err) { return w->fs->rename(w->impl, from, to, err); }
int path_link(const struct world *w, const char *from, const char *to, struct error *err) { return w->fs->link(w->impl, from, to, err); }
int path_unlink(const struct world *w, const char *path, struct error *err) { return w->fs->unlink(w->impl, path, err); }
int path_rmdir(const struct world *w, const char *path, struct error *err) { return w->fs->rmdir(w->impl, path, err); }
int path_mkdirs(const struct world *w, const char *path, struct error *err) { return w->fs->mkdirs(w->impl, path, err); }
int path_sync_dir(const struct world *w, const char *path, struct error *err) { return w->fs->sync_dir(w->impl, path, err); }

int path_list(const struct world *w, const char *path, int (*each)(void *context, const char *name), void *context, struct error *err)
{
    return w->fs->list(w->impl, path, each, context, err);
}

bool path_exists(const struct world *w, const char *path)
{
    struct file_stat st;
    return path_stat(w, path, &st, NULL) == 0;
}

int path_join(char out[PATH_SIZE], const char *a, const char *b, struct error *err)
{
    size_t n = strlen(a);
    int wrote = snprintf(out, PATH_SIZE, "%s%s%s", a, n > 0 && a[n - 1] != '/' ? "/" : "", b);
    if (wrote < 0 || wrote >= PATH_SIZE) return error_set(err, ERROR_TOOLARGE, NULL, "path is longer than %d bytes: %.100s...", PATH_SIZE - 1, out);
    return 0;
}

/* The part behind this one; NULL: there is none. */
static const char *part_next(const char *path)
{
    path = strchr(path, '/');
    return path ? path + strspn(path, "/") : NULL;
}

bool path_hidden(const char *pattern, const char *path)
{
    for (; path; path = part_next(path), pattern = pattern ? part_next(pattern) : NULL)
        if ((*path == '.' || *path == '_') && (!pattern || *pattern != *path)) return true;
    return false;
}

void path_dir(const char *path, char out[PATH_SIZE])
{
    const char *slash = strrchr(path, '/');
    if (!slash) snprintf(out, PATH_SIZE, ".");
    else if (slash == path) snprintf(out, PATH_SIZE, "/");
    else snprintf(out, PATH_SIZE, "%.*s", (int)(slash - path), path);
}

int file_slurp(const struct world *w, const char *path, struct bytes *out, struct error *err)
{
    struct file *f;
    int rc = file_open(w, path, FILE_READ, &f, err);
    if (rc < 0) return rc;
    for (;;) {
        enum { PIECE = 64 << 10 };
        char beyond;
        size_t left = out->max - out->size, room = left < PIECE ? left : PIECE;
        if ((rc = bytes_reserve(out, room, err)) < 0) break;
        int64_t n = room > 0 ? file_read(f, out->data + out->size, room, err) : file_read(f, &beyond, 1, err);
        if (n < 0) rc = (int)n;
        else if (n > 0 && room == 0) rc = error_set(err, ERROR_TOOLARGE, NULL, "%s is larger than the limit of %zu bytes", path, out->max);
        if (n <= 0 || room == 0) break;
        out->size += (size_t)n;
    }
    file_close(f, NULL);
    return rc;
}

int file_publish(const struct world *w, const char *path, const void *data, size_t size, struct error *err)
{
    struct draft d;
    int rc = draft_open(&d, w, path, err);
    if (rc < 0) return rc;
    if ((rc = file_write(d.file, data, size, err)) == 0) return draft_publish(&d, err);
    draft_drop(&d);
    return rc;
}

struct tree_walk {
    const struct world *w;
    const char *path;
    unsigned depth;
    int rc;
    struct error *err;
};

static int tree_remove(const struct world *w, const char *path, unsigned depth, struct error *err);

static int tree_remove_each(void *context, const char *name)
{
    struct tree_walk *walk = context;
    char path[PATH_SIZE];
    walk->rc = path_join(path, walk->path, name, walk->err);
    if (walk->rc == 0) walk->rc = tree_remove(walk->w, path, walk->depth + 1, walk->err);
    return walk->rc;
}

static int tree_remove(const struct world *w, const char *path, unsigned depth, struct error *err)
{
    struct error ignored = {0};
    if (depth > 32) return error_set(err, ERROR_TOOLARGE, NULL, "%s: folders nested too deep to delete", path);
    if (path_unlink(w, path, &ignored) == 0) return 0; /* a file, a symlink, or nothing */
    struct tree_walk walk = {w, path, depth, 0, err};
    int rc = path_list(w, path, tree_remove_each, &walk, err);
    if (rc < 0 || walk.rc < 0) return rc < 0 ? rc : walk.rc;
    return path_rmdir(w, path, err);
}

int path_remove_tree(const struct world *w, const char *path, struct error *err) { return path_exists(w, path) ? tree_remove(w, path, 0, err) : 0; }

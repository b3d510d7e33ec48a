/* Local files: a path or "file:" + path. *, ? and [...] match names (those that begin with . or _ only when the pattern does); a folder means its
 * regular files without such names, sorted by bytes, not those of folders in it. */
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/source/source_kind.h"

enum { GLOB_DEPTH_MAX = 64 };
#define WANTS_ROW "; a data file needs at least one row"

static bool is_glob(const char *text) { return strpbrk(text, "*?[") != NULL; }

/* A failure to reach a file is a fault of the specification, whatever errno says; memory and the disk keep their codes. */
static int local_error(struct error *err, const struct error *cause)
{
    enum error_code code = cause->code == ERROR_NOMEM || cause->code == ERROR_IO ? cause->code : ERROR_DATA;
    const char *hint = cause->code == ERROR_NOTFOUND    ? "; check the path, relative ones start at the working directory"
                       : cause->code == ERROR_FORBIDDEN ? "; make it readable for the user that runs the job"
                                                        : "";
    return error_set(err, code, SOURCE_FIELD, "%s%s", cause->msg, hint);
}

static int list_file(struct source_list *list, const char *path, const struct file_stat *st, struct error *err)
{
    struct source_file file = {.kind = &source_local, .stat = *st, .size_bytes = st->size_bytes, .lasting = true};
    if (!st->is_regular) /* a pipe blocks for ever, and a file is read more than once: for its digest, then for its rows */
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s is a pipe, socket or device; write its data to a file, or pipe it into uri \"-\"", path);
    if (st->size_bytes == 0) return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s is empty (0 bytes)" WANTS_ROW, path);
    file.place = (struct hash128){st->device, st->inode};
    memcpy(file.id, (uint64_t[]){st->device, st->inode, st->size_bytes, (uint64_t)st->mtime_ns, (uint64_t)st->ctime_ns}, sizeof file.id);
    file.changed_ms = (st->mtime_ns > st->ctime_ns ? st->mtime_ns : st->ctime_ns) / 1000000;
    if (!(file.path = mem_text(path, err))) return -ERROR_NOMEM;
    return source_list_add(list, &file, err);
}

/* One of several: an empty one has no rows. */
static int list_shard(struct source_list *list, const char *path, const struct file_stat *st, struct error *err)
{
    if (!st->is_regular || st->size_bytes > 0) return list_file(list, path, st, err);
    list->empty++;
    return 0;
}

static int list_folder(struct source_list *list, const char *path, struct error *err);

static int list_path(struct source_list *list, const char *path, bool matched, struct error *err)
{
    struct error cause = {0};
    struct file_stat st;
    if (path_stat(list->world, path, &st, &cause) < 0) return local_error(err, &cause);
    return st.is_dir ? list_folder(list, path, err) : matched ? list_shard(list, path, &st, err) : list_file(list, path, &st, err);
}

struct names { /* of one folder that match a pattern */
    const char *pattern;
    char **names;
    size_t count, max;
    struct error *err;
    int rc;
};

static int names_each(void *context, const char *name)
{
    struct names *n = context;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || path_hidden(n->pattern, name) || fnmatch(n->pattern, name, 0) != 0) return 0;
    if (n->count == n->max) {
        size_t max = n->max * 2 + 16;
        if ((n->rc = mem_grow((void **)&n->names, max, sizeof *n->names, n->err)) < 0) return 1;
        n->max = max;
    }
    if (!(n->names[n->count] = mem_text(name, n->err))) return n->rc = -ERROR_NOMEM, 1;
    n->count++;
    return 0;
}

static void names_close(struct names *n)
{
    for (size_t i = 0; i < n->count; i++) mem_free(n->names[i]);
    mem_free(n->names);
}

static int text_compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Expand `rest` (components still to match) below `prefix`; depth bounds the recursion. */
static int glob_below(struct source_list *list, const char *prefix, const char *rest, unsigned depth, struct error *err)
{
    char part[PATH_SIZE], path[PATH_SIZE];
    struct error cause = {0};
    struct file_stat st;
    int rc = 0;
    while (*rest == '/') rest++;
    if (*rest == 0) return list_path(list, prefix, true, err);
    if (depth == GLOB_DEPTH_MAX) return error_set(err, ERROR_DATA, SOURCE_FIELD, "pattern has more than %d folders", GLOB_DEPTH_MAX);
    size_t n = strcspn(rest, "/");
    if (n >= sizeof part) return error_set(err, ERROR_DATA, SOURCE_FIELD, "pattern is longer than %d bytes", PATH_SIZE - 1);
    memcpy(part, rest, n);
    part[n] = 0;
    if (!is_glob(part)) {
        if ((rc = path_join(path, prefix, part, err)) < 0) return rc;
        if (path_stat(list->world, path, &st, NULL) < 0) return 0; /* a pattern in front of it: no match, not a fault */
        return glob_below(list, path, rest + n, depth + 1, err);
    }
    struct names names = {.pattern = part, .err = err};
    if (path_list(list->world, *prefix ? prefix : ".", names_each, &names, &cause) < 0) rc = local_error(err, &cause);
    if (rc == 0) rc = names.rc;
    if (rc == 0 && names.count > 0) qsort(names.names, names.count, sizeof *names.names, text_compare);
    for (size_t i = 0; i < names.count && rc == 0; i++) {
        if (*prefix) rc = path_join(path, prefix, names.names[i], err);
        else str_copy(path, sizeof path, names.names[i]);
        if (rc < 0) break;
        bool folder = path_stat(list->world, path, &st, NULL) == 0 && st.is_dir, wants_folder = rest[n] == '/';
        if (folder == wants_folder) rc = glob_below(list, path, rest + n, depth + 1, err); /* a folder beside the files is passed over */
    }
    names_close(&names);
    return rc;
}

/* The regular files of a folder. Others, and hidden ones, are passed over. */
static int list_folder(struct source_list *list, const char *path, struct error *err)
{
    struct names names = {.pattern = "*", .err = err};
    struct error cause = {0};
    int rc = path_list(list->world, path, names_each, &names, &cause) < 0 ? local_error(err, &cause) : names.rc;
    if (rc == 0 && names.count > 0) qsort(names.names, names.count, sizeof *names.names, text_compare);
    for (size_t i = 0; i < names.count && rc == 0; i++) {
        char inside[PATH_SIZE];
        struct file_stat st;
        if ((rc = path_join(inside, path, names.names[i], err)) < 0) break;
        if (path_stat(list->world, inside, &st, &cause) < 0) rc = local_error(err, &cause);
        else if (st.is_regular) rc = list_shard(list, inside, &st, err);
    }
    names_close(&names);
    return rc;
}

/* Nothing that holds a row is there. */
static int list_void(const char *path, bool pattern, size_t empty, struct error *err)
{
    const char *what = pattern ? "" : "folder ";
    if (empty == 1) return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s%s: the one file there is empty (0 bytes)" WANTS_ROW, what, path);
    if (empty > 1) return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s%s: all %zu files there are empty (0 bytes)" WANTS_ROW, what, path, empty);
    if (pattern) return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s matches no file (names that begin with . or _ do not count)", path);
    return error_set(err, ERROR_DATA, SOURCE_FIELD, "folder %s holds no file (names that begin with . or _, and folders in it, do not count)", path);
}

static int local_list(struct source_list *list, const char *uri, struct error *err)
{
    const char *path = uri;
    if (str_starts(uri, "file:")) {
        path = uri + 5;
        if (str_starts(path, "//localhost/")) path += 11;
        else if (str_starts(path, "///")) path += 2;
        else if (str_starts(path, "//"))
            return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s names another host; a file URI is file:PATH or file:///PATH", uri);
    }
    if (*path == 0) return error_set(err, ERROR_DATA, SOURCE_FIELD, "\"%s\" names no file", uri);
    if (strlen(path) >= PATH_SIZE) return error_set(err, ERROR_DATA, SOURCE_FIELD, "path is longer than %d bytes: %.100s...", PATH_SIZE - 1, path);
    bool pattern = is_glob(path) && !path_exists(list->world, path);
    size_t before = list->count, empty = list->empty;
    int rc = pattern ? glob_below(list, *path == '/' ? "/" : "", path, 0, err) : list_path(list, path, false, err);
    return rc < 0 || list->count > before ? rc : list_void(path, pattern, list->empty - empty, err);
}

static int local_check(const struct source_list *list, const struct source_file *f, struct error *err)
{
    struct error cause = {0};
    struct file_stat now;
    if (path_stat(list->world, f->path, &now, &cause) < 0) return local_error(err, &cause);
    if (now.size_bytes == f->stat.size_bytes && now.mtime_ns == f->stat.mtime_ns && now.inode == f->stat.inode) return 0;
    return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s changed while it was being read; start again when its writer has finished", f->path);
}

static struct raw *local_open(const struct source_list *list, const struct source_file *f, struct error *err)
{
    struct error cause = {0};
    struct file *file = NULL;
    if (file_open(list->world, f->path, FILE_READ, &file, &cause) < 0) local_error(err, &cause);
    return (struct raw *)file;
}

static int64_t local_read(struct raw *raw, void *buf, size_t size, struct error *err) { return file_read((struct file *)raw, buf, size, err); }

static void local_close(struct raw *raw) { file_close((struct file *)raw, NULL); /* it was only read */ }

const struct source_kind source_local = {.kind = {"file", "a path, glob or folder on this machine", "", 0, NULL},
                                         .list = local_list,
                                         .check = local_check,
                                         .open = local_open,
                                         .read = local_read,
                                         .close = local_close};

#include "engine/data/source.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/unpack.h"

#define FIELD "/dataset/uri"

enum { GLOB_DEPTH_MAX = 64, FILES_MAX = 1 << 20 };

static bool is_glob(const char *text) { return strpbrk(text, "*?[") != NULL; }

/* A failure to reach a file is a fault of the specification, whatever errno says; memory and the disk keep their codes. */
static int source_error(struct error *err, const struct error *cause)
{
    enum error_code code = cause->code == ERROR_NOMEM || cause->code == ERROR_IO ? cause->code : ERROR_DATA;
    const char *hint = cause->code == ERROR_NOTFOUND    ? "; check the path, relative ones start at the working directory"
                       : cause->code == ERROR_FORBIDDEN ? "; make it readable for the user that runs the job"
                                                        : "";
    return error_set(err, code, FIELD, "%s%s", cause->msg, hint);
}

static int list_add(struct source_list *list, const char *path, struct error *err)
{
    struct error cause = {0};
    struct file_stat st;
    int rc;
    if (path_stat(list->world, path, &st, &cause) < 0) return source_error(err, &cause);
    if (st.is_dir) return error_set(err, ERROR_DATA, FIELD, "%s is a folder; name files in it with a pattern, like %s/*", path, path);
    if (!st.is_regular) /* a pipe blocks for ever, and a source is read more than once: for its digest, then for its rows */
        return error_set(err, ERROR_DATA, FIELD, "%s is a pipe, socket or device; write its data to a file first", path);
    if (st.size_bytes == 0) return error_set(err, ERROR_DATA, FIELD, "%s is empty (0 bytes); a data file needs at least one row", path);
    if (list->count == FILES_MAX) return error_set(err, ERROR_DATA, FIELD, "more than %d files; use a narrower pattern", FILES_MAX);
    if (list->count == list->max) {
        size_t max = list->max * 2 + 8;
        if ((rc = mem_grow((void **)&list->files, max, sizeof *list->files, err)) < 0) return rc;
        list->max = max;
    }
    char *copy = mem_text(path, err);
    if (!copy) return -ERROR_NOMEM;
    list->files[list->count++] = (struct source_file){.path = copy, .stat = st};
    list->size_bytes += st.size_bytes;
    return 0;
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
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || fnmatch(n->pattern, name, FNM_PERIOD) != 0) return 0;
    if (n->count == n->max) {
        size_t max = n->max * 2 + 16;
        if ((n->rc = mem_grow((void **)&n->names, max, sizeof *n->names, n->err)) < 0) return 1;
        n->max = max;
    }
    if (!(n->names[n->count] = mem_text(name, n->err))) return n->rc = -ERROR_NOMEM, 1;
    n->count++;
    return 0;
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
    if (*rest == 0) return list_add(list, prefix, err);
    if (depth == GLOB_DEPTH_MAX) return error_set(err, ERROR_DATA, FIELD, "pattern has more than %d folders", GLOB_DEPTH_MAX);
    size_t n = strcspn(rest, "/");
    if (n >= sizeof part) return error_set(err, ERROR_DATA, FIELD, "pattern is longer than %d bytes", PATH_SIZE - 1);
    memcpy(part, rest, n);
    part[n] = 0;
    if (!is_glob(part)) {
        if ((rc = path_join(path, prefix, part, err)) < 0) return rc;
        if (path_stat(list->world, path, &st, NULL) < 0) return 0; /* a pattern in front of it: no match, not a fault */
        return glob_below(list, path, rest + n, depth + 1, err);
    }
    struct names names = {.pattern = part, .err = err};
    if (path_list(list->world, *prefix ? prefix : ".", names_each, &names, &cause) < 0) rc = source_error(err, &cause);
    if (rc == 0) rc = names.rc;
    if (rc == 0 && names.count > 0) qsort(names.names, names.count, sizeof *names.names, text_compare);
    for (size_t i = 0; i < names.count && rc == 0; i++) {
        if (*prefix) rc = path_join(path, prefix, names.names[i], err);
        else str_copy(path, sizeof path, names.names[i]);
        if (rc < 0) break;
        bool folder = path_stat(list->world, path, &st, NULL) == 0 && st.is_dir, wants_folder = rest[n] == '/';
        if (folder == wants_folder) rc = glob_below(list, path, rest + n, depth + 1, err); /* a folder beside the files is passed over */
    }
    for (size_t i = 0; i < names.count; i++) mem_free(names.names[i]);
    mem_free(names.names);
    return rc;
}

static int list_add_uri(struct source_list *list, const char *uri, struct error *err)
{
    const char *path = uri;
    if (str_starts(uri, "file:")) {
        path = uri + 5;
        if (str_starts(path, "//localhost/")) path += 11;
        else if (str_starts(path, "///")) path += 2;
        else if (str_starts(path, "//"))
            return error_set(err, ERROR_DATA, FIELD, "%s names another host; a file URI is file:PATH or file:///PATH", uri);
    } else if (strstr(uri, "://")) return error_set(err, ERROR_DATA, FIELD, "%s: only files can be read; use file:PATH or a plain path", uri);
    if (*path == 0) return error_set(err, ERROR_DATA, FIELD, "\"%s\" names no file", uri);
    if (strlen(path) >= PATH_SIZE) return error_set(err, ERROR_DATA, FIELD, "path is longer than %d bytes: %.100s...", PATH_SIZE - 1, path);
    if (!is_glob(path) || path_exists(list->world, path)) return list_add(list, path, err);

    size_t before = list->count;
    int rc = glob_below(list, *path == '/' ? "/" : "", path, 0, err);
    if (rc == 0 && list->count == before) rc = error_set(err, ERROR_DATA, FIELD, "%s matches no file", path);
    return rc;
}

static int file_compare(const void *a, const void *b)
{
    const struct file_stat *x = &((const struct source_file *)a)->stat, *y = &((const struct source_file *)b)->stat;
    if (x->device != y->device) return x->device < y->device ? -1 : 1;
    return (x->inode > y->inode) - (x->inode < y->inode);
}

/* A file that two patterns match would be trained on twice: say so. */
static int list_check_twice(const struct source_list *list, struct error *err)
{
    struct source_file *sorted = mem_array(list->count, 1, sizeof *sorted, err);
    int rc = sorted ? 0 : -ERROR_NOMEM;
    if (rc == 0) memcpy(sorted, list->files, list->count * sizeof *sorted); /* paths are borrowed */
    if (rc == 0) qsort(sorted, list->count, sizeof *sorted, file_compare);
    for (size_t i = 1; i < list->count && rc == 0; i++)
        if (file_compare(&sorted[i - 1], &sorted[i]) == 0)
            rc = error_set(err, ERROR_DATA, FIELD, "%s and %s are the same file; name it once", sorted[i - 1].path, sorted[i].path);
    mem_free(sorted);
    return rc;
}

int source_list_open(struct source_list *list, const struct world *world, char *const *uris, size_t count, struct error *err)
{
    int rc = 0;
    *list = (struct source_list){.world = world};
    if (count == 0) rc = error_set(err, ERROR_DATA, FIELD, "names no file");
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t before = list->count;
        rc = list_add_uri(list, uris[i], err);
        for (size_t f = before; f < list->count; f++) list->files[f].uri = i;
    }
    if (rc == 0) rc = list_check_twice(list, err);
    if (rc < 0) source_list_close(list);
    return rc;
}

void source_list_close(struct source_list *list)
{
    for (size_t i = 0; i < list->count; i++) mem_free(list->files[i].path);
    mem_free(list->files);
    *list = (struct source_list){.world = list->world};
}

int source_list_check(const struct source_list *list, struct error *err)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct source_file *f = &list->files[i];
        struct error cause = {0};
        struct file_stat now;
        if (path_stat(list->world, f->path, &now, &cause) < 0) return source_error(err, &cause);
        if (now.size_bytes != f->stat.size_bytes || now.mtime_ns != f->stat.mtime_ns || now.inode != f->stat.inode)
            return error_set(err, ERROR_DATA, FIELD, "%s changed while it was being read; start again when its writer has finished", f->path);
    }
    return 0;
}

struct source {
    struct packed packed;
    const struct unpacker *unpacker;
    struct unpack *unpack;
};

/* Files that look like something else than text: name it, rather than complain of a strange first row. */
static const struct {
    const char *magic, *name;
} foreigners[] = {
    {"\xFD"
     "7zXZ",
     "xz"},
    {"BZh", "bzip2"},
    {"PK\x03\x04", "a zip archive"},
    {"PAR1", "Parquet"},
    {"ORC", "ORC"},
    {"\x04\"M\x18", "lz4"},
    {"Obj\x01", "Avro"},
    {"\x7F"
     "ELF",
     "a program"},
    {"SQLite format 3", "a SQLite database"},
    {"7z\xBC\xAF", "a 7-Zip archive"},
};

static bool looks_like_text(const uint8_t *head, size_t size)
{
    for (size_t i = 0; i < size && i < 512; i++)
        if (head[i] < ' ' && head[i] != '\t' && head[i] != '\r' && head[i] != '\n') return false;
    return true;
}

static int source_sniff(struct source *s, struct error *err)
{
    const uint8_t *head;
    size_t size;
    int rc = packed_peek(&s->packed, &head, &size, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < sizeof foreigners / sizeof *foreigners; i++) {
        size_t n = strlen(foreigners[i].magic);
        if (size >= n && memcmp(head, foreigners[i].magic, n) == 0 && !looks_like_text(head, size))
            return error_set(err, ERROR_DATA, FIELD, "%s is %s, not text; give it as plain text, gzip or zstd", s->packed.path, foreigners[i].name);
    }
    const struct unpacker *const *row = unpackers;
    while ((*row)->matches && !(*row)->matches(head, size)) row++;
    s->unpacker = *row;
    return 0;
}

struct source *source_open(const struct source_list *list, size_t index, struct error *err)
{
    struct source *s = mem_zero(sizeof *s, err);
    struct error cause = {0};
    int rc = s ? 0 : -ERROR_NOMEM;
    if (!s) return NULL;
    s->packed.path = list->files[index].path;
    if (file_open(list->world, s->packed.path, FILE_READ, &s->packed.file, &cause) < 0) rc = source_error(err, &cause);
    if (rc == 0) rc = source_sniff(s, err);
    if (rc == 0 && !(s->unpack = s->unpacker->open(&s->packed, err))) rc = -1;
    if (rc == 0) return s;
    source_close(s);
    return NULL;
}

void source_close(struct source *s)
{
    if (!s) return;
    if (s->unpack) s->unpacker->close(s->unpack);
    file_close(s->packed.file, NULL); /* it was only read */
    mem_free(s->packed.buf);
    mem_free(s);
}

int64_t source_read(struct source *s, void *buf, size_t size, struct error *err)
{
    size_t done = 0;
    while (done < size) {
        int64_t n = s->unpacker->read(s->unpack, (char *)buf + done, size - done, err);
        if (n < 0) return n;
        if (n == 0) break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

uint64_t source_packed_bytes(const struct source *s) { return s->packed.taken; }

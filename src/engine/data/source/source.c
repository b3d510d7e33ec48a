#include "engine/data/source/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/source/source_kind.h"
#include "engine/data/source/unpack.h"

enum { FILES_MAX = 1 << 20, HEAD_BYTES = 16 };

int source_list_add(struct source_list *list, const struct source_file *file, struct error *err)
{
    int rc = 0;
    if (list->count == FILES_MAX) rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "more than %d files; use a narrower pattern", FILES_MAX);
    if (rc == 0 && list->count == list->max) {
        size_t max = list->max * 2 + 8;
        if ((rc = mem_grow((void **)&list->files, max, sizeof *list->files, err)) == 0) list->max = max;
    }
    if (rc < 0) {
        mem_free(file->path);
        mem_free(file->object);
        return rc;
    }
    list->files[list->count++] = *file;
    list->size_bytes += file->size_bytes;
    list->lasting &= file->lasting;
    return 0;
}

bool source_stopped(const struct source_list *list) { return list->options.stop && list->options.stop(list->options.context); }

/* The row that a URI belongs to, or NULL: it has a scheme that nobody knows. */
static const struct source_kind *kind_of(const char *uri)
{
    for (const struct source_kind *const *row = sources; *row; row++) {
        const char *name = (*row)->kind.name, *rest = uri + strlen(name);
        if (str_starts(uri, name) && (*rest == 0 ? *name == '-' : str_starts(rest, "://") || (*rest == ':' && row == sources))) return *row;
    }
    return strstr(uri, "://") ? NULL : sources[0];
}

static int list_add_uri(struct source_list *list, const char *uri, struct error *err)
{
    const struct source_kind *kind = kind_of(uri);
    char known[200] = "";
    size_t n = 0;
    if (kind) return kind->list(list, uri, err);
    for (const struct source_kind *const *row = sources; *row && n < sizeof known; row++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%s%s", n ? ", " : "", (*row)->kind.name, *(*row)->kind.name == '-' ? "" : ":");
    return error_set(err, ERROR_DATA, SOURCE_FIELD, "no source has the scheme \"%.*s\"; there are %s, and a plain path", (int)strcspn(uri, ":"), uri,
                     known);
}

static int place_compare(const void *a, const void *b)
{
    const struct hash128 *x = &((const struct source_file *)a)->place, *y = &((const struct source_file *)b)->place;
    if (x->low != y->low) return x->low < y->low ? -1 : 1;
    return (x->high > y->high) - (x->high < y->high);
}

/* A file that two patterns match would be trained on twice: say so. */
static int list_check_twice(const struct source_list *list, struct error *err)
{
    struct source_file *sorted = mem_array(list->count, 1, sizeof *sorted, err);
    int rc = sorted ? 0 : -ERROR_NOMEM;
    if (rc == 0) memcpy(sorted, list->files, list->count * sizeof *sorted); /* paths are borrowed */
    if (rc == 0) qsort(sorted, list->count, sizeof *sorted, place_compare);
    for (size_t i = 1; i < list->count && rc == 0; i++)
        if (place_compare(&sorted[i - 1], &sorted[i]) == 0)
            rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "%s and %s are the same file; name it once", sorted[i - 1].path, sorted[i].path);
    mem_free(sorted);
    return rc;
}

int source_list_open_with(struct source_list *list, const struct source_options *options, char *const *uris, size_t count, struct error *err)
{
    int rc = 0;
    *list = (struct source_list){.world = options->world, .options = *options, .lasting = true};
    if (count == 0) rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "names no file");
    for (size_t i = 0; i < count && rc == 0; i++) {
        size_t before = list->count;
        rc = list_add_uri(list, uris[i], err);
        for (size_t f = before; f < list->count; f++) list->files[f].uri = i;
    }
    if (rc == 0) rc = list_check_twice(list, err);
    if (rc < 0) source_list_close(list);
    return rc;
}

int source_list_open(struct source_list *list, const struct world *world, char *const *uris, size_t count, struct error *err)
{
    return source_list_open_with(list, &(struct source_options){.world = world}, uris, count, err);
}

void source_list_close(struct source_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        mem_free(list->files[i].path);
        mem_free(list->files[i].object);
    }
    mem_free(list->files);
    *list = (struct source_list){.world = list->world};
}

int source_list_check(const struct source_list *list, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < list->count && rc == 0; i++)
        if (list->files[i].kind->check) rc = list->files[i].kind->check(list, &list->files[i], err);
    return rc;
}

int source_list_again(const struct source_list *list, struct error *err)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->files[i].kind->once)
            return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s came by once and is gone; pipe the data in again", list->files[i].path);
    return source_list_check(list, err);
}

struct source {
    struct packed packed;
    const struct unpacker *unpacker;
    struct unpack *unpack;
    bool begun;
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

/* What else than text it is, or NULL. */
static const char *foreigner(const uint8_t *head, size_t size)
{
    for (size_t i = 0; i < sizeof foreigners / sizeof *foreigners; i++) {
        size_t n = strlen(foreigners[i].magic);
        if (size >= n && memcmp(head, foreigners[i].magic, n) == 0 && !looks_like_text(head, size)) return foreigners[i].name;
    }
    return NULL;
}

static const struct unpacker *unpacker_of(const uint8_t *head, size_t size)
{
    const struct unpacker *const *row = unpackers;
    while ((*row)->matches && !(*row)->matches(head, size)) row++;
    return *row;
}

static int source_sniff(struct source *s, struct error *err)
{
    const uint8_t *head;
    size_t size;
    int rc = packed_head(&s->packed, HEAD_BYTES, &head, &size, err);
    if (rc < 0) return rc;
    const char *is = foreigner(head, size);
    if (is) return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s is %s, not text; give it as plain text, gzip or zstd", s->packed.path, is);
    s->unpacker = unpacker_of(head, size);
    return 0;
}

/* The start of what was unpacked: is it text? */
static int source_check_inside(const struct source *s, const uint8_t *head, size_t size, struct error *err)
{
    if (size > HEAD_BYTES) size = HEAD_BYTES; /* so that it does not matter how much is read at once */
    const char *outer = s->unpacker->name, *is = foreigner(head, size);
    const struct unpacker *inner = unpacker_of(head, size);
    if (!s->unpacker->matches) return 0;
    if (inner->matches)
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s is compressed twice, %s inside %s; unpack it once and give what comes out",
                         s->packed.path, inner->name, outer);
    return is ? error_set(err, ERROR_DATA, SOURCE_FIELD, "%s holds %s inside %s, not text; give it as plain text, gzip or zstd", s->packed.path, is,
                          outer)
              : 0;
}

struct source *source_open(const struct source_list *list, size_t index, struct error *err)
{
    struct source *s = mem_zero(sizeof *s, err);
    const struct source_file *file = &list->files[index];
    int rc = 0;
    if (!s) return NULL;
    s->packed.path = file->path;
    s->packed.kind = file->kind;
    if (!(s->packed.raw = file->kind->open(list, file, err))) rc = -1;
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
    if (s->packed.raw) s->packed.kind->close(s->packed.raw);
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
    int rc = s->begun ? 0 : source_check_inside(s, buf, done, err);
    s->begun = true;
    return rc < 0 ? rc : (int64_t)done;
}

static int slurp_rest(struct source *s, struct bytes *out, struct error *err)
{
    enum { PIECE = 64 << 10 };
    for (;;) {
        char beyond;
        size_t left = out->max - out->size, room = left < PIECE ? left : PIECE;
        int rc = bytes_reserve(out, room, err);
        if (rc < 0) return rc;
        int64_t n = room > 0 ? source_read(s, out->data + out->size, room, err) : source_read(s, &beyond, 1, err);
        if (n < 0) return (int)n;
        if (n > 0 && room == 0)
            return error_set(err, ERROR_TOOLARGE, SOURCE_FIELD, "%s is larger than the limit of %zu bytes", s->packed.path, out->max);
        if (n == 0) return 0;
        out->size += (size_t)n;
    }
}

int source_slurp(const struct world *world, const char *path, struct bytes *out, struct error *err)
{
    struct source_file file = {.kind = &source_local};
    int rc = path_stat(world, path, &file.stat, err);
    if (rc == 0 && !file.stat.is_regular) rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "%s is no regular file", path);
    if (rc < 0) return rc;
    if (!(file.path = mem_text(path, err))) return -ERROR_NOMEM;
    const struct source_list list = {.world = world, .options.world = world, .files = &file, .count = 1};
    struct error why = {0};
    struct source *s = source_open(&list, 0, &why);
    rc = s ? slurp_rest(s, out, &why) : -(int)why.code;
    source_close(s);
    mem_free(file.path);
    return rc < 0 ? error_set(err, why.code, why.field, "%s", why.msg) : 0;
}

uint64_t source_packed_bytes(const struct source *s) { return s->packed.taken; }

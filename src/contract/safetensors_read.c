/* Reading a checkpoint that somebody else may have made: the header is believed only after every length, shape and offset has been
 * checked against the others and against the file, so that later reads need one comparison. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/safetensors.h"
#include "contract/safetensors_parts.h"

static int entry_count(const json_t *value, uint64_t *out)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0) return -1;
    *out = (uint64_t)json_integer_value(value);
    return 0;
}

static int entry_shape(struct tensor *t, const json_t *shape, struct error *err)
{
    t->dims = json_array_size(shape);
    if (!json_is_array(shape) || t->dims > TENSOR_DIMS_MAX)
        return error_set(err, ERROR_DATA, NULL, "\"shape\" must be an array of at most %d sizes", TENSOR_DIMS_MAX);
    for (size_t i = 0; i < t->dims; i++)
        if (entry_count(json_array_get(shape, i), &t->shape[i]) < 0) return error_set(err, ERROR_DATA, NULL, "\"shape\" must hold integers >= 0");
    return tensor_measure(t, err);
}

/* One entry of the header into *t; offsets are checked against the data area, not yet against the other tensors. */
static int entry_read(struct tensor *t, const char *name, const json_t *entry, uint64_t data_size, struct error *err)
{
    const json_t *dtype = json_object_get(entry, "dtype"), *offsets = json_object_get(entry, "data_offsets");
    char brief[80];
    uint64_t end;
    if (!*name || !str_copy(t->name, sizeof t->name, name))
        return error_set(err, ERROR_DATA, NULL, "the name must have 1 to %d bytes", TENSOR_NAME_SIZE - 1);
    if (!json_is_object(entry) || json_object_size(entry) != 3 || !dtype || !offsets || !json_object_get(entry, "shape"))
        return error_set(err, ERROR_DATA, NULL, "the entry must have exactly dtype, shape and data_offsets, got %s",
                         json_brief(brief, sizeof brief, entry));
    if (!json_is_string(dtype) || !tensor_dtype_parse(json_string_value(dtype), &t->dtype))
        return error_set(err, ERROR_DATA, NULL, "\"dtype\" must be one of U8, I32, U32, F32, I64, U64, F64, F16, BF16; got %s",
                         json_brief(brief, sizeof brief, dtype));
    int rc = entry_shape(t, json_object_get(entry, "shape"), err);
    if (rc < 0) return rc;
    if (json_array_size(offsets) != 2 || entry_count(json_array_get(offsets, 0), &t->offset) < 0 || entry_count(json_array_get(offsets, 1), &end) < 0)
        return error_set(err, ERROR_DATA, NULL, "\"data_offsets\" must be two integers >= 0, got %s", json_brief(brief, sizeof brief, offsets));
    if (end < t->offset || end - t->offset != t->size_bytes)
        return error_set(err, ERROR_DATA, NULL, "data_offsets %s do not fit the shape, which needs %" PRIu64 " bytes",
                         json_brief(brief, sizeof brief, offsets), t->size_bytes);
    if (end > data_size)
        return error_set(err, ERROR_DATA, NULL, "data ends at byte %" PRIu64 " of the data area, which has %" PRIu64 "; the file is cut short", end,
                         data_size);
    return 0;
}

static int offset_order(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    if (x->offset != y->offset) return x->offset < y->offset ? -1 : 1;
    if (x->size_bytes != y->size_bytes) return x->size_bytes < y->size_bytes ? -1 : 1; /* empty ones first */
    return strcmp(x->name, y->name);
}

/* Sorted by offset, the tensors must cover the data area: no hole where bytes could hide, no byte that two of them share. */
static int tensors_cover(const struct safetensors *st, uint64_t data_size, struct error *err)
{
    uint64_t at = 0;
    char shown[160];
    for (size_t i = 0; i < st->count; i++) {
        const struct tensor *t = &st->tensors[i];
        if (t->offset != at)
            return error_set(err, ERROR_DATA, NULL, "tensor \"%s\" starts at byte %" PRIu64 " of the data area, want %" PRIu64 ": %s",
                             str_shown(shown, sizeof shown, t->name, strlen(t->name), 100), t->offset, at,
                             t->offset < at ? "it overlaps another" : "there is a hole");
        at += t->size_bytes;
    }
    if (at != data_size)
        return error_set(err, ERROR_DATA, NULL, "the tensors end at byte %" PRIu64 " of the data area, which has %" PRIu64, at, data_size);
    return 0;
}

static int header_read(struct safetensors *st, const json_t *header, uint64_t data_size, struct error *err)
{
    const char *key;
    json_t *value, *metadata = json_object_get(header, SAFETENSORS_METADATA);
    char shown[160];
    if (!json_is_object(header)) return error_set(err, ERROR_DATA, NULL, "the header must be a JSON object");
    int rc = metadata_check(metadata, err);
    if (rc < 0) return rc;
    st->metadata = metadata ? json_incref(metadata) : json_object();
    st->tensors = mem_array(json_object_size(header) - (metadata != NULL), 1, sizeof *st->tensors, err);
    if (!st->metadata || !st->tensors) return error_set(err, ERROR_NOMEM, NULL, "cannot hold the header");
    json_object_foreach ((json_t *)header, key, value) {
        if (value == metadata) continue;
        struct error why = {0};
        if ((rc = entry_read(&st->tensors[st->count], key, value, data_size, &why)) < 0)
            return error_set(err, why.code, NULL, "tensor \"%s\": %s", str_shown(shown, sizeof shown, key, strlen(key), 100), why.msg);
        st->count++;
    }
    if (st->count > 0) qsort(st->tensors, st->count, sizeof *st->tensors, offset_order);
    return tensors_cover(st, data_size, err);
}

static int open_header(struct safetensors *st, struct error *err)
{
    struct file_stat stat;
    uint64_t length = 0;
    struct error why = {0};
    int rc = file_stat(st->file, &stat, err);
    if (rc < 0) return rc;
    int64_t got = file_read_at(st->file, &length, sizeof length, 0, err);
    if (got < 0) return (int)got;
    if (got < (int64_t)sizeof length) return error_set(err, ERROR_DATA, NULL, "the file has %" PRId64 " bytes, too few for a header", got);
    if (length > SAFETENSORS_HEADER_MAX || length > stat.size_bytes - sizeof length)
        return error_set(err, ERROR_DATA, NULL, "a header of %" PRIu64 " bytes does not fit: the file has %" PRIu64 ", the limit is %d", length,
                         stat.size_bytes, SAFETENSORS_HEADER_MAX);
    char *text = mem_zero((size_t)length, err);
    if (!text) return -ERROR_NOMEM;
    got = file_read_at(st->file, text, (size_t)length, sizeof length, err);
    json_t *header = NULL;
    if (got < 0) rc = (int)got;
    else if ((uint64_t)got < length) rc = error_set(err, ERROR_DATA, NULL, "the file was cut while it was read");
    else if (!(header = json_read(text, (size_t)length, "the header", &why)))
        rc = error_set(err, why.code == ERROR_NOMEM ? ERROR_NOMEM : ERROR_DATA, NULL, "%s", why.msg);
    st->data_start = sizeof length + length;
    if (rc == 0) rc = header_read(st, header, stat.size_bytes - st->data_start, err);
    json_decref(header);
    mem_free(text);
    return rc;
}

int safetensors_open(struct safetensors *st, const struct world *w, const char *path, struct error *err)
{
    struct error why = {0};
    size_t n = strlen(path);
    *st = (struct safetensors){0};
    str_copy(st->path, sizeof st->path, n < sizeof st->path ? path : path + n - sizeof st->path + 1);
    int rc = file_open(w, path, FILE_READ, &st->file, err);
    if (rc < 0) return rc;
    if ((rc = open_header(st, &why)) < 0) {
        error_set(err, why.code, NULL, "%s is no checkpoint that can be read: %s", st->path, why.msg);
        safetensors_close(st);
    }
    return rc;
}

void safetensors_close(struct safetensors *st)
{
    file_close(st->file, NULL);
    json_decref(st->metadata);
    mem_free(st->tensors);
    *st = (struct safetensors){0};
}

const struct tensor *safetensors_find(const struct safetensors *st, const char *name)
{
    for (size_t i = 0; i < st->count; i++)
        if (strcmp(st->tensors[i].name, name) == 0) return &st->tensors[i];
    return NULL;
}

int safetensors_read(const struct safetensors *st, const struct tensor *t, uint64_t at, void *buf, size_t size, struct error *err)
{
    if (at > t->size_bytes || size > t->size_bytes - at)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has %" PRIu64 " bytes; cannot read %zu at %" PRIu64, st->path, t->name,
                         t->size_bytes, size, at);
    int64_t got = file_read_at(st->file, buf, size, st->data_start + t->offset + at, err);
    if (got < 0) return (int)got;
    if ((size_t)got < size) return error_set(err, ERROR_DATA, NULL, "%s: the file was cut while it was read", st->path);
    return 0;
}

static const char *file_metadata(const void *impl, const char *key)
{
    return json_string_value(json_object_get(((const struct safetensors *)impl)->metadata, key));
}

static const struct tensor *file_find(const void *impl, const char *name) { return safetensors_find(impl, name); }

static int file_read_tensor(const void *impl, const struct tensor *t, uint64_t at, void *buf, size_t size, struct error *err)
{
    return safetensors_read(impl, t, at, buf, size, err);
}

struct tensor_file safetensors_file(const struct safetensors *st)
{
    return (struct tensor_file){.impl = st, .path = st->path, .metadata = file_metadata, .find = file_find, .read = file_read_tensor};
}

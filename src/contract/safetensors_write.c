/* Writing a checkpoint: everything that can be refused is checked first, then the bytes go out as one stream that is hashed on the
 * way, and the rename at the end makes it visible. Until then only "<path>.tmp" exists, which nobody takes for a checkpoint. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/safetensors.h"
#include "contract/safetensors_parts.h"

/* Widest elements first, so that every tensor is aligned to its element without padding; equal widths by name. */
static int tensor_order(const void *a, const void *b)
{
    const struct tensor *x = a, *y = b;
    size_t wide = tensor_dtype_size(x->dtype), other = tensor_dtype_size(y->dtype);
    return wide != other ? (wide < other ? 1 : -1) : strcmp(x->name, y->name);
}

static int name_order(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

static int names_check(const struct tensor *tensors, size_t count, struct error *err)
{
    int rc = 0;
    const char **names = mem_array(count, 1, sizeof *names, err);
    if (!names) return -ERROR_NOMEM;
    for (size_t i = 0; i < count && rc == 0; i++) {
        names[i] = tensors[i].name;
        if (!memchr(tensors[i].name, 0, TENSOR_NAME_SIZE) || !*tensors[i].name || strcmp(tensors[i].name, SAFETENSORS_METADATA) == 0)
            rc = error_set(err, ERROR_INTERNAL, NULL, "tensor %zu has no proper name: 1 to %d bytes, and not " SAFETENSORS_METADATA, i,
                           TENSOR_NAME_SIZE - 1);
        else if (!tensors[i].fill && !tensors[i].data && tensors[i].size_bytes > 0)
            rc = error_set(err, ERROR_INTERNAL, NULL, "tensor \"%s\" has no source of data", tensors[i].name);
    }
    if (rc == 0) qsort(names, count, sizeof *names, name_order);
    for (size_t i = 1; i < count && rc == 0; i++)
        if (strcmp(names[i - 1], names[i]) == 0) rc = error_set(err, ERROR_INTERNAL, NULL, "two tensors are called \"%s\"", names[i]);
    mem_free(names);
    return rc;
}

/* Sizes, order and offsets of all tensors; *total: bytes of the data area. */
static int tensors_lay_out(struct tensor *tensors, size_t count, uint64_t *total, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) rc = tensor_measure(&tensors[i], err);
    if (rc == 0) rc = names_check(tensors, count, err);
    if (rc < 0) return rc;
    if (count > 0) qsort(tensors, count, sizeof *tensors, tensor_order);
    *total = 0;
    for (size_t i = 0; i < count; i++) {
        tensors[i].offset = *total;
        if (__builtin_add_overflow(*total, tensors[i].size_bytes, total) || *total > INT64_MAX)
            return error_set(err, ERROR_TOOLARGE, NULL, "the tensors together are larger than any file");
    }
    return 0;
}

static json_t *tensor_entry(const struct tensor *t)
{
    json_t *shape = json_array();
    for (size_t i = 0; i < t->dims; i++)
        if (json_array_append_new(shape, json_integer((json_int_t)t->shape[i])) < 0) {
            json_decref(shape);
            return NULL;
        }
    return json_pack("{s:s, s:o, s:[I, I]}", "dtype", tensor_dtype_name(t->dtype), "shape", shape, "data_offsets", (json_int_t)t->offset,
                     (json_int_t)(t->offset + t->size_bytes));
}

/* The length, the JSON and the spaces that align what follows. */
static int header_build(const struct tensor *tensors, size_t count, const json_t *metadata, struct bytes *out, struct error *err)
{
    uint64_t length = 0;
    json_t *all = json_object();
    bool ok = all != NULL;
    if (json_object_size(metadata) > 0) ok = ok && json_object_set(all, SAFETENSORS_METADATA, (json_t *)metadata) == 0;
    for (size_t i = 0; i < count && ok; i++) ok = json_object_set_new(all, tensors[i].name, tensor_entry(&tensors[i])) == 0;
    int rc = ok ? bytes_add(out, &length, sizeof length, err) : error_set(err, ERROR_NOMEM, NULL, "cannot build the header of %zu tensors", count);
    if (rc == 0) rc = json_write(all, out, err);
    while (rc == 0 && out->size % SAFETENSORS_ALIGN != 0) rc = bytes_add_text(out, " ", err);
    json_decref(all);
    if (rc < 0) return rc;
    length = out->size - sizeof length;
    memcpy(out->data, &length, sizeof length);
    return 0;
}

struct stream { /* the file on its way out */
    struct file *file;
    struct sha256 hash;
    uint64_t size_bytes;
    char *piece; /* SAFETENSORS_PIECE bytes */
};

static int stream_add(struct stream *s, const void *data, size_t size, struct error *err)
{
    sha256_add(&s->hash, data, size);
    s->size_bytes += size;
    return file_write(s->file, data, size, err);
}

static int stream_tensor(struct stream *s, const struct tensor *t, struct error *err)
{
    int rc = 0;
    for (uint64_t at = 0; at < t->size_bytes && rc == 0; at += SAFETENSORS_PIECE) {
        size_t size = t->size_bytes - at < SAFETENSORS_PIECE ? (size_t)(t->size_bytes - at) : SAFETENSORS_PIECE;
        const void *data = s->piece;
        if (!t->fill) data = (const char *)t->data + at;
        else rc = t->fill(t->context, at, s->piece, size, err);
        if (rc == 0) rc = stream_add(s, data, size, err);
    }
    return rc;
}

static int stream_all(struct stream *s, const struct bytes *header, const struct tensor *tensors, size_t count, struct error *err)
{
    int rc = stream_add(s, header->data, header->size, err);
    for (size_t i = 0; i < count && rc == 0; i++) rc = stream_tensor(s, &tensors[i], err);
    return rc;
}

static int stream_draft(struct stream *s, const struct world *w, const char *path, const struct bytes *header, const struct tensor *tensors,
                        size_t count, struct draft *d, struct error *err)
{
    int rc = draft_open(d, w, path, err);
    if (rc < 0) return rc;
    s->file = d->file;
    if ((rc = stream_all(s, header, tensors, count, err)) == 0) return draft_settle(d, err);
    draft_drop(d);
    return rc;
}

int safetensors_draft(const struct world *w, const char *path, struct tensor *tensors, size_t count, const json_t *metadata, struct draft *draft,
                      char sha256[SHA256_HEX], uint64_t *size_bytes, struct error *err)
{
    struct stream s = {0};
    struct bytes header;
    uint8_t digest[SHA256_SIZE];
    uint64_t total;
    *draft = (struct draft){0};
    sha256_init(&s.hash);
    bytes_init(&header, SAFETENSORS_HEADER_MAX);
    int rc = metadata_check(metadata, err);
    if (rc == 0) rc = tensors_lay_out(tensors, count, &total, err);
    if (rc == 0) rc = header_build(tensors, count, metadata, &header, err);
    if (rc == 0 && !(s.piece = mem_zero(SAFETENSORS_PIECE, err))) rc = -ERROR_NOMEM;
    if (rc == 0) rc = stream_draft(&s, w, path, &header, tensors, count, draft, err);
    if (rc == 0) {
        sha256_end(&s.hash, digest);
        hex_encode(digest, sizeof digest, sha256);
        *size_bytes = s.size_bytes;
    }
    mem_free(s.piece);
    bytes_close(&header);
    return rc;
}

int safetensors_write(const struct world *w, const char *path, struct tensor *tensors, size_t count, const json_t *metadata, char sha256[SHA256_HEX],
                      uint64_t *size_bytes, struct error *err)
{
    struct draft d;
    int rc = safetensors_draft(w, path, tensors, count, metadata, &d, sha256, size_bytes, err);
    return rc < 0 ? rc : draft_publish(&d, err);
}

/* The nouns of the checkpoint file: element types and the arithmetic of shapes; and the digest of a whole file. */
#include "contract/safetensors.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/safetensors_parts.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the format is little-endian, and so is every machine that this code was written for");

int tensor_measure(struct tensor *t, struct error *err)
{
    char shown[160];
    uint64_t size = tensor_dtype_size(t->dtype);
    if (t->dims > TENSOR_DIMS_MAX || size == 0)
        return error_set(err, ERROR_DATA, NULL, "tensor \"%s\" has %zu dimensions or an unknown type; at most %d dimensions are supported",
                         str_shown(shown, sizeof shown, t->name, strlen(t->name), 100), t->dims, TENSOR_DIMS_MAX);
    bool empty = false;
    for (size_t i = 0; i < t->dims; i++) empty |= t->shape[i] == 0;
    for (size_t i = 0; i < t->dims && !empty; i++)
        if (__builtin_mul_overflow(size, t->shape[i], &size) || size > INT64_MAX)
            return error_set(err, ERROR_DATA, NULL, "tensor \"%s\" is larger than any file: its shape's product overflows",
                             str_shown(shown, sizeof shown, t->name, strlen(t->name), 100));
    t->size_bytes = empty ? 0 : size;
    return 0;
}

int metadata_check(const json_t *metadata, struct error *err)
{
    const char *key;
    json_t *value;
    char brief[80], shown[120];
    if (metadata && !json_is_object(metadata))
        return error_set(err, ERROR_DATA, NULL, "metadata must be an object of strings, got %s", json_brief(brief, sizeof brief, metadata));
    json_object_foreach ((json_t *)metadata, key, value) {
        if (!json_is_string(value))
            return error_set(err, ERROR_DATA, NULL, "metadata \"%s\" must be a string, got %s", str_shown(shown, sizeof shown, key, strlen(key), 60),
                             json_brief(brief, sizeof brief, value));
    }
    return 0;
}

int file_sha256(const struct world *w, const char *path, char out[SHA256_HEX], struct error *err)
{
    struct file *f = NULL;
    struct sha256 h;
    uint8_t digest[SHA256_SIZE];
    int64_t n = 0;
    char *piece = mem_zero(SAFETENSORS_PIECE, err);
    if (!piece) return -ERROR_NOMEM;
    sha256_init(&h);
    int rc = file_open(w, path, FILE_READ, &f, err);
    while (rc == 0 && (n = file_read(f, piece, SAFETENSORS_PIECE, err)) > 0) sha256_add(&h, piece, (size_t)n);
    if (n < 0) rc = (int)n;
    if (rc == 0) {
        sha256_end(&h, digest);
        hex_encode(digest, sizeof digest, out);
    }
    file_close(f, NULL);
    mem_free(piece);
    return rc;
}

/* The checkpoint file: safetensors (huggingface/safetensors, format description in its README): u64 LE header length, a JSON header
 * {"name": {"dtype", "shape", "data_offsets": [a, b]}, "__metadata__": {string: string}}, then the data, contiguous and little-endian.
 *
 * Ours: header padded with spaces so that data starts 64-byte aligned; tensors sorted by alignment (8, 4, 2, 1) then name; metadata
 * sorted; no clock, host, path or worker count inside, so the same model gives the same bytes. Written as a stream (never a whole
 * copy in memory), hashed on the way, published atomically: temporary, fsync, rename, fsync of the folder.
 * Reading treats the file as hostile: lengths, products, holes, overlaps, duplicates are all checked. */
#ifndef TRAINYARD_CONTRACT_SAFETENSORS_H
#define TRAINYARD_CONTRACT_SAFETENSORS_H

#include "base/hash.h"
#include "base/json.h"
#include "base/world.h"

enum tensor_dtype { TENSOR_U8, TENSOR_I32, TENSOR_U32, TENSOR_F32, TENSOR_I64, TENSOR_U64, TENSOR_F64, TENSOR_DTYPES };
enum { TENSOR_NAME_SIZE = 128, TENSOR_DIMS_MAX = 4 };
size_t tensor_dtype_size(enum tensor_dtype dtype);

struct tensor {
    char name[TENSOR_NAME_SIZE];
    enum tensor_dtype dtype;
    size_t dims;
    uint64_t shape[TENSOR_DIMS_MAX];
    uint64_t offset, size_bytes; /* in the data area; filled by the writer or reader */
    /* fill: where the writer gets the data: called with ascending `at` (bytes into the tensor) for up to `size` bytes. NULL: `data` is contiguous. */
    int (*fill)(void *context, uint64_t at, void *buf, size_t size, struct error *err);
    void *context;
    const void *data;
};

/* safetensors_write: publish path with these tensors (reordered in place). metadata: object of strings. sha256 (hex) and size out. */
int safetensors_write(const struct world *w, const char *path, struct tensor *tensors, size_t count, const json_t *metadata, char sha256[SHA256_HEX],
                      uint64_t *size_bytes, struct error *err);

struct safetensors { /* an open file */
    struct file *file;
    char path[256];
    json_t *metadata; /* object of strings */
    struct tensor *tensors;
    size_t count;
    uint64_t data_start;
};
int safetensors_open(struct safetensors *st, const struct world *w, const char *path, struct error *err);
void safetensors_close(struct safetensors *st);
const struct tensor *safetensors_find(const struct safetensors *st, const char *name); /* NULL: none */
/* safetensors_read: size bytes from `at` of the tensor. */
int safetensors_read(const struct safetensors *st, const struct tensor *t, uint64_t at, void *buf, size_t size, struct error *err);

/* file_sha256: hex digest of a whole file, streamed. */
int file_sha256(const struct world *w, const char *path, char out[SHA256_HEX], struct error *err);

#endif

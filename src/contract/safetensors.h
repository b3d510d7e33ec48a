/* The checkpoint file: safetensors (huggingface/safetensors, format description in its README): u64 LE header length, a JSON header
 * {"name": {"dtype", "shape", "data_offsets": [a, b]}, "__metadata__": {string: string}}, then the data, contiguous and little-endian.
 *
 * Ours: header padded with spaces so that data starts 64-byte aligned; tensors sorted by alignment (8, 4, 2, 1) then name; metadata
 * sorted; no clock, host, path or worker count inside, so the same model gives the same bytes. Written as a stream (never a whole
 * copy in memory), hashed on the way, published atomically: temporary, fsync, rename, fsync of the folder.
 * Reading treats the file as hostile: lengths, products, holes, overlaps, duplicates are all checked. */
#ifndef TRAINYARD_CONTRACT_SAFETENSORS_H
#define TRAINYARD_CONTRACT_SAFETENSORS_H

#include "base/draft.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/tensor.h"
#include "base/world.h"

/* safetensors_write: publish path with these tensors (reordered in place). metadata: object of strings. sha256 (hex) and size out. */
int safetensors_write(const struct world *w, const char *path, struct tensor *tensors, size_t count, const json_t *metadata, char sha256[SHA256_HEX],
                      uint64_t *size_bytes, struct error *err);
/* safetensors_draft: the same but for its name: on disk, durable, to be published (or dropped) by the caller once what speaks of it is, too. */
int safetensors_draft(const struct world *w, const char *path, struct tensor *tensors, size_t count, const json_t *metadata, struct draft *draft,
                      char sha256[SHA256_HEX], uint64_t *size_bytes, struct error *err);

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
/* safetensors_file: the open file as its loaders see it; borrows st. */
struct tensor_file safetensors_file(const struct safetensors *st);

/* file_sha256: hex digest of a whole file, streamed. */
int file_sha256(const struct world *w, const char *path, char out[SHA256_HEX], struct error *err);

#endif

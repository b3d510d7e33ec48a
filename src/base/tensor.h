/* Named tensors, and an open file of them as a parameter: rooms that may not know the checkpoint's format (contract/safetensors.h) load from this.
 * Whatever comes out of it is hostile until its reader has checked it; that reads stay inside a tensor and a file is the implementation's promise. */
#ifndef TRAINYARD_BASE_TENSOR_H
#define TRAINYARD_BASE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum tensor_dtype { TENSOR_U8, TENSOR_I32, TENSOR_U32, TENSOR_F32, TENSOR_I64, TENSOR_U64, TENSOR_F64, TENSOR_F16, TENSOR_BF16, TENSOR_DTYPES };
enum { TENSOR_NAME_SIZE = 128, TENSOR_DIMS_MAX = 4 };

size_t tensor_dtype_size(enum tensor_dtype dtype);      /* bytes; 0: not in the table */
const char *tensor_dtype_name(enum tensor_dtype dtype); /* "F32", and back: false for a name that is not in the table */
bool tensor_dtype_parse(const char *name, enum tensor_dtype *out);

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

struct tensor_file { /* all borrowed from whoever opened it */
    const void *impl;
    const char *path;                                                 /* for messages */
    const char *(*metadata)(const void *impl, const char *key);       /* NULL: none of that key */
    const struct tensor *(*find)(const void *impl, const char *name); /* NULL: none of that name */
    int (*read)(const void *impl, const struct tensor *t, uint64_t at, void *buf, size_t size, struct error *err);
};

#endif

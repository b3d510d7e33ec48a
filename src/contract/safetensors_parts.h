/* What the checkpoint file's writer and reader share; for safetensors*.c alone. */
#ifndef TRAINYARD_CONTRACT_SAFETENSORS_PARTS_H
#define TRAINYARD_CONTRACT_SAFETENSORS_PARTS_H

#include <stdbool.h>

#include "contract/safetensors.h"

#define SAFETENSORS_METADATA "__metadata__"

enum {
    SAFETENSORS_HEADER_MAX = 8 << 20, /* some 40,000 tensors; the format's own limit is 100 MB */
    SAFETENSORS_ALIGN = 64,           /* of the data area in the file: a cache line, so that a mapping needs no copy */
#ifdef TRAINYARD_HOSTILE
    SAFETENSORS_PIECE = 56, /* a multiple of every element's size, and of nothing else */
#else
    SAFETENSORS_PIECE = 256 << 10, /* hashed while it is still in the second-level cache */
#endif
};

/* tensor_measure: size_bytes from dtype and shape, every product checked. ERROR_DATA names the tensor. */
int tensor_measure(struct tensor *t, struct error *err);

/* metadata_check: an object of strings, or NULL. */
int metadata_check(const json_t *metadata, struct error *err);

#endif

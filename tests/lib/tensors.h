/* A tensor file in memory, to load from: what contract/safetensors.h would hand out, without a file. */
#ifndef TRAINYARD_TESTS_LIB_TENSORS_H
#define TRAINYARD_TESTS_LIB_TENSORS_H

#include "base/json.h"
#include "base/tensor.h"

enum { TENSORS_FAKE_MAX = 16 };

struct tensors_fake {
    struct tensor tensor[TENSORS_FAKE_MAX]; /* with data */
    size_t count;
    json_t *metadata; /* owned */
};

void tensors_fake_init(struct tensors_fake *fake);
void tensors_fake_close(struct tensors_fake *fake);
/* tensors_fake_add: rows values (width 0: one dimension); borrows data. */
void tensors_fake_add(struct tensors_fake *fake, const char *name, enum tensor_dtype dtype, uint64_t rows, uint64_t width, const void *data);
struct tensor *tensors_fake_find(struct tensors_fake *fake, const char *name); /* must be there */
struct tensor_file tensors_fake_file(const struct tensors_fake *fake);

#endif

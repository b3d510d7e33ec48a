#include "lib/tensors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void tensors_fake_init(struct tensors_fake *fake) { *fake = (struct tensors_fake){.metadata = json_object()}; }

void tensors_fake_close(struct tensors_fake *fake)
{
    json_decref(fake->metadata);
    *fake = (struct tensors_fake){0};
}

void tensors_fake_add(struct tensors_fake *fake, const char *name, enum tensor_dtype dtype, uint64_t rows, uint64_t width, const void *data)
{
    struct tensor *t = &fake->tensor[fake->count++];
    *t = (struct tensor){.dtype = dtype, .dims = width ? 2 : 1, .shape = {rows, width}, .data = data};
    t->size_bytes = rows * (width ? width : 1) * tensor_dtype_size(dtype);
    snprintf(t->name, sizeof t->name, "%s", name);
}

struct tensor *tensors_fake_find(struct tensors_fake *fake, const char *name)
{
    for (size_t i = 0; i < fake->count; i++)
        if (strcmp(fake->tensor[i].name, name) == 0) return &fake->tensor[i];
    abort();
}

static const char *metadata(const void *impl, const char *key)
{
    return json_string_value(json_object_get(((const struct tensors_fake *)impl)->metadata, key));
}

static const struct tensor *find(const void *impl, const char *name)
{
    const struct tensors_fake *fake = impl;
    for (size_t i = 0; i < fake->count; i++)
        if (strcmp(fake->tensor[i].name, name) == 0) return &fake->tensor[i];
    return NULL;
}

static int read_tensor(const void *impl, const struct tensor *t, uint64_t at, void *buf, size_t size, struct error *err)
{
    (void)impl;
    if (at > t->size_bytes || size > t->size_bytes - at) return error_set(err, ERROR_DATA, NULL, "fake: read beyond \"%s\"", t->name);
    if (size > 0) memcpy(buf, (const char *)t->data + at, size);
    return 0;
}

struct tensor_file tensors_fake_file(const struct tensors_fake *fake)
{
    return (struct tensor_file){.impl = fake, .path = "fake", .metadata = metadata, .find = find, .read = read_tensor};
}

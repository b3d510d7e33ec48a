#include "engine/core/params_load.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { CHUNK_ROWS = 1 << 14 };

struct live_slots {
    uint32_t *slots; /* (count), ascending */
    uint64_t count;
};

/* "12 x 8" */
static const char *shape_text(char *buf, size_t size, size_t dims, const uint64_t *shape)
{
    size_t used = 0;
    buf[0] = 0;
    for (size_t d = 0; d < dims && used < size; d++) used += (size_t)snprintf(buf + used, size - used, "%s%" PRIu64, d ? " x " : "", shape[d]);
    return buf;
}

int tensor_want(const struct tensor_file *file, const char *name, enum tensor_dtype dtype, uint64_t rows, uint64_t width, const struct tensor **out,
                struct error *err)
{
    const struct tensor *t = file->find(file->impl, name);
    const uint64_t shape[] = {rows, width};
    char got[120], want[120];
    if (t && t->dtype == dtype && t->dims == (width ? 2u : 1u) && t->shape[0] == rows && (width == 0 || t->shape[1] == width)) {
        *out = t;
        return 0;
    }
    if (t && t->dtype != dtype)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" is of type %s, not %s", file->path, name, tensor_dtype_name(t->dtype),
                         tensor_dtype_name(dtype));
    if (!t) return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" is missing", file->path, name);
    return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has another shape: %s, not %s", file->path, name,
                     shape_text(got, sizeof got, t->dims, t->shape), shape_text(want, sizeof want, width ? 2 : 1, shape));
}

static int load_slots(const struct params *p, const struct tensor_file *file, struct live_slots *live, struct error *err)
{
    const struct tensor *t = file->find(file->impl, "slots");
    if (!t || t->dtype != TENSOR_U32 || t->dims != 1 || t->shape[0] > p->slots)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"slots\" is missing or too large", file->path);
    live->count = t->shape[0];
    live->slots = mem_array((size_t)live->count, 1, sizeof *live->slots, err);
    if (!live->slots) return -ERROR_NOMEM;
    int rc = file->read(file->impl, t, 0, live->slots, (size_t)t->size_bytes, err);
    for (uint64_t i = 0; rc == 0 && i < live->count; i++)
        if (live->slots[i] >= p->slots || (i > 0 && live->slots[i] <= live->slots[i - 1]))
            rc = error_set(err, ERROR_DATA, NULL, "%s: slots do not ascend below the table's size", file->path);
    return rc;
}

/* Tensor t's weights (k = 0) or one of its states, through chunk (CHUNK_ROWS, widest). */
static int load_values(const struct params *p, size_t index, size_t k, const struct tensor_file *file, const struct live_slots *live, void *chunk,
                       struct error *err)
{
    const struct tensor *t = NULL;
    struct param_values into = params_values(p, index, k);
    uint64_t rows = into.by_slot ? live->count : into.rows;
    size_t width = into.width, bytes = into.row_bytes;
    bool flat = !into.by_slot && rows == 1; /* a vector has one dimension in the file */
    char name[TENSOR_NAME_SIZE];
    if (!into.data) return 0;
    snprintf(name, sizeof name, "%s%s%s", p->tensor[index].desc.name, k ? "." : "", into.state);
    int rc = tensor_want(file, name, into.dtype, flat ? width : rows, flat ? 0 : width, &t, err);
    for (uint64_t at = 0; rc == 0 && at < rows; at += CHUNK_ROWS) {
        size_t n = rows - at < CHUNK_ROWS ? (size_t)(rows - at) : CHUNK_ROWS;
        rc = file->read(file->impl, t, at * bytes, chunk, n * bytes, err);
        if (rc == 0 && !param_values_finite(&into, chunk, n))
            rc = error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has a value that is not finite", file->path, name);
        for (size_t i = 0; rc == 0 && i < n; i++)
            memcpy((char *)into.data + (into.by_slot ? live->slots[at + i] : at + i) * bytes, (char *)chunk + i * bytes, bytes);
    }
    return rc;
}

int params_load_some(struct params *p, const struct tensor_file *file, const struct params_wish *wish, struct error *err)
{
    struct live_slots live = {0};
    size_t widest = 1;
    for (size_t t = 0; t < p->count; t++)
        if (p->tensor[t].desc.width > widest) widest = p->tensor[t].desc.width;
    float *chunk = mem_array(CHUNK_ROWS, widest, sizeof *chunk, err);
    int rc = chunk ? load_slots(p, file, &live, err) : -ERROR_NOMEM;
    if (rc == 0) {
        params_sleep(p);
        params_wake(p, live.slots, (size_t)live.count);
    }
    for (size_t t = 0; rc == 0 && t < p->count; t++)
        for (size_t k = 0; rc == 0 && k <= p->tensor[t].states.count; k++)
            if (!wish || wish->take[t][k]) rc = load_values(p, t, k, file, &live, chunk, err);
    mem_free(chunk);
    mem_free(live.slots);
    return rc;
}

/* The first row that lives and is no feature's: the next new one would begin with what others have learnt. Row 0 may; 0: none. */
static uint64_t live_not_given(const struct params *p)
{
    uint64_t in_slice = (1ull << p->slice_bits) - 1;
    for (uint64_t row = 1; row < p->slots; row++) {
        if (p->live[row >> 6] == 0) row |= 63;
        else if (params_live(p, (uint32_t)row)) {
            uint32_t q = (uint32_t)(row >> p->slice_bits);
            if ((row & in_slice) >= key_rows_count(&p->key_rows, 1, q) + (q == 0)) return row;
        }
    }
    return 0;
}

int params_load_vocabulary(struct params *p, const struct tensor_file *file, struct error *err)
{
    int rc = key_rows_load(&p->key_rows, file, err);
    uint64_t row = rc == 0 && key_rows_on(&p->key_rows) ? live_not_given(p) : 0;
    if (row == 0) return rc;
    return error_set(err, ERROR_DATA, NULL, "%s: row %" PRIu64 " is in tensor \"slots\" and not in \"vocabulary.slots\": it is nobody's", file->path,
                     row);
}

int params_load(struct params *p, const struct tensor_file *file, struct error *err)
{
    int rc = params_load_some(p, file, NULL, err);
    if (rc == 0) rc = transforms_load(&p->transforms, file, err);
    if (rc == 0) rc = admission_load(&p->admission, file, err);
    return rc < 0 ? rc : params_load_vocabulary(p, file, err);
}

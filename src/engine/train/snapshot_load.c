/* Loading a checkpoint into a job. The file is hostile until it has been checked: shapes, order of slots, finite values; and it must be of this spec
 * and this data. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/safetensors.h"
#include "engine/core/float.h"
#include "engine/train/snapshot.h"

enum { CHUNK_ROWS = 1 << 14 };

static const char *metadata_get(const struct safetensors *st, const char *key)
{
    const char *text = json_string_value(json_object_get(st->metadata, key));
    return text ? text : "";
}

static int metadata_same(const struct safetensors *st, const char *key, const char *want, struct error *err)
{
    const char *got = metadata_get(st, key);
    if (strcmp(got, want) == 0) return 0;
    return error_set(err, ERROR_INVALID, NULL, "%s: it was trained with another %s (%.64s, this job has %.64s); use a new run directory", st->path,
                     key, got, want);
}

/* Not ERROR_DATA, upon which an older checkpoint would be tried: that one saw the old data as well. */
static int data_same(const struct safetensors *st, const char *want, struct error *err)
{
    if (strcmp(metadata_get(st, "data"), want) == 0) return 0;
    return error_set(
        err, ERROR_INVALID, "/dataset/uri",
        "the data is not what it was when training began (%s is of digest %.64s, the files now have %.64s); bring the files back as they "
        "were, or train anew: submit a new job, or use a new run directory",
        st->path, metadata_get(st, "data"), want);
}

static int metadata_number(const struct safetensors *st, const char *key, uint64_t *out, struct error *err)
{
    int64_t value;
    if (!str_to_int64(metadata_get(st, key), &value) || value < 0)
        return error_set(err, ERROR_DATA, NULL, "%s: metadata \"%s\" is no count", st->path, key);
    *out = (uint64_t)value;
    return 0;
}

static int load_cursor(struct job *job, const struct safetensors *st, struct error *err)
{
    uint64_t epoch = 0, ended = 0, since = 0;
    struct cursor c = {0};
    struct best b = {0};
    char *end;
    int rc = metadata_number(st, "step", &c.step, err);
    if (rc == 0) rc = metadata_number(st, "epoch", &epoch, err);
    if (rc == 0) rc = metadata_number(st, "position", &c.position, err);
    if (rc == 0) rc = metadata_number(st, "rows", &c.rows, err);
    if (rc == 0) rc = metadata_number(st, "validated", &c.validated, err);
    if (rc == 0) rc = metadata_number(st, "ended", &ended, err);
    if (rc == 0) rc = metadata_number(st, "best_step", &b.step, err);
    if (rc == 0) rc = metadata_number(st, "best_since", &since, err);
    if (rc < 0) return rc;
    if (epoch > UINT32_MAX || c.position > job->side_rows[SIDE_TRAIN])
        return error_set(err, ERROR_DATA, NULL, "%s: its cursor is outside the data", st->path);
    b.value = strtod(metadata_get(st, "best_value"), &end);
    c.epoch = (uint32_t)epoch;
    c.ended = ended;
    b.since = (int64_t)since;
    job->cursor = c;
    job->best = b;
    return 0;
}

/* A tensor that must be there with that type and shape (width 0: one dimension). */
static int load_find(const struct safetensors *st, const char *name, enum tensor_dtype dtype, uint64_t rows, uint64_t width,
                     const struct tensor **out, struct error *err)
{
    const struct tensor *t = safetensors_find(st, name);
    if (t && t->dtype == dtype && t->dims == (width ? 2u : 1u) && t->shape[0] == rows && (width == 0 || t->shape[1] == width)) {
        *out = t;
        return 0;
    }
    return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" %s", st->path, name, t ? "has another shape or type" : "is missing");
}

static int load_slots(struct job *job, const struct safetensors *st, uint32_t **slots, uint64_t *live, struct error *err)
{
    const struct tensor *t = safetensors_find(st, "slots");
    if (!t || t->dtype != TENSOR_U32 || t->dims != 1 || t->shape[0] > job->params.slots)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"slots\" is missing or too large", st->path);
    *live = t->shape[0];
    *slots = mem_array((size_t)*live, 1, sizeof **slots, err);
    if (!*slots) return -ERROR_NOMEM;
    int rc = safetensors_read(st, t, 0, *slots, (size_t)t->size_bytes, err);
    for (uint64_t i = 0; rc == 0 && i < *live; i++)
        if ((*slots)[i] >= job->params.slots || (i > 0 && (*slots)[i] <= (*slots)[i - 1]))
            rc = error_set(err, ERROR_DATA, NULL, "%s: slots do not ascend below the table's size", st->path);
    return rc;
}

static int load_tensor(struct job *job, const struct safetensors *st, size_t tensor, size_t k, const uint32_t *slots, uint64_t live, float *chunk,
                       struct error *err)
{
    const struct param *p = &job->params.tensor[tensor];
    const struct tensor *t = NULL;
    float *into = k == 0 ? p->w : p->state[k - 1];
    uint64_t rows = p->desc.table ? live : p->desc.width;
    size_t width = p->desc.table ? p->desc.width : 1;
    char name[TENSOR_NAME_SIZE];
    snprintf(name, sizeof name, "%s%s%s", p->desc.name, k ? "." : "", k ? job->optimizer->state_names[k - 1] : "");
    int rc = load_find(st, name, TENSOR_F32, rows, p->desc.table ? width : 0, &t, err);
    for (uint64_t at = 0; rc == 0 && at < rows; at += CHUNK_ROWS) {
        size_t n = rows - at < CHUNK_ROWS ? (size_t)(rows - at) : CHUNK_ROWS;
        rc = safetensors_read(st, t, at * width * sizeof(float), chunk, n * width * sizeof(float), err);
        if (rc == 0 && !float_all_finite(chunk, n * width))
            rc = error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has a value that is not finite", st->path, name);
        for (size_t i = 0; rc == 0 && i < n; i++)
            memcpy(into + (p->desc.table && slots ? slots[at + i] : at + i) * width, chunk + i * width, width * sizeof *into);
    }
    return rc;
}

static int load_residual(struct job *job, const struct safetensors *st, size_t tensor, size_t shard, struct error *err)
{
    struct residual *r = &job->shards[shard].residual[tensor];
    char ids_name[TENSOR_NAME_SIZE], name[TENSOR_NAME_SIZE];
    const struct tensor *ids, *eta = NULL, *rows = NULL;
    const struct param_desc *desc = &job->params.tensor[tensor].desc;
    uint64_t space = desc->table ? job->params.slots : desc->width;
    snprintf(ids_name, sizeof ids_name, "residual.%s.%zu.ids", desc->name, shard);
    ids = safetensors_find(st, ids_name);
    if (!ids) return 0;
    uint64_t count = ids->dims == 1 && ids->dtype == TENSOR_U32 ? ids->shape[0] : 0;
    if (count == 0 || count > space) return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has another shape or type", st->path, ids_name);
    snprintf(name, sizeof name, "residual.%s.%zu.eta", desc->name, shard);
    int rc = load_find(st, name, TENSOR_F32, count, 0, &eta, err);
    snprintf(name, sizeof name, "residual.%s.%zu.rows", desc->name, shard);
    if (rc == 0) rc = load_find(st, name, TENSOR_F32, count, r->width, &rows, err);
    if (rc < 0 || !eta || !rows) return rc;
    uint32_t *id = mem_array((size_t)count, 1, sizeof *id, err);
    float *rate = mem_array((size_t)count, 1, sizeof *rate, err), *values = mem_array((size_t)count, r->width, sizeof *values, err);
    rc = id && rate && values ? safetensors_read(st, ids, 0, id, (size_t)ids->size_bytes, err) : -ERROR_NOMEM;
    if (rc == 0) rc = safetensors_read(st, eta, 0, rate, (size_t)eta->size_bytes, err);
    if (rc == 0) rc = safetensors_read(st, rows, 0, values, (size_t)rows->size_bytes, err);
    if (rc == 0 && (!float_all_finite(values, (size_t)count * r->width) || !float_all_finite(rate, (size_t)count)))
        rc = error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has a value that is not finite", st->path, name);
    for (uint64_t i = 0; rc == 0 && i < count; i++)
        rc = id[i] < space ? residual_load(r, id[i], rate[i], values + i * r->width, err)
                           : error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has an id outside the table", st->path, ids_name);
    mem_free(id);
    mem_free(rate);
    mem_free(values);
    return rc;
}

/* Back to fresh parameters: a checkpoint before may have been loaded half-way. */
static void job_reset(struct job *job)
{
    struct params *p = &job->params;
    memset(p->live, 0, (p->slots < 64 ? 1 : p->slots >> 6) * sizeof *p->live);
    for (int64_t s = 0; s < job->spec.train.shards; s++)
        for (size_t t = 0; t < p->count; t++) residual_reset(&job->shards[s].residual[t]);
}

static int load_all(struct job *job, const struct safetensors *st, struct error *err)
{
    struct params *p = &job->params;
    uint32_t *slots = NULL;
    uint64_t live = 0;
    size_t widest = 1;
    char bits[24];
    snprintf(bits, sizeof bits, "%" PRId64, job->spec.model.hash_bits);
    int rc = metadata_same(st, "model", job->model->kind.name, err);
    if (rc == 0) rc = metadata_same(st, "hash_bits", bits, err);
    if (rc == 0) rc = metadata_same(st, "spec", job->digest, err);
    if (rc == 0) rc = data_same(st, dataset_info(job->dataset)->digest, err);
    if (rc == 0) rc = load_slots(job, st, &slots, &live, err);
    for (size_t t = 0; t < p->count; t++)
        if (p->tensor[t].desc.width > widest) widest = p->tensor[t].desc.width;
    float *chunk = mem_array(CHUNK_ROWS, widest, sizeof *chunk, err);
    if (rc == 0 && !chunk) rc = -ERROR_NOMEM;
    if (rc == 0) {
        job_reset(job);
        params_wake(p, slots, (size_t)live);
    }
    for (size_t t = 0; rc == 0 && t < p->count; t++) {
        for (size_t k = 0; rc == 0 && k <= p->states; k++) rc = load_tensor(job, st, t, k, slots, live, chunk, err);
        for (int64_t s = 0; rc == 0 && s < job->spec.train.shards; s++) rc = load_residual(job, st, t, (size_t)s, err);
    }
    if (rc == 0) rc = load_cursor(job, st, err);
    mem_free(chunk);
    mem_free(slots);
    return rc;
}

int snapshot_load(struct job *job, const char *path, struct error *err)
{
    struct safetensors st;
    int rc = safetensors_open(&st, job->world, path, err);
    if (rc < 0) return rc;
    rc = load_all(job, &st, err);
    safetensors_close(&st);
    return rc;
}

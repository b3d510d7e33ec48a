/* Loading a checkpoint into a job. The file is hostile until it has been checked: shapes, order of slots, finite values; and it must be of this spec
 * and this data. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/chain.h"
#include "engine/core/float.h"
#include "engine/core/params_load.h"
#include "engine/train/guard.h"
#include "engine/train/fit.h"
#include "engine/train/snapshot.h"
#include "engine/train/warm_start.h"

static const char *metadata_get(const struct tensor_file *file, const char *key)
{
    const char *text = file->metadata(file->impl, key);
    return text ? text : "";
}

static int metadata_same(const struct tensor_file *file, const char *key, const char *want, struct error *err)
{
    const char *got = metadata_get(file, key);
    if (strcmp(got, want) == 0) return 0;
    return error_set(err, ERROR_INVALID, NULL, "%s: it was trained with another %s (%.64s, this job has %.64s); use a new run directory", file->path,
                     key, got, want);
}

/* The spec's digest, and when it is another, what of the recipe differs. */
static int spec_same(const struct tensor_file *file, const struct job *job, struct error *err)
{
    struct bytes recipe;
    char difference[320] = "";
    if (strcmp(metadata_get(file, "spec"), job->digest) == 0) return 0;
    bytes_init(&recipe, SPEC_MAX_BYTES);
    int rc = spec_recipe_write(&job->spec, &recipe, err);
    size_t count = rc == 0 ? spec_recipe_difference(metadata_get(file, "recipe"), bytes_text(&recipe), difference, sizeof difference) : 0;
    bytes_close(&recipe);
    if (rc < 0 || count == 0) return rc < 0 ? rc : metadata_same(file, "spec", job->digest, err);
    return error_set(err, ERROR_INVALID, NULL, "%s: it was trained with another spec: %s; use a new run directory", file->path, difference);
}

/* Not ERROR_DATA, upon which an older checkpoint would be tried: that one saw the old data as well. */
static int data_same(const struct tensor_file *file, const char *want, struct error *err)
{
    if (strcmp(metadata_get(file, "data"), want) == 0) return 0;
    return error_set(
        err, ERROR_INVALID, "/dataset/uri",
        "the data is not what it was when training began (%s is of digest %.64s, the files now have %.64s); bring the files back as they "
        "were, or train anew: submit a new job, or use a new run directory",
        file->path, metadata_get(file, "data"), want);
}

static int metadata_number(const struct tensor_file *file, const char *key, uint64_t *out, struct error *err)
{
    int64_t value;
    if (!str_to_int64(metadata_get(file, key), &value) || value < 0)
        return error_set(err, ERROR_DATA, NULL, "%s: metadata \"%s\" is no count", file->path, key);
    *out = (uint64_t)value;
    return 0;
}

/* "FILE BYTES HASH": how far the text had been read, and the hash of all of it up to there. */
static int load_mark(const struct tensor_file *file, struct text_mark *out, struct error *err)
{
    const char *text = metadata_get(file, "text");
    int used = 0;
    if (sscanf(text, "%" SCNu64 " %" SCNu64 " %16" SCNx64 "%16" SCNx64 "%n", &out->file, &out->bytes, &out->digest.high, &out->digest.low, &used) ==
            4 &&
        text[used] == 0)
        return 0;
    return error_set(err, ERROR_DATA, NULL, "%s: metadata \"text\" is no place in a text", file->path);
}

static int load_cursor(struct fold *fold, const struct tensor_file *file, struct error *err)
{
    uint64_t epoch = 0, ended = 0, since = 0;
    struct cursor c = {0};
    struct best b = {0};
    char *end;
    int rc = metadata_number(file, "step", &c.step, err);
    if (rc == 0) rc = metadata_number(file, "epoch", &epoch, err);
    if (rc == 0) rc = metadata_number(file, "position", &c.position, err);
    if (rc == 0) rc = metadata_number(file, "rows", &c.rows, err);
    if (rc == 0) rc = metadata_number(file, "validated", &c.validated, err);
    if (rc == 0) rc = metadata_number(file, "ended", &ended, err);
    if (rc == 0) rc = metadata_number(file, "best_step", &b.step, err);
    if (rc == 0) rc = metadata_number(file, "best_since", &since, err);
    if (rc < 0) return rc;
    if (fold->job->passing && (rc = load_mark(file, &c.mark, err)) < 0) return rc;
    if (epoch > UINT32_MAX || (!fold->job->passing && c.position > fold->sides.totals[SIDE_TRAIN]))
        return error_set(err, ERROR_DATA, NULL, "%s: its cursor is outside the data", file->path);
    b.value = strtod(metadata_get(file, "best_value"), &end);
    c.epoch = (uint32_t)epoch;
    c.ended = ended;
    b.since = (int64_t)since;
    fold->cursor = c;
    fold->best = b;
    return 0;
}

static int load_guard(struct fold *fold, const struct tensor_file *file, struct error *err)
{
    struct guard g = {0};
    char *end;
    if (!guard_holds(fold)) return 0;
    int rc = metadata_number(file, "guard_steps", &g.steps, err);
    if (rc == 0) rc = metadata_number(file, "guard_skipped", &g.skipped, err);
    if (rc == 0) rc = metadata_number(file, "guard_in_a_row", &g.in_a_row, err);
    if (rc == 0) rc = metadata_number(file, "guard_rollbacks", &g.rollbacks, err);
    if (rc < 0) return rc;
    g.mean = strtod(metadata_get(file, "guard_mean"), &end);
    if (*end || !isfinite(g.mean) || g.rollbacks > GUARD_ROLLBACKS)
        return error_set(err, ERROR_DATA, NULL, "%s: metadata \"guard_mean\" or \"guard_rollbacks\" is out of range", file->path);
    fold->guard = g;
    return 0;
}

static int load_residual(struct fold *fold, const struct tensor_file *file, size_t tensor, size_t shard, struct error *err)
{
    struct residual *r = &fold->shards[shard].residual[tensor];
    char ids_name[TENSOR_NAME_SIZE], name[TENSOR_NAME_SIZE];
    const struct tensor *ids, *eta = NULL, *rows = NULL;
    const struct param_desc *desc = &fold->params.tensor[tensor].desc;
    uint64_t space = param_rows(&fold->params, &fold->params.tensor[tensor]);
    snprintf(ids_name, sizeof ids_name, "residual.%s.%zu.ids", desc->name, shard);
    ids = file->find(file->impl, ids_name);
    if (!ids) return 0;
    uint64_t count = ids->dims == 1 && ids->dtype == TENSOR_U32 ? ids->shape[0] : 0;
    if (count == 0 || count > space) return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has another shape or type", file->path, ids_name);
    snprintf(name, sizeof name, "residual.%s.%zu.eta", desc->name, shard);
    int rc = tensor_want(file, name, TENSOR_F32, count, 0, &eta, err);
    snprintf(name, sizeof name, "residual.%s.%zu.rows", desc->name, shard);
    if (rc == 0) rc = tensor_want(file, name, TENSOR_F32, count, r->width, &rows, err);
    if (rc < 0 || !eta || !rows) return rc;
    uint32_t *id = mem_array((size_t)count, 1, sizeof *id, err);
    float *rate = mem_array((size_t)count, 1, sizeof *rate, err), *values = mem_array((size_t)count, r->width, sizeof *values, err);
    rc = id && rate && values ? file->read(file->impl, ids, 0, id, (size_t)ids->size_bytes, err) : -ERROR_NOMEM;
    if (rc == 0) rc = file->read(file->impl, eta, 0, rate, (size_t)eta->size_bytes, err);
    if (rc == 0) rc = file->read(file->impl, rows, 0, values, (size_t)rows->size_bytes, err);
    if (rc == 0 && (!float_all_finite(values, (size_t)count * r->width) || !float_all_finite(rate, (size_t)count)))
        rc = error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has a value that is not finite", file->path, name);
    for (uint64_t i = 0; rc == 0 && i < count; i++)
        rc = id[i] < space ? residual_load(r, id[i], rate[i], values + i * r->width, err)
                           : error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has an id outside the table", file->path, ids_name);
    mem_free(id);
    mem_free(rate);
    mem_free(values);
    return rc;
}

/* Sums and counts of the progressive window. Absent: no epoch is under way. Only counts absent: labels are no bits. */
static int load_progressive(struct fold *fold, const struct tensor_file *file, struct error *err)
{
    struct progressive *p = &fold->progressive;
    const struct tensor *ids = file->find(file->impl, "progressive.bins"), *counts = NULL;
    uint32_t id[AUC_WINDOW_BINS];
    char *ends[2];
    int rc;
    *p = (struct progressive){0};
    if (!ids && !*metadata_get(file, "progressive_rows")) return 0;
    if ((rc = metadata_number(file, "progressive_rows", &p->rows, err)) < 0) return rc;
    p->weight = strtod(metadata_get(file, "progressive_weight"), &ends[0]);
    p->loss = strtod(metadata_get(file, "progressive_loss"), &ends[1]);
    if (**ends || *ends[1] || !isfinite(p->weight) || !isfinite(p->loss))
        return error_set(err, ERROR_DATA, NULL, "%s: metadata \"progressive_weight\" or \"progressive_loss\" is no number", file->path);
    if (!ids) return 0;
    uint64_t n = ids->dims == 1 && ids->dtype == TENSOR_U32 ? ids->shape[0] : 0;
    if (n == 0 || n > AUC_WINDOW_BINS) return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has another shape or type", file->path, ids->name);
    if ((rc = tensor_want(file, "progressive.counts", TENSOR_U64, n, 2, &counts, err)) < 0) return rc;
    if ((rc = file->read(file->impl, ids, 0, id, (size_t)ids->size_bytes, err)) < 0) return rc;
    for (uint64_t i = 0; rc == 0 && i < n; i++)
        rc = id[i] < AUC_WINDOW_BINS ? file->read(file->impl, counts, 2 * i * sizeof(uint64_t), p->window.counts[id[i]], 2 * sizeof(uint64_t), err)
                                     : error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has a bin outside the window", file->path, ids->name);
    return rc;
}

static int load_all(struct fold *fold, const struct tensor_file *file, struct error *err)
{
    char bits[24], seed[24], index[16] = "", held_out[HELD_OUT_SIZE];
    snprintf(bits, sizeof bits, "%" PRId64, fold->job->spec.model.hash_bits);
    snprintf(seed, sizeof seed, "%" PRId64, fold->job->spec.features.hash_seed);
    if (fold->job->folds > 1) snprintf(index, sizeof index, "%u", fold->index);
    int rc = metadata_same(file, "model", fold->job->model.model->kind.name, err);
    if (rc == 0) rc = metadata_same(file, "hash_bits", bits, err);
    if (rc == 0) rc = metadata_same(file, "hash_seed", seed, err);
    if (rc == 0) rc = warm_start_resume(fold, file, err);
    if (rc == 0) rc = spec_same(file, fold->job, err);
    if (rc == 0) rc = metadata_same(file, "fold", index, err);
    if (rc == 0) rc = data_same(file, dataset_info(fold->job->dataset)->digest, err);
    if (rc == 0) rc = metadata_same(file, "held_out", snapshot_held_out(fold, held_out), err);
    if (rc == 0) rc = params_load(&fold->params, file, err);
    if (rc == 0) rc = fit_map(fold, err);
    for (size_t s = 0; rc == 0 && s < (size_t)fold->job->spec.train.shards; s++)
        for (size_t t = 0; rc == 0 && t < fold->params.count; t++) {
            residual_reset(&fold->shards[s].residual[t]); /* a checkpoint before may have been loaded half-way */
            rc = load_residual(fold, file, t, s, err);
        }
    if (rc == 0) rc = load_progressive(fold, file, err);
    if (rc == 0) rc = load_guard(fold, file, err);
    return rc < 0 ? rc : load_cursor(fold, file, err);
}

int snapshot_load(struct fold *fold, const char *path, struct error *err)
{
    struct chain chain;
    int rc = chain_open(&chain, fold->job->world, path, err);
    if (rc < 0) return rc;
    const struct tensor_file file = chain_file(&chain);
    rc = load_all(fold, &file, err);
    chain_close(&chain);
    return rc;
}

/* Will the model fit? Said before it starts. */
#include "engine/train/admit.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "engine/train/memory_limit.h"
#include "engine/train/memory_need.h"
#include "engine/train/passing.h"
#include "engine/train/run.h"

enum { FIELDS_GUESSED = 40, HASH_BITS_LEAST = 10 }; /* before the data is open; afterwards model_admit() knows */

static struct memory_sizes sizes_of(const struct spec *spec, unsigned workers, uint32_t fields)
{
    return (struct memory_sizes){.hash_bits = (uint32_t)spec->model.hash_bits,
                                 .shards = (uint64_t)spec->train.shards,
                                 .batch = (uint64_t)spec->train.batch_size,
                                 .workers = workers,
                                 .shape = {.fields = fields},
                                 .rows = UINT64_MAX,
                                 .row_features = fields,
                                 .features_max = fields,
                                 .touched = touched_unknown};
}

static void sizes_of_data(struct memory_sizes *s, const struct dataset *d)
{
    const struct dataset_info *info = dataset_info(d);
    s->rows = info->rows;
    s->features_max = info->row_features_max;
    s->row_features = 0;
    for (uint64_t b = 0; b < info->blocks; b++) {
        double mean = (double)dataset_block_features(d, b) / (double)dataset_block_rows(d, b);
        if (mean > s->row_features) s->row_features = mean;
    }
}

uint64_t run_memory_bytes(const struct spec *spec)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t workers = spec->train.workers > 0 ? spec->train.workers : cores;
    const struct memory_sizes sizes = sizes_of(spec, workers > 0 ? (unsigned)workers : 1, FIELDS_GUESSED);
    const struct memory_need m = memory_need(spec, &sizes);
    return memory_need_sum(&m);
}

/* ", residuals 1.2 GiB", where they count. */
static void part_tell(char *out, size_t size, const char *name, uint64_t bytes)
{
    char text[32];
    if (bytes >> 20) snprintf(out, size, ", %s %s", name, str_bytes(text, sizeof text, bytes));
    else *out = 0;
}

static bool fits(const struct spec *spec, const struct memory_sizes *s, uint64_t limit, char need[32])
{
    const struct memory_need m = memory_need(spec, s);
    str_bytes(need, 32, memory_need_sum(&m));
    return memory_need_sum(&m) <= limit;
}

/* A smaller table, fewer shards or smaller batches: the largest that would fit, halved from where it is. */
enum remedy { REMEDY_TABLE, REMEDY_SHARDS, REMEDY_BATCH, REMEDIES };

static bool remedy_find(char *out, size_t size, enum remedy remedy, const struct spec *spec, struct memory_sizes s, uint64_t limit)
{
    static const char *const names[REMEDIES] = {"model.hash_bits", "train.shards", "train.batch_size"};
    char need[32];
    for (;;) {
        uint64_t value = 0;
        if (remedy == REMEDY_TABLE && s.hash_bits > HASH_BITS_LEAST) value = --s.hash_bits;
        if (remedy == REMEDY_SHARDS && s.shards > 1) value = s.shards /= 2;
        if (remedy == REMEDY_BATCH && s.batch > 1) value = s.batch /= 2;
        if (value == 0) return false;
        if (!fits(spec, &s, limit, need)) continue;
        snprintf(out, size, "lower %s: with %" PRIu64 " it would need %s", names[remedy], value, need);
        return true;
    }
}

/* The way out, by what takes most. *field: of the spec, that it names. */
static void remedy_tell(char *out, size_t size, const struct spec *spec, const struct memory_sizes *s, uint64_t limit, const char **field)
{
    static const enum remedy by_table[] = {REMEDY_TABLE, REMEDY_SHARDS, REMEDY_BATCH}, by_shards[] = {REMEDY_SHARDS, REMEDY_BATCH, REMEDY_TABLE};
    const struct memory_need m = memory_need(spec, s);
    bool shards = m.gradients + m.residuals + m.workspace > m.tables + m.dense;
    *field = shards ? "/train/shards" : "/model/hash_bits";
    for (size_t i = 0; i < REMEDIES; i++)
        if (remedy_find(out, size, (shards ? by_shards : by_table)[i], spec, *s, limit)) return;
    snprintf(out, size, "lower model.hash_bits and the model's width%s",
             m.gradients + m.residuals > limit / 4 ? ", train.shards and train.batch_size" : "");
}

static bool grows_with_fields(const struct spec *spec, const struct memory_sizes *s)
{
    struct memory_sizes wider = *s;
    wider.shape.fields++;
    const struct memory_need one = memory_need(spec, s), more = memory_need(spec, &wider);
    return one.slot != more.slot || one.dense != more.dense;
}

static int refuse(const struct spec *spec, const struct memory_sizes *s, bool known, const struct memory_limit *limit, struct error *err)
{
    const struct memory_need m = memory_need(spec, s);
    char need[32], have[32], tables[32], snapshot[32], buffers[32], dense[64], counts[64], residuals[64], gradients[64], workspace[64], work[64],
        member[64], fields[48] = "", remedy[128];
    const char *field;
    part_tell(dense, sizeof dense, "dense layers", m.dense);
    part_tell(counts, sizeof counts, "counts of features", m.counts);
    part_tell(residuals, sizeof residuals, "residuals of the shards", m.residuals);
    part_tell(gradients, sizeof gradients, "gradients of the shards", m.gradients);
    part_tell(workspace, sizeof workspace, "batches of the workers", m.workspace);
    part_tell(work, sizeof work, "the optimizer's vectors", m.work);
    part_tell(member, sizeof member, "the ensemble's model", m.member);
    if (known) snprintf(fields, sizeof fields, ", for the data's %" PRIu32 " fields", s->shape.fields);
    else if (grows_with_fields(spec, s)) snprintf(fields, sizeof fields, ", even for data of one field");
    remedy_tell(remedy, sizeof remedy, spec, s, limit->bytes, &field);
    return error_set(err, ERROR_NOMEM, field,
                     "the model needs up to %s, and %s %s: 2^%" PRIu32 " slots x %" PRIu64 " bytes (weights and optimiser state%s) = %s%s%s%s, "
                     "%s for a checkpoint's snapshot of these%s%s%s%s, %s of buffers; %s",
                     str_bytes(need, sizeof need, memory_need_sum(&m)), limit->who, str_bytes(have, sizeof have, limit->bytes), s->hash_bits, m.slot,
                     fields, str_bytes(tables, sizeof tables, m.tables), dense, counts, residuals, str_bytes(snapshot, sizeof snapshot, m.snapshot),
                     gradients, workspace, work, member, str_bytes(buffers, sizeof buffers, m.buffers), remedy);
}

int spec_admit(const struct job *job, struct error *err)
{
    const struct memory_limit limit = memory_limit_find(job->world, (uint64_t)job->spec.resources.max_memory_bytes);
    const struct memory_sizes sizes = sizes_of(&job->spec, job->team.workers, 1);
    char need[32];
    return fits(&job->spec, &sizes, limit.bytes, need) ? 0 : refuse(&job->spec, &sizes, false, &limit, err);
}

int model_admit(const struct job *job, struct error *err)
{
    const struct memory_limit limit = memory_limit_find(job->world, (uint64_t)job->spec.resources.max_memory_bytes);
    struct memory_sizes sizes = sizes_of(&job->spec, job->team.workers, job->model.shape.fields);
    char need[32];
    if (job->passing) sizes.piece_bytes = passing_piece_bytes(job->passing);
    else sizes_of_data(&sizes, job->dataset);
    if (fits(&job->spec, &sizes, limit.bytes, need)) return 0;
    if (job->passing) return refuse(&job->spec, &sizes, true, &limit, err);
    int rc = touched_count(&job->spec, job->dataset, memory_shard_rows(&sizes), &sizes.touched, err);
    if (rc < 0 || fits(&job->spec, &sizes, limit.bytes, need)) return rc;
    return refuse(&job->spec, &sizes, true, &limit, err);
}

/* Taking and writing a snapshot; loading one is snapshot_load.c. */
#include "engine/train/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contract/chain.h"
#include "engine/data/format/format.h"
#include "engine/train/ensemble.h"
#include "engine/train/guard.h"
#include "engine/train/learner.h"
#include "engine/train/warm_start.h"

void snapshot_close(struct snapshot *s)
{
    mem_free(s->slots);
    mem_free(s->rest_slots);
    mem_free(s->seen_slots);
    transform_tensors_close(&s->transforms);
    mem_free(s->seen_counts);
    mem_free(s->given_slots);
    mem_free(s->given_keys);
    for (size_t t = 0; t < TENSORS_MAX; t++)
        for (size_t k = 0; k < 1 + STATES_MAX; k++) mem_free(s->copy[t][k]);
    for (size_t i = 0; i < s->residuals; i++) {
        mem_free(s->residual[i].ids);
        mem_free(s->residual[i].eta);
        mem_free(s->residual[i].values);
    }
    mem_free(s->residual);
    *s = (struct snapshot){0};
}

struct range {
    uint64_t from, to;
};

static struct range slice_words(const struct params *p, uint32_t q)
{
    uint64_t words = p->slots < 64 ? 1 : p->slots >> 6, each = words / p->slices;
    return (struct range){q * each, (q + 1) * each};
}

/* Slots of word w whose rows are copied; and those that are gone. */
static uint64_t taken_bits(const struct snapshot *s, const struct params *p, uint64_t w)
{
    return s->delta ? p->live[w] & p->touched[w] : p->live[w];
}
static uint64_t rest_bits(const struct snapshot *s, const struct params *p, uint64_t w) { return s->delta ? p->touched[w] & ~p->live[w] : 0; }

/* Counters of admission, cut into as many parts. */
static struct range slice_counters(const struct params *p, uint32_t q)
{
    uint64_t each = (1ull << p->admission.hash_bits) / p->slices;
    return (struct range){q * each, (q + 1) * each};
}

static uint64_t seen_count(const struct snapshot *s, const struct params *p, uint32_t q)
{
    struct range r = slice_counters(p, q);
    if (s->delta) return admission_count_changed(&p->admission, r.from, r.to);
    struct admission_counts seen = admission_count(&p->admission, r.from, r.to);
    return seen.admitted + seen.waiting;
}

static uint64_t given_from(const struct snapshot *s, const struct params *p) { return s->delta ? p->key_rows.settled : 1; }

static int count_slice(void *context, unsigned q, struct error *err)
{
    struct snapshot *s = context;
    const struct params *p = &s->fold->params;
    struct range range = slice_words(p, q);
    uint64_t live = 0, rests = 0;
    (void)err;
    for (uint64_t w = range.from; w < range.to; w++) {
        live += (uint64_t)__builtin_popcountll(taken_bits(s, p, w));
        rests += (uint64_t)__builtin_popcountll(rest_bits(s, p, w));
    }
    s->slice_first[q + 1] = live;
    s->rests_first[q + 1] = rests;
    s->seen_first[q + 1] = seen_count(s, p, q);
    s->given_first[q + 1] = key_rows_count(&p->key_rows, given_from(s, p), q);
    return 0;
}

static uint32_t *bits_list(uint32_t *out, uint64_t w, uint64_t bits)
{
    for (; bits; bits &= bits - 1) *out++ = (uint32_t)(w << 6 | (uint64_t)__builtin_ctzll(bits));
    return out;
}

static int copy_slice(void *context, unsigned q, struct error *err)
{
    struct snapshot *s = context;
    const struct params *p = &s->fold->params;
    struct range range = slice_words(p, q), counters = slice_counters(p, q);
    uint64_t at = s->slice_first[q + 1], seen = s->seen_first[q];
    uint32_t *slots = s->slots + s->slice_first[q], *rests = s->rest_slots + s->rests_first[q];
    (s->delta ? admission_copy_changed : admission_copy)(&p->admission, counters.from, counters.to, s->seen_slots + seen, s->seen_counts + seen);
    key_rows_copy(&p->key_rows, given_from(s, p), q, s->given_slots + s->given_first[q], s->given_keys + s->given_first[q]);
    for (uint64_t w = range.from; w < range.to; w++) {
        slots = bits_list(slots, w, taken_bits(s, p, w));
        rests = bits_list(rests, w, rest_bits(s, p, w));
    }
    for (size_t t = 0; t < p->count; t++) {
        for (size_t k = 0; k <= p->tensor[t].states.count; k++) {
            struct param_values from = params_values(p, t, k);
            size_t bytes = from.row_bytes;
            char *to = s->copy[t][k];
            if (!from.by_slot) continue;
            for (uint64_t i = s->slice_first[q]; i < at; i++) memcpy(to + i * bytes, (char *)from.data + s->slots[i] * bytes, bytes);
            if (!param_values_finite(&from, to + s->slice_first[q] * bytes, (size_t)(at - s->slice_first[q])))
                return error_set(err, ERROR_DIVERGED, NULL, "step %" PRIu64 ": a value of %s is not finite; lower optimizer.lr", s->cursor.step,
                                 p->tensor[t].desc.name);
        }
    }
    return 0;
}

static int copy_residual(void *context, unsigned shard, struct error *err)
{
    struct snapshot *s = context;
    const struct fold *fold = s->fold;
    for (size_t t = 0; t < fold->params.count; t++) {
        const struct residual *from = &fold->shards[shard].residual[t];
        struct snapshot_residual *to = &s->residual[t * (size_t)fold->job->spec.train.shards + shard];
        size_t rows = residual_rows(from);
        if (rows == 0) continue;
        to->ids = mem_array(rows, 1, sizeof *to->ids, err);
        to->eta = mem_array(rows, 1, sizeof *to->eta, err);
        to->values = mem_array(rows, from->width, sizeof *to->values, err);
        if (!to->ids || !to->eta || !to->values) return -ERROR_NOMEM;
        to->rows = residual_save(from, rows, to->ids, to->eta, to->values);
    }
    return 0;
}

static int snapshot_reserve(struct snapshot *s, struct fold *fold, struct error *err)
{
    const struct params *p = &fold->params;
    s->residuals = fold->shards ? p->count * (size_t)fold->job->spec.train.shards : 0;
    s->residual = mem_array(s->residuals, 1, sizeof *s->residual, err);
    s->slots = mem_array((size_t)s->live, 1, sizeof *s->slots, err);
    s->seen_slots = mem_array((size_t)s->seen, 1, sizeof *s->seen_slots, err);
    s->seen_counts = mem_array((size_t)s->seen, 1, sizeof *s->seen_counts, err);
    s->given_slots = mem_array((size_t)s->given, 1, sizeof *s->given_slots, err);
    s->given_keys = mem_array((size_t)s->given, 1, sizeof *s->given_keys, err);
    s->rest_slots = mem_array((size_t)s->rests, 1, sizeof *s->rest_slots, err);
    if (!s->residual || !s->slots || !s->rest_slots || !s->seen_slots || !s->seen_counts || !s->given_slots || !s->given_keys) return -ERROR_NOMEM;
    for (size_t t = 0; t < p->count; t++) {
        for (size_t k = 0; k <= p->tensor[t].states.count; k++) {
            struct param_values v = params_values(p, t, k);
            size_t rows = v.by_slot ? (size_t)s->live : (size_t)v.rows;
            if (!(s->copy[t][k] = mem_array(rows, v.row_bytes, 1, err))) return -ERROR_NOMEM;
        }
    }
    return 0;
}

uint64_t snapshot_rows_bytes(const struct params *p, uint64_t slots, uint64_t seen, uint64_t given)
{
    uint64_t bytes = sizeof(uint32_t);
    for (size_t t = 0; t < p->count; t++)
        for (size_t k = 0; k <= p->tensor[t].states.count; k++) {
            struct param_values v = params_values(p, t, k);
            if (v.by_slot && v.data) bytes += v.row_bytes;
        }
    return bytes * slots + (sizeof(uint32_t) + sizeof(uint8_t)) * seen + 2 * sizeof(uint32_t) * given;
}

int snapshot_take(struct snapshot *s, struct fold *fold, const struct snapshot_base *base, struct error *err)
{
    const struct params *p = &fold->params;
    const struct parallel *parallel = &fold->job->team.parallel;
    int rc;
    snapshot_close(s);
    if (fold->learner && (rc = learner_settle(fold->learner, err)) < 0) return rc;
    s->fold = fold;
    s->delta = base;
    if (base) s->base = *base;
    s->cursor = fold->cursor;
    s->best = fold->best;
    s->progressive = fold->progressive;
    s->guard = fold->guard;
    rc = parallel->run(parallel->impl, count_slice, s, p->slices, err);
    for (uint32_t q = 0; q < p->slices; q++) {
        s->slice_first[q + 1] += s->slice_first[q];
        s->rests_first[q + 1] += s->rests_first[q];
        s->seen_first[q + 1] += s->seen_first[q];
        s->given_first[q + 1] += s->given_first[q];
    }
    s->rests = s->rests_first[p->slices];
    s->seen = s->seen_first[p->slices];
    s->given = s->given_first[p->slices];
    s->live = s->slice_first[p->slices];
    if (rc == 0) rc = transform_tensors_take(&s->transforms, &p->transforms, err);
    if (rc == 0) rc = snapshot_reserve(s, fold, err);
    if (rc == 0) rc = parallel->run(parallel->impl, copy_slice, s, p->slices, err);
    if (rc == 0 && s->residuals) rc = parallel->run(parallel->impl, copy_residual, s, (unsigned)fold->job->spec.train.shards, err);
    for (size_t t = 0; rc == 0 && t < p->count; t++)
        for (size_t k = 0; k <= p->tensor[t].states.count; k++) {
            struct param_values from = params_values(p, t, k);
            if (from.by_slot || !from.data) continue;
            memcpy(s->copy[t][k], from.data, (size_t)from.rows * from.row_bytes);
            if (!param_values_finite(&from, s->copy[t][k], (size_t)from.rows))
                rc = error_set(err, ERROR_DIVERGED, NULL, "step %" PRIu64 ": %s is not finite; lower optimizer.lr", s->cursor.step,
                               p->tensor[t].desc.name);
        }
    if (rc < 0) snapshot_close(s);
    return rc;
}

static void metadata_text(json_t *metadata, const char *key, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void metadata_text(json_t *metadata, const char *key, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_object_set_new(metadata, key, json_string(text));
}

/* How rows are read and what the parameters mean, for whoever scores with this file and has no spec. */
static int metadata_recipe(json_t *metadata, const struct spec *spec, struct error *err)
{
    struct bytes text;
    bytes_init(&text, SPEC_MAX_BYTES);
    int rc = spec_recipe_write(spec, &text, err);
    if (rc == 0 && json_object_set_new(metadata, "recipe", json_string(bytes_text(&text))) < 0)
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot write the checkpoint's recipe");
    bytes_close(&text);
    return rc;
}

/* What the files said that the format's options name, so that rows are not read by others later. */
static int metadata_files(json_t *metadata, const struct job *job, struct error *err)
{
    struct bytes text;
    if (json_array_size(job->file_hashes) == 0) return 0;
    bytes_init(&text, SPEC_MAX_BYTES);
    int rc = json_write(job->file_hashes, &text, err);
    if (rc == 0 && json_object_set_new(metadata, "files", json_string(bytes_text(&text))) < 0)
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot write the hashes of the format's files");
    bytes_close(&text);
    return rc;
}

/* Which fields the model knows, where a header names them: so that text that lacks one is not scored as if all were well. */
static int metadata_field_names(json_t *metadata, const struct job *job, struct error *err)
{
    const struct format *format = (const struct format *)job->spec.chosen[SECTION_FORMAT].kind;
    json_t *names = format->header ? json_array() : NULL;
    struct bytes text;
    const char *name;
    int rc = 0;
    if (!names) return 0;
    for (size_t f = 0; names && (name = dataset_field_name(job->dataset, f)); f++)
        if (json_array_append_new(names, json_string(name)) < 0) { /* not UTF-8 */
            json_decref(names);
            names = NULL;
        }
    bytes_init(&text, SPEC_MAX_BYTES);
    if (names && json_write(names, &text, NULL) == 0 && json_object_set_new(metadata, "field_names", json_string(bytes_text(&text))) < 0)
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot write the checkpoint's field names");
    json_decref(names);
    bytes_close(&text);
    return rc;
}

const char *snapshot_held_out(const struct fold *fold, char out[HELD_OUT_SIZE])
{
    const struct dataset_info *info = dataset_info(fold->job->dataset);
    const struct spec_split *split = &fold->job->spec.split;
    size_t used = 0;
    *out = 0;
    if (fold->job->spec.replay.given) used = (size_t)snprintf(out, HELD_OUT_SIZE, "%" PRIu64 " ", info->replay_from);
    if (used + split->validation_uri.count + split->test_uri.count > 0)
        snprintf(out + used, HELD_OUT_SIZE - used, "%" PRIu64 " %" PRIu64, info->validation_from, info->test_from);
    return out;
}

/* The rows of a delta belong to these keys (contract/chain.h). */
static json_t *delta_rows(const struct params *p)
{
    json_t *tables = json_array(), *groups = json_pack("{s:o}", "slots", tables);
    for (size_t t = 0; t < p->count; t++)
        for (size_t k = 0; k <= p->tensor[t].states.count; k++) {
            struct param_values v = params_values(p, t, k);
            if (v.by_slot && v.data) json_array_append_new(tables, json_sprintf("%s%s%s", p->tensor[t].desc.name, k ? "." : "", v.state));
        }
    if (p->admission.min_count > 1) json_object_set_new(groups, "admission.slots", json_pack("[s]", "admission.seen"));
    if (key_rows_on(&p->key_rows)) json_object_set_new(groups, "vocabulary.slots", json_pack("[s]", "vocabulary.keys"));
    return groups;
}

static int metadata_delta(json_t *metadata, const struct snapshot *s, const struct params *p, struct error *err)
{
    struct bytes text;
    if (!s->delta) return 0;
    bytes_init(&text, 64 << 10);
    json_t *rows = delta_rows(p);
    int rc = json_write(rows, &text, err);
    metadata_text(metadata, CHAIN_PREVIOUS, "%012" PRIu64 "%s.safetensors", s->base.file.step, s->base.file.delta ? ".delta" : "");
    metadata_text(metadata, CHAIN_SHA256, "%s", s->base.sha256);
    if (rc == 0 && json_object_set_new(metadata, CHAIN_ROWS, json_string(bytes_text(&text))) < 0)
        rc = error_set(err, ERROR_NOMEM, NULL, "cannot write the delta's metadata");
    json_decref(rows);
    bytes_close(&text);
    return rc;
}

static json_t *snapshot_metadata(const struct snapshot *s, const struct fold *fold, struct error *err)
{
    json_t *m = json_object();
    const struct cursor *c = &s->cursor;
    char held_out[HELD_OUT_SIZE];
    if (metadata_recipe(m, &fold->job->spec, err) < 0 || metadata_field_names(m, fold->job, err) < 0 || metadata_files(m, fold->job, err) < 0 ||
        metadata_delta(m, s, &fold->params, err) < 0 || warm_start_metadata(m, fold, err) < 0) {
        json_decref(m);
        return NULL;
    }
    metadata_text(m, "format", "trainyard-1");
    metadata_text(m, "model", "%s", fold->job->model.model->kind.name);
    if (fold->job->model.loss->labels != LABELS_BINARY) metadata_text(m, "loss", "%s", fold->job->model.loss->kind.name);
    if (fold->job->model.loss->labels == LABELS_CLASS) metadata_text(m, "classes", "%zu", model_outputs(&fold->job->model));
    metadata_text(m, "optimizer", "%s", fold->job->optim[GROUP_EMBEDDING].optimizer->kind.name);
    metadata_text(m, "fields", "%" PRIu32, fold->job->model.shape.fields);
    metadata_text(m, "hash_bits", "%" PRId64, fold->job->spec.model.hash_bits);
    metadata_text(m, "hash_seed", "%" PRId64, fold->job->spec.features.hash_seed);
    metadata_text(m, "spec", "%s", fold->job->digest);
    metadata_text(m, "data", "%s", dataset_info(fold->job->dataset)->digest);
    if (*snapshot_held_out(fold, held_out)) metadata_text(m, "held_out", "%s", held_out);
    if (fold->index < fold->job->folds && fold->job->folds > 1) metadata_text(m, "fold", "%u", fold->index);
    if (fold->index == fold->job->folds) metadata_text(m, "ensemble", "%s", fold->job->ensemble->kind.name);
    metadata_text(m, "step", "%" PRIu64, c->step);
    metadata_text(m, "epoch", "%" PRIu32, c->epoch);
    metadata_text(m, "position", "%" PRIu64, c->position);
    metadata_text(m, "rows", "%" PRIu64, c->rows);
    metadata_text(m, "validated", "%" PRIu64, c->validated);
    metadata_text(m, "ended", "%d", c->ended);
    if (fold->job->passing) {
        char hex[33];
        hash128_hex(c->mark.digest, hex);
        metadata_text(m, "text", "%" PRIu64 " %" PRIu64 " %s", c->mark.file, c->mark.bytes, hex);
    }
    metadata_text(m, "best_step", "%" PRIu64, s->best.step);
    metadata_text(m, "best_value", "%a", s->best.value);
    metadata_text(m, "best_since", "%" PRId64, s->best.since);
    if (guard_holds(fold)) {
        metadata_text(m, "guard_mean", "%a", s->guard.mean);
        metadata_text(m, "guard_steps", "%" PRIu64, s->guard.steps);
        metadata_text(m, "guard_skipped", "%" PRIu64, s->guard.skipped);
        metadata_text(m, "guard_in_a_row", "%" PRIu64, s->guard.in_a_row);
        metadata_text(m, "guard_rollbacks", "%" PRIu64, s->guard.rollbacks);
    }
    if (s->progressive.rows == 0) return m;
    metadata_text(m, "progressive_rows", "%" PRIu64, s->progressive.rows);
    metadata_text(m, "progressive_weight", "%a", s->progressive.weight);
    metadata_text(m, "progressive_loss", "%a", s->progressive.loss);
    return m;
}

static void tensor_add(struct tensor *tensors, size_t *count, enum tensor_dtype dtype, uint64_t rows, uint64_t width, const void *data,
                       const char *fmt, ...) __attribute__((format(printf, 7, 8)));
static void tensor_add(struct tensor *tensors, size_t *count, enum tensor_dtype dtype, uint64_t rows, uint64_t width, const void *data,
                       const char *fmt, ...)
{
    struct tensor *t = &tensors[(*count)++];
    va_list ap;
    *t = (struct tensor){.dtype = dtype, .dims = width > 0 ? 2 : 1, .shape = {rows, width}, .data = data};
    va_start(ap, fmt);
    vsnprintf(t->name, sizeof t->name, fmt, ap);
    va_end(ap);
}

struct bins { /* those of the progressive window that are not empty */
    uint32_t ids[AUC_WINDOW_BINS];
    uint64_t counts[AUC_WINDOW_BINS][2];
};

static size_t snapshot_tensors(const struct snapshot *s, const struct fold *fold, struct bins *bins, struct tensor *out)
{
    const struct params *p = &fold->params;
    size_t count = 0, shards = s->residuals / p->count;
    tensor_add(out, &count, TENSOR_U32, s->live, 0, s->slots, "slots");
    if (s->delta) tensor_add(out, &count, TENSOR_U32, s->rests, 0, s->rest_slots, "slots" CHAIN_RESTS);
    if (s->transforms.count > 0) {
        const struct transform_tensors *f = &s->transforms;
        tensor_add(out, &count, TENSOR_U32, f->count, 0, f->kinds, "transform.kinds");
        tensor_add(out, &count, TENSOR_U32, f->count, 0, f->edge_counts, "transform.edge_counts");
        tensor_add(out, &count, TENSOR_U8, f->name_bytes, 0, f->names, "transform.names");
        tensor_add(out, &count, TENSOR_F32, f->edge_total, 0, f->edges, "transform.edges");
        tensor_add(out, &count, TENSOR_F64, 2 * f->count, 0, f->moments, "transform.moments");
    }
    if (p->admission.min_count > 1) {
        tensor_add(out, &count, TENSOR_U32, s->seen, 0, s->seen_slots, "admission.slots");
        tensor_add(out, &count, TENSOR_U8, s->seen, 0, s->seen_counts, "admission.seen");
    }
    if (key_rows_on(&p->key_rows)) {
        tensor_add(out, &count, TENSOR_U32, s->given, 0, s->given_slots, "vocabulary.slots");
        tensor_add(out, &count, TENSOR_U32, s->given, 0, s->given_keys, "vocabulary.keys");
    }
    for (size_t t = 0; t < p->count; t++) {
        const struct param_desc *desc = &p->tensor[t].desc;
        for (size_t k = 0; k <= p->tensor[t].states.count; k++) {
            struct param_values v = params_values(p, t, k);
            uint64_t rows = v.by_slot ? s->live : v.rows;
            bool flat = !v.by_slot && rows == 1; /* a vector has one dimension in the file */
            if (v.data)
                tensor_add(out, &count, v.dtype, flat ? v.width : rows, flat ? 0 : v.width, s->copy[t][k], "%s%s%s", desc->name, k ? "." : "",
                           v.state);
        }
        for (size_t i = 0; i < shards; i++) {
            const struct snapshot_residual *r = &s->residual[t * shards + i];
            if (r->rows == 0) continue;
            tensor_add(out, &count, TENSOR_U32, r->rows, 0, r->ids, "residual.%s.%zu.ids", desc->name, i);
            tensor_add(out, &count, TENSOR_F32, r->rows, 0, r->eta, "residual.%s.%zu.eta", desc->name, i);
            tensor_add(out, &count, TENSOR_F32, r->rows, desc->width, r->values, "residual.%s.%zu.rows", desc->name, i);
        }
    }
    if (s->progressive.rows == 0) return count;
    size_t used = 0;
    for (uint32_t b = 0; b < AUC_WINDOW_BINS; b++) {
        const uint64_t *c = s->progressive.window.counts[b];
        if (c[0] + c[1] == 0) continue;
        bins->ids[used] = b;
        memcpy(bins->counts[used++], c, sizeof bins->counts[0]);
    }
    if (used == 0) return count; /* labels are no bits */
    tensor_add(out, &count, TENSOR_U32, used, 0, bins->ids, "progressive.bins");
    tensor_add(out, &count, TENSOR_U64, used, 2, bins->counts, "progressive.counts");
    return count;
}

int snapshot_draft(const struct snapshot *s, const struct fold *fold, const char *path, struct draft *draft, char sha256[SHA256_HEX],
                   uint64_t *size_bytes, struct error *err)
{
    size_t count, max = 13 + CALIBRATION_TENSORS + fold->params.count * (1 + STATES_MAX + 3 * (size_t)fold->job->spec.train.shards);
    struct tensor *tensors = mem_array(max, 1, sizeof *tensors, err);
    struct bins *bins = mem_zero(sizeof *bins, err);
    json_t *metadata = snapshot_metadata(s, fold, err);
    int rc = tensors && bins && metadata ? 0 : -ERROR_NOMEM;
    if (rc == 0) {
        count = snapshot_tensors(s, fold, bins, tensors);
        rc = calibration_write(&fold->calibration, metadata, tensors, &count, err);
    }
    if (rc == 0) rc = safetensors_draft(fold->job->world, path, tensors, count, metadata, draft, sha256, size_bytes, err);
    json_decref(metadata);
    mem_free(bins);
    mem_free(tensors);
    return rc;
}

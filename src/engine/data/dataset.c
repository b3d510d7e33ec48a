#include "engine/data/dataset_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/crosses.h"
#include "engine/data/source/source_kind.h"

enum { NAMES_MAX_BYTES = 1 << 26 };

const struct dataset_info *dataset_info(const struct dataset *d) { return &d->info; }
/* Entries of one dataset are equal but for damage, so the first one's index serves for all. */
uint64_t dataset_block_rows(const struct dataset *d, uint64_t index) { return d->entries[0].index[index].rows; }
uint64_t dataset_block_first_row(const struct dataset *d, uint64_t index) { return d->entries[0].index[index].first_row; }
uint64_t dataset_block_features(const struct dataset *d, uint64_t index) { return d->entries[0].index[index].features; }
uint64_t dataset_block_positives_before(const struct dataset *d, uint64_t index) { return d->entries[0].index[index].positives_before; }

uint64_t dataset_bytes(const struct dataset *d, size_t uris)
{
    uint64_t bytes = 0;
    for (size_t f = 0; f < d->files.count && d->files.files[f].uri < uris; f++) {
        if (d->files.files[f].size_bytes == 0) return 0;
        bytes += d->files.files[f].size_bytes;
    }
    return bytes;
}

const char *dataset_field_name(const struct dataset *d, size_t field)
{
    const struct cache_facts *f = &d->entries[0].facts;
    const char *at = f->names, *end = f->names + f->names_bytes;
    for (; at < end && field > 0; field--) at += strlen(at) + 1;
    return at < end ? at : NULL;
}

const char *dataset_field_label(const struct dataset *d, size_t field, char *buf, size_t size)
{
    const char *name = dataset_field_name(d, field);
    if (name) str_copy(buf, size, name);
    else if (field < d->info.fields && d->info.fields - 1 - field < d->crosses)
        crosses_name(d->config.crosses, d->info.fields - 1 - field, buf, size);
    else snprintf(buf, size, "%zu", field);
    return buf;
}

struct field_kind dataset_field_kind(const struct dataset *d, size_t field)
{
    const struct cache_facts *f = &d->entries[0].facts;
    return field < f->kind_count ? f->kinds[field] : (struct field_kind){FIT_NONE, 0};
}

int dataset_field_find(const struct dataset *d, const char *name)
{
    const char *known;
    int64_t number;
    for (size_t f = 0; (known = dataset_field_name(d, f)); f++)
        if (strcmp(known, name) == 0) return (int)f;
    if (d->entries[0].facts.names_bytes > 0 || d->info.fields < d->crosses) return -1;
    if (str_to_int64(name, &number)) return number >= 0 && number < (int64_t)(d->info.fields - d->crosses) ? (int)number : -1;
    int cross = d->crosses > 0 ? crosses_find(d->config.crosses, name) : -1;
    return cross < 0 ? -1 : (int)d->info.fields - 1 - cross;
}

static int config_copy(struct dataset *d, const struct dataset_config *config, struct error *err)
{
    struct dataset_config *c = &d->config;
    *c = *config;
    c->uris = NULL, c->format_params = NULL, c->cache_dir = NULL, c->entry = NULL, c->weight = c->group = c->time = c->crosses = NULL;
    if (c->line_bytes_max == 0) c->line_bytes_max = INGEST_LINE_BYTES;
    if (c->chunk_bytes == 0) c->chunk_bytes = INGEST_CHUNK_BYTES;
    d->uri_count = config->uri_count;
    d->format = (const struct format *)c->format; /* struct kind is its first member */
    if (!(c->cache_dir = mem_text(config->cache_dir ? config->cache_dir : "", err))) return -ERROR_NOMEM;
    if (!(c->weight = mem_text(config->weight ? config->weight : "", err))) return -ERROR_NOMEM;
    if (!(c->group = mem_text(config->group ? config->group : "", err))) return -ERROR_NOMEM;
    if (!(c->time = mem_text(config->time ? config->time : "", err))) return -ERROR_NOMEM;
    if (!(c->crosses = mem_text(config->crosses ? config->crosses : "", err))) return -ERROR_NOMEM;
    d->crosses = crosses_numbered(d->format, c->crosses);
    if (config->format->params_size > 0) {
        void *params = mem_zero(config->format->params_size, err);
        if (!params) return -ERROR_NOMEM;
        c->format_params = memcpy(params, config->format_params, config->format->params_size);
    }
    if (config->entry && !(c->entry = mem_text(config->entry, err))) return -ERROR_NOMEM;
    struct source_options from = {
        .world = config->world, .stop = config->progress.cancelled, .context = config->progress.context, .patience = config->patience};
    return source_list_open_with(&d->files, &from, config->uris, config->uri_count, err);
}

static int build_rows(void *context, unsigned worker, struct rows *rows, struct error *err)
{
    (void)worker;
    return cache_writer_add(context, rows, err);
}

int dataset_fields(const struct format *format, const void *state, struct bytes *names, struct bytes *kinds, struct error *err)
{
    const char *name;
    int rc = 0;
    bytes_init(names, NAMES_MAX_BYTES), bytes_init(kinds, NAMES_MAX_BYTES);
    for (size_t f = 0; rc == 0 && format->field_name && (name = format->field_name(state, f)); f++) {
        struct field_kind kind = {FIT_NONE, 0};
        if (format->field_kind) kind = format->field_kind(state, f);
        rc = bytes_add(names, name, strlen(name) + 1, err);
        if (rc == 0) rc = bytes_add(kinds, &kind, sizeof kind, err);
    }
    return rc;
}

static int build_facts(const struct dataset *d, const struct format *format, const void *state, const uint64_t *file_first_row,
                       struct cache_writer *writer, struct error *err)
{
    struct bytes names, kinds;
    int rc = dataset_fields(format, state, &names, &kinds, err);
    if (rc == 0) rc = cache_writer_facts(writer, file_first_row, d->files.count, &names, &kinds, err);
    bytes_close(&names), bytes_close(&kinds);
    return rc;
}

struct format_context dataset_format_context(const struct dataset *d)
{
    const struct dataset_config *c = &d->config;
    return (struct format_context){.world = c->world,
                                   .hash_seed = c->hash_seed,
                                   .weight = c->weight,
                                   .group = c->group,
                                   .time = c->time,
                                   .crosses = c->crosses,
                                   .labels = c->labels,
                                   .no_labels = c->no_labels};
}

/* Parse the files into a new entry on the shelf. Lock held. name: of the entry. */
static int dataset_build(struct dataset *d, const struct parallel *parallel, const struct dataset_progress *progress, char name[CACHE_NAME_SIZE],
                         struct error *err)
{
    struct ingest_result result;
    struct cache_writer writer = {0};
    const struct dataset_config *c = &d->config;
    const struct format_context context = dataset_format_context(d);
    char path[PATH_SIZE] = "";
    int rc = -ERROR_NOMEM;
    const struct format *format = d->format;
    void *state = crosses_prepare(&format, c->format_params, &context, err);
    if (!state) return err && err->code ? -(int)err->code : -ERROR_NOMEM;
    uint64_t *file_first_row = mem_array(d->files.count, 1, sizeof *file_first_row, err);
    if (!file_first_row) goto out;
    struct ingest_config ingest = {.files = &d->files,
                                   .format = format,
                                   .state = state,
                                   .parallel = parallel,
                                   .progress = *progress,
                                   .line_bytes_max = d->config.line_bytes_max,
                                   .chunk_bytes = d->config.chunk_bytes,
                                   .max_bad_rows = d->config.max_bad_rows,
                                   .file_first_row = file_first_row,
                                   .rows = build_rows,
                                   .context = &writer};
    if ((rc = shelf_build_path(&d->shelf, path, err)) < 0) goto out;
    if ((rc = cache_writer_open(&writer, d->config.world, path, err)) < 0) goto out;
    writer.crosses = d->crosses;
    if ((rc = ingest_run(&ingest, &result, err)) < 0) goto out;
    if ((rc = source_list_check(&d->files, err)) < 0) goto out;
    if ((rc = build_facts(d, format, state, file_first_row, &writer, err)) < 0) goto out;
    if ((rc = cache_writer_end(&writer, &result, err)) < 0) goto out;
    shelf_entry_name(&d->shelf, result.digest, name);
    rc = shelf_commit(&d->shelf, name, err);
out:
    cache_writer_close(&writer);
    format->release(state);
    mem_free(file_first_row);
    if (rc < 0 && *path) path_remove_tree(d->config.world, path, NULL);
    return rc;
}

static int dataset_try(struct dataset *d, const char *name, struct error *err)
{
    char path[PATH_SIZE];
    int rc = shelf_path(&d->shelf, name, path, err);
    return rc < 0 ? rc : cache_entry_open(&d->entries[d->entry_count], d->config.world, path, err);
}

/* An entry that exists: 1 and its name, 0 none, or a failure. Damaged ones are removed when the lock is held. */
static int dataset_find(struct dataset *d, char name[CACHE_NAME_SIZE], bool locked, struct error *err)
{
    struct hash128 digest;
    struct error why = {0};
    int rc;
    bool seen = shelf_seen(&d->shelf, name);
    if (!seen) {
        if (!locked || !shelf_may_know(&d->shelf)) return 0;
        if ((rc = ingest_digest(&d->files, &d->config.progress, &digest, err)) < 0) return rc;
        if ((rc = source_list_check(&d->files, err)) < 0) return rc;
        shelf_entry_name(&d->shelf, digest, name);
    }
    if (dataset_try(d, name, &why) == 0) {
        if (!seen) shelf_saw(&d->shelf, name);
        return 1;
    }
    if (why.code == ERROR_NOMEM) return error_set(err, why.code, NULL, "%s", why.msg);
    if (!locked || why.code == ERROR_NOTFOUND) return 0;
    log_warn("block cache %s: %s; it is made anew", name, why.msg);
    return shelf_remove(&d->shelf, name, err);
}

/* Did some of the data come by once? */
static bool dataset_once(const struct dataset *d)
{
    for (size_t f = 0; f < d->files.count; f++)
        if (d->files.files[f].kind->once) return true;
    return false;
}

/* The entry that an earlier attempt read: 1 and its name; else 0 and why not. */
static int dataset_recall(struct dataset *d, char name[CACHE_NAME_SIZE], struct error *why)
{
    if (!d->config.entry || !dataset_once(d)) return 0;
    if (!shelf_entry_fits(&d->shelf, d->config.entry)) return error_set(why, ERROR_DATA, NULL, "made by another version or for other options"), 0;
    str_copy(name, CACHE_NAME_SIZE, d->config.entry);
    return dataset_try(d, name, why) == 0;
}

/* Data that came by once was read anew: it must be what the earlier attempt read. */
static int dataset_compare(const struct dataset *d, const char *name, const struct error *gone, struct error *err)
{
    if (!d->config.entry || !dataset_once(d) || shelf_entry_same_text(name, d->config.entry)) return 0;
    return error_set(
        err, ERROR_DATA, "/dataset/uri",
        "this is other data than the run began with, whose block cache %s is gone (%s); pipe the same data in, or use a new run directory",
        d->config.entry, gone->msg);
}

static int dataset_acquire(struct dataset *d, struct error *err)
{
    char name[CACHE_NAME_SIZE];
    struct error gone = {0};
    int rc = dataset_recall(d, name, &gone);
    if (rc == 0) rc = dataset_find(d, name, false, err);
    d->info.from_cache = true;
    if (rc == 0) {
        if ((rc = shelf_lock(&d->shelf, &d->config.progress, err)) < 0) return rc;
        rc = dataset_find(d, name, true, err);
    }
    if (rc == 0) {
        d->info.from_cache = false;
        rc = dataset_build(d, d->config.parallel, &d->config.progress, name, err);
        if (rc < 0 && gone.code && err) error_wrap(err, "the block cache %s that this run read is not usable (%s)", d->config.entry, gone.msg);
        if (rc == 0) rc = dataset_compare(d, name, &gone, err);
        if (rc == 0) rc = dataset_try(d, name, err);
        if (rc == 0) shelf_saw(&d->shelf, name);
    }
    shelf_unlock(&d->shelf);
    if (rc < 0) return rc;
    str_copy(d->info.digest, sizeof d->info.digest, name);
    d->entry_count++;
    return 0;
}

/* First row of the files that URIs from that index on name; = rows when there are none. */
static uint64_t dataset_uri_first_row(const struct dataset *d, size_t uri)
{
    const struct cache_entry *e = &d->entries[0];
    for (size_t f = 0; f < d->files.count && f < e->facts.files; f++)
        if (d->files.files[f].uri >= uri) return e->facts.file_first_row[f];
    return e->totals.rows;
}

static int dataset_describe(struct dataset *d, struct error *err)
{
    const struct cache_totals *t = &d->entries[0].totals;
    struct dataset_info *i = &d->info;
    i->rows = t->rows, i->positives = t->positives, i->features = t->features;
    i->blocks = d->entries[0].count;
    i->bad_rows = t->bad_rows;
    i->source_bytes = d->files.size_bytes > 0 ? d->files.size_bytes : t->text_bytes;
    i->labels = d->config.labels;
    i->once = dataset_once(d);
    i->row_features_max = (size_t)t->row_features_max;
    i->fields = (uint32_t)t->fields;
    size_t train = d->uri_count - d->config.held_out_validation - d->config.held_out_test;
    i->replay_from = dataset_uri_first_row(d, train - d->config.replayed);
    i->validation_from = dataset_uri_first_row(d, train);
    i->test_from = dataset_uri_first_row(d, train + d->config.held_out_validation);
    if (t->bad_rows > 0) first_bad_show(i->first_bad, sizeof i->first_bad, &t->first_bad, &d->files);
    if (t->bad_rows > (uint64_t)d->config.max_bad_rows)
        return error_set(err, ERROR_DATA, "/dataset/max_bad_rows", "%" PRIu64 " bad row%s, dataset.max_bad_rows allows %" PRId64 "; the first: %s",
                         t->bad_rows, str_s(t->bad_rows), d->config.max_bad_rows, i->first_bad);
    return 0;
}

struct dataset *dataset_open(const struct dataset_config *config, struct error *err)
{
    struct dataset *d = mem_zero(sizeof *d, err);
    int rc;
    if (!d) return NULL;
    pthread_mutex_init(&d->mending, NULL);
    if ((rc = config_copy(d, config, err)) < 0) goto out;
    rc = shelf_open(&d->shelf, config->world, config->cache_dir, &d->config, &d->files, err);
    if (rc < 0) goto out;
    if ((rc = dataset_acquire(d, err)) < 0) goto out;
    rc = dataset_describe(d, err);
out:
    if (rc == 0) return d;
    dataset_free(d);
    return NULL;
}

struct dataset *dataset_open_text(const struct dataset_config *config, struct error *err)
{
    struct dataset *d = mem_zero(sizeof *d, err);
    uint64_t schema;
    if (!d) return NULL;
    pthread_mutex_init(&d->mending, NULL);
    if (config_copy(d, config, err) == 0 && shelf_schema(&d->config, &schema, err) == 0) {
        snprintf(d->info.digest, sizeof d->info.digest, "text-%016" PRIx64 "-%zu", schema, d->config.chunk_bytes);
        d->info.labels = d->config.labels;
        d->info.once = dataset_once(d);
        d->info.source_bytes = d->files.size_bytes;
        return d;
    }
    dataset_free(d);
    return NULL;
}

void dataset_free(struct dataset *d)
{
    if (!d) return;
    for (size_t i = 0; i < d->entry_count; i++) cache_entry_close(&d->entries[i]);
    if (d->entry_count == 0) cache_entry_close(&d->entries[0]); /* a text's has facts alone */
    shelf_unlock(&d->shelf);
    source_list_close(&d->files);
    mem_free((void *)d->config.format_params);
    mem_free((void *)d->config.cache_dir);
    mem_free((void *)d->config.weight);
    mem_free((void *)d->config.group);
    mem_free((void *)d->config.time);
    mem_free((void *)d->config.crosses);
    mem_free((void *)d->config.entry);
    pthread_mutex_destroy(&d->mending);
    mem_free(d);
}

/* Has another process put a sound entry on the shelf meanwhile? Sound as far as the block that failed tells. Lock held. */
static bool dataset_mended(struct dataset *d, uint64_t index)
{
    struct block probe = {0};
    if (dataset_try(d, d->info.digest, NULL) < 0) return false;
    bool sound = cache_entry_read(&d->entries[d->entry_count], index, &probe, NULL) == 0;
    block_close(&probe);
    if (sound) d->entry_count++;
    else cache_entry_close(&d->entries[d->entry_count]);
    return sound;
}

/* Block `index` of the entry could not be read: take a sound one from the shelf, or make one. d->mending held. */
static int dataset_mend(struct dataset *d, uint64_t index, const struct error *why, struct error *err)
{
    /* Rows are being read by several threads, perhaps by the very workers that config.parallel would use: build on this one alone. */
    const struct dataset_progress silent = {.context = d->config.progress.context, .cancelled = d->config.progress.cancelled};
    char name[CACHE_NAME_SIZE];
    int rc;
    if (d->entry_count == ENTRIES_MAX)
        return error_set(err, ERROR_IO, NULL, "block cache %s is damaged again and again (%s); check the disk below %s", d->info.digest, why->msg,
                         d->config.cache_dir);
    if ((rc = shelf_lock(&d->shelf, &silent, err)) < 0) return rc;
    if (dataset_mended(d, index)) goto out;
    log_warn("block cache %s: %s; it is made anew from the source", d->info.digest, why->msg);
    if ((rc = source_list_again(&d->files, err)) < 0) {
        error_wrap(err, "block cache is damaged (%s) and cannot be made anew", why->msg);
        goto out;
    }
    if ((rc = shelf_remove(&d->shelf, d->info.digest, err)) < 0) goto out;
    if ((rc = dataset_build(d, &parallel_inline, &silent, name, err)) < 0) goto out;
    if (strcmp(name, d->info.digest) != 0) {
        rc = error_set(err, ERROR_DATA, "/dataset/uri", "block cache is damaged (%s) and the files have other content now; start the job anew",
                       why->msg);
        goto out;
    }
    if ((rc = dataset_try(d, name, err)) == 0) d->entry_count++;
out:
    shelf_unlock(&d->shelf);
    return rc;
}

/* A class is an index to whoever trains on it: what a damaged block says is none is not taken for one. */
static int labels_check(const struct dataset *d, const struct block *block, uint64_t index, struct error *err)
{
    const struct label_rule *rule = &d->config.labels;
    for (size_t r = 0; rule->range == LABELS_CLASS && r < block->batch.rows; r++)
        if (label_refuse(rule, (double)block->batch.labels[r]))
            return error_set(err, ERROR_DATA, NULL, "block %" PRIu64 " is damaged: a label is no class", index);
    return 0;
}

typedef int entry_read_fn(const struct cache_entry *entry, uint64_t index, struct block *out, struct error *err);

static int dataset_read(struct dataset *d, entry_read_fn *read, uint64_t index, struct block *out, struct error *err)
{
    for (;;) {
        struct error why = {0};
        pthread_mutex_lock(&d->mending);
        size_t used = d->entry_count;
        pthread_mutex_unlock(&d->mending);
        int rc = read(&d->entries[used - 1], index, out, &why);
        if (rc == 0) rc = labels_check(d, out, index, &why);
        if (rc == 0) return 0;
        if (why.code != ERROR_DATA && why.code != ERROR_IO) return error_set(err, why.code, NULL, "%s", why.msg);
        pthread_mutex_lock(&d->mending);
        rc = d->entry_count > used ? 0 : dataset_mend(d, index, &why, err); /* else another reader has mended it */
        pthread_mutex_unlock(&d->mending);
        if (rc < 0) return rc;
    }
}

int dataset_read_head(struct dataset *d, uint64_t index, struct block *out, struct error *err)
{
    return dataset_read(d, cache_entry_read_head, index, out, err);
}

int dataset_read_block(struct dataset *d, uint64_t index, struct block *out, struct error *err)
{
    int rc = dataset_read(d, cache_entry_read, index, out, err);
    struct batch *b = &out->batch;
    if (rc == 0 && b->same_fields) b->fields = d->entries[0].facts.layout; /* one pattern, one address: see batch_gather */
    else if (rc == 0 && b->fields && d->crosses > 0)                       /* in the block's own memory */
        crosses_settle(d->info.fields, d->crosses, b->fields, b->features, (uint16_t *)(uintptr_t)b->fields);
    return rc;
}

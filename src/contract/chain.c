/* Rows of several files as those of one: which file has the newest row of each number. */
#include "contract/chain.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/chain_parts.h"

enum { WINDOW_BYTES = 64 << 10 };

struct row_at { /* where the newest row of a number stands */
    uint32_t id, row, file;
};

struct chain_key {
    char name[TENSOR_NAME_SIZE];
    struct row_at *rows; /* (count), by id */
    size_t count;
    uint64_t *in_file; /* (files): how many rows each holds */
};

struct chain_source { /* of a tensor; key NULL: as the newest file has it */
    const struct chain_key *key;
    const struct tensor **in_file; /* (files) */
    uint64_t row_bytes;
};

struct chain_window { /* what was read last of a file: rows are asked for in ascending order */
    const struct tensor *tensor;
    uint64_t at;
    size_t size;
    char *data;
};

struct ids {
    uint32_t *id; /* (count), ascending */
    size_t count;
};

const struct safetensors *chain_newest(const struct chain *c) { return &c->files[c->count - 1]; }

/* ---- rows of a key ---- */

static int ids_read(const struct safetensors *st, const char *name, struct ids *out, struct error *err)
{
    const struct tensor *t = safetensors_find(st, name);
    *out = (struct ids){0};
    if (!t || t->dtype != TENSOR_U32 || t->dims != 1 || t->shape[0] > UINT32_MAX)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" is missing or of another type", st->path, name);
    out->count = (size_t)t->shape[0];
    out->id = mem_array(out->count, 1, sizeof *out->id, err);
    int rc = out->id ? safetensors_read(st, t, 0, out->id, (size_t)t->size_bytes, err) : -ERROR_NOMEM;
    for (size_t i = 1; rc == 0 && i < out->count; i++)
        if (out->id[i] <= out->id[i - 1]) rc = error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" does not ascend", st->path, name);
    if (rc == 0) return 0;
    mem_free(out->id);
    *out = (struct ids){0};
    return rc;
}

static int rests_read(const struct safetensors *st, const struct chain_key *key, struct ids *out, struct error *err)
{
    char name[TENSOR_NAME_SIZE + sizeof CHAIN_RESTS];
    *out = (struct ids){0};
    snprintf(name, sizeof name, "%s" CHAIN_RESTS, key->name);
    return safetensors_find(st, name) ? ids_read(st, name, out, err) : 0;
}

/* old, without what rests, under the numbers of file `file`. All three ascend. */
static int rows_merge(struct chain_key *key, const struct safetensors *st, const struct ids *ids, const struct ids *rests, uint32_t file,
                      struct error *err)
{
    struct row_at *merged = mem_array(key->count + ids->count, 1, sizeof *merged, err), *old = key->rows;
    size_t n = 0, i = 0, j = 0, k = 0;
    if (!merged) return -ERROR_NOMEM;
    while (i < key->count || j < ids->count) {
        bool newer = i == key->count || (j < ids->count && ids->id[j] <= old[i].id);
        uint32_t id = newer ? ids->id[j] : old[i].id;
        while (k < rests->count && rests->id[k] < id) k++;
        bool gone = k < rests->count && rests->id[k] == id;
        if (newer && gone) {
            mem_free(merged);
            return error_set(err, ERROR_DATA, NULL, "%s: \"%s\": number %" PRIu32 " both changes and is gone", st->path, key->name, id);
        }
        i += i < key->count && old[i].id == id;
        if (newer) merged[n++] = (struct row_at){id, (uint32_t)j++, file};
        else if (!gone) merged[n++] = old[i - 1];
    }
    mem_free(key->rows);
    key->rows = merged;
    key->count = n;
    return 0;
}

static int key_read(struct chain_key *key, const struct chain *c, struct error *err)
{
    int rc = (key->in_file = mem_array(c->count, 1, sizeof *key->in_file, err)) ? 0 : -ERROR_NOMEM;
    for (size_t f = 0; rc == 0 && f < c->count; f++) {
        struct ids ids = {0}, rests = {0};
        rc = ids_read(&c->files[f], key->name, &ids, err);
        if (rc == 0 && f > 0) rc = rests_read(&c->files[f], key, &rests, err);
        key->in_file[f] = ids.count;
        if (rc == 0) rc = rows_merge(key, &c->files[f], &ids, &rests, (uint32_t)f, err);
        mem_free(ids.id);
        mem_free(rests.id);
    }
    return rc;
}

/* ---- tensors ---- */

static bool is_rests(const struct chain *c, const char *name)
{
    for (size_t k = 0; k < c->key_count; k++) {
        size_t n = strlen(c->keys[k].name);
        if (strncmp(name, c->keys[k].name, n) == 0 && strcmp(name + n, CHAIN_RESTS) == 0) return true;
    }
    return false;
}

static struct tensor *tensor_find(const struct chain *c, const char *name)
{
    for (size_t i = 0; i < c->tensor_count; i++)
        if (strcmp(c->tensors[i].name, name) == 0) return &c->tensors[i];
    return NULL;
}

static bool same_rows(const struct tensor *a, const struct tensor *b)
{
    bool same = a->dtype == b->dtype && a->dims == b->dims && a->dims > 0;
    for (size_t d = 1; same && d < a->dims; d++) same = a->shape[d] == b->shape[d];
    return same;
}

/* Tensor `name` has a row for each number of the key, in every file. */
static int tensor_join(struct chain *c, const struct chain_key *key, const char *name, struct error *err)
{
    struct tensor *t = tensor_find(c, name);
    char shown[160];
    if (!t)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" is missing", chain_newest(c)->path,
                         str_shown(shown, sizeof shown, name, strlen(name), 100));
    struct chain_source *source = &c->sources[t - c->tensors];
    if (source->key) return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" is in two groups of " CHAIN_ROWS, chain_newest(c)->path, name);
    if (!(source->in_file = mem_array(c->count, 1, sizeof(const struct tensor *), err))) return -ERROR_NOMEM;
    source->key = key;
    source->row_bytes = tensor_dtype_size(t->dtype);
    for (size_t d = 1; d < t->dims; d++) source->row_bytes *= t->shape[d]; /* checked where the file was opened, but for an empty tensor */
    for (size_t f = 0; f < c->count; f++) {
        const struct tensor *part = safetensors_find(&c->files[f], name);
        if (!part || !same_rows(part, t) || part->shape[0] != key->in_file[f] || part->size_bytes != key->in_file[f] * source->row_bytes)
            return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" is missing or has another shape than in %s", c->files[f].path, name,
                             chain_newest(c)->path);
        source->in_file[f] = part;
    }
    t->shape[0] = key->count;
    if (__builtin_mul_overflow(source->row_bytes, (uint64_t)key->count, &t->size_bytes) || t->size_bytes > INT64_MAX)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" is larger than any file", chain_newest(c)->path, name);
    return 0;
}

static int key_join(struct chain *c, const char *name, const json_t *names, struct error *err)
{
    struct chain_key *key = &c->keys[c->key_count];
    size_t i;
    json_t *value;
    if (c->key_count == CHAIN_KEYS_MAX || !*name || !str_copy(key->name, sizeof key->name, name) || !json_is_array(names))
        return error_set(err, ERROR_DATA, NULL, "%s: " CHAIN_ROWS " must be an object of at most %d keys with lists of tensors",
                         chain_newest(c)->path, CHAIN_KEYS_MAX);
    c->key_count++;
    int rc = key_read(key, c, err);
    if (rc == 0) rc = tensor_join(c, key, key->name, err);
    json_array_foreach (names, i, value)
        if (rc == 0) rc = tensor_join(c, key, json_string_value(value) ? json_string_value(value) : "", err);
    return rc;
}

static int keys_join(struct chain *c, struct error *err)
{
    const char *text = chain_metadata_of(chain_newest(c), CHAIN_ROWS), *name;
    json_t *groups = json_read(text, strlen(text), CHAIN_ROWS, NULL), *names;
    int rc = json_object_size(groups) > 0 ? 0 : error_set(err, ERROR_DATA, NULL, "%s: it has no " CHAIN_ROWS, chain_newest(c)->path);
    for (size_t f = 1; rc == 0 && f < c->count; f++)
        if (strcmp(chain_metadata_of(&c->files[f], CHAIN_ROWS), text) != 0)
            rc = error_set(err, ERROR_DATA, NULL, "%s: its " CHAIN_ROWS " differ from those of %s", c->files[f].path, chain_newest(c)->path);
    json_object_foreach (groups, name, names)
        if (rc == 0) rc = key_join(c, name, names, err);
    json_decref(groups);
    return rc;
}

static void rests_drop(struct chain *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < c->tensor_count; i++) {
        if (is_rests(c, c->tensors[i].name)) {
            mem_free(c->sources[i].in_file);
            continue;
        }
        c->sources[kept] = c->sources[i];
        c->tensors[kept++] = c->tensors[i];
    }
    c->tensor_count = kept;
}

static int tensors_view(struct chain *c, struct error *err)
{
    const struct safetensors *newest = chain_newest(c);
    c->tensor_count = newest->count;
    c->tensors = mem_array(newest->count, 1, sizeof *c->tensors, err);
    c->sources = mem_array(newest->count, 1, sizeof *c->sources, err);
    if (!c->tensors || !c->sources) return -ERROR_NOMEM;
    if (newest->count > 0) memcpy(c->tensors, newest->tensors, newest->count * sizeof *c->tensors);
    if (c->count == 1) return 0;
    c->keys = mem_array(CHAIN_KEYS_MAX, 1, sizeof *c->keys, err);
    c->windows = mem_array(c->count, 1, sizeof *c->windows, err);
    if (!c->keys || !c->windows) return -ERROR_NOMEM;
    for (size_t f = 0; f < c->count; f++)
        if (!(c->windows[f].data = mem_zero(WINDOW_BYTES, err))) return -ERROR_NOMEM;
    int rc = keys_join(c, err);
    if (rc == 0) rests_drop(c);
    return rc;
}

int chain_open(struct chain *c, const struct world *w, const char *path, struct error *err)
{
    *c = (struct chain){0};
    if (!(c->files = mem_array(CHAIN_FILES_MAX, 1, sizeof *c->files, err))) return -ERROR_NOMEM;
    int rc = chain_files_open(c, w, path, err);
    if (rc == 0) rc = tensors_view(c, err);
    if (rc < 0) chain_close(c);
    return rc;
}

void chain_close(struct chain *c)
{
    for (size_t k = 0; k < c->key_count; k++) {
        mem_free(c->keys[k].rows);
        mem_free(c->keys[k].in_file);
    }
    for (size_t i = 0; c->sources && i < c->tensor_count; i++) mem_free(c->sources[i].in_file);
    for (size_t f = 0; f < c->count; f++) {
        if (c->windows) mem_free(c->windows[f].data);
        safetensors_close(&c->files[f]);
    }
    mem_free(c->keys);
    mem_free(c->sources);
    mem_free(c->windows);
    mem_free(c->tensors);
    mem_free(c->files);
    *c = (struct chain){0};
}

/* ---- reading ---- */

static int window_read(const struct chain *c, size_t f, const struct tensor *t, uint64_t at, char *buf, size_t size, struct error *err)
{
    struct chain_window *w = &c->windows[f];
    if (size > WINDOW_BYTES) return safetensors_read(&c->files[f], t, at, buf, size, err);
    if (w->tensor != t || at < w->at || at + size > w->at + w->size) {
        size_t more = t->size_bytes - at < WINDOW_BYTES ? (size_t)(t->size_bytes - at) : WINDOW_BYTES;
        w->tensor = NULL;
        int rc = safetensors_read(&c->files[f], t, at, w->data, more, err);
        if (rc < 0) return rc;
        *w = (struct chain_window){t, at, more, w->data};
    }
    memcpy(buf, w->data + (at - w->at), size);
    return 0;
}

static int read_rows(const struct chain *c, const struct chain_source *source, uint64_t at, char *buf, size_t size, struct error *err)
{
    int rc = 0;
    for (size_t done = 0, n; rc == 0 && done < size; done += n, at += n) {
        const struct row_at *row = &source->key->rows[at / source->row_bytes];
        uint64_t within = at % source->row_bytes;
        n = size - done < source->row_bytes - within ? size - done : (size_t)(source->row_bytes - within);
        rc = window_read(c, row->file, source->in_file[row->file], row->row * source->row_bytes + within, buf + done, n, err);
    }
    return rc;
}

static int chain_read(const void *impl, const struct tensor *t, uint64_t at, void *buf, size_t size, struct error *err)
{
    const struct chain *c = impl;
    const struct chain_source *source = &c->sources[t - c->tensors];
    if (!source->key) return safetensors_read(chain_newest(c), t, at, buf, size, err);
    if (at > t->size_bytes || size > t->size_bytes - at)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" has %" PRIu64 " bytes; cannot read %zu at %" PRIu64, chain_newest(c)->path,
                         t->name, t->size_bytes, size, at);
    return read_rows(c, source, at, buf, size, err);
}

static const char *chain_metadata_get(const void *impl, const char *key)
{
    return json_string_value(json_object_get(chain_newest(impl)->metadata, key));
}

static const struct tensor *chain_find(const void *impl, const char *name) { return tensor_find(impl, name); }

struct tensor_file chain_file(const struct chain *c)
{
    return (struct tensor_file){.impl = c, .path = chain_newest(c)->path, .metadata = chain_metadata_get, .find = chain_find, .read = chain_read};
}

/* ---- writing ---- */

json_t *chain_metadata(const struct chain *c, struct error *err)
{
    static const char *const own[] = {CHAIN_PREVIOUS, CHAIN_SHA256, CHAIN_ROWS};
    json_t *m = json_copy(chain_newest(c)->metadata);
    if (!m) error_set(err, ERROR_NOMEM, NULL, "cannot hold the metadata");
    for (size_t i = 0; m && i < sizeof own / sizeof *own; i++) json_object_del(m, own[i]);
    return m;
}

struct filling {
    const struct chain *chain;
    const struct tensor *tensor;
};

static int fill(void *context, uint64_t at, void *buf, size_t size, struct error *err)
{
    const struct filling *f = context;
    return chain_read(f->chain, f->tensor, at, buf, size, err);
}

int chain_write(const struct chain *c, const struct world *w, const char *path, bool (*takes)(void *context, const struct tensor *t), void *context,
                const json_t *metadata, char sha256[SHA256_HEX], uint64_t *size_bytes, struct error *err)
{
    struct tensor *out = mem_array(c->tensor_count, 1, sizeof *out, err);
    struct filling *filling = mem_array(c->tensor_count, 1, sizeof *filling, err);
    size_t count = 0;
    int rc = out && filling ? 0 : -ERROR_NOMEM;
    for (size_t i = 0; rc == 0 && i < c->tensor_count; i++) {
        const struct tensor *t = &c->tensors[i];
        if (takes && !takes(context, t)) continue;
        filling[count] = (struct filling){c, t};
        out[count] = *t;
        out[count].fill = fill;
        out[count].context = &filling[count];
        count++;
    }
    if (rc == 0) rc = safetensors_write(w, path, out, count, metadata, sha256, size_bytes, err);
    mem_free(filling);
    mem_free(out);
    return rc;
}

#include "engine/core/transform.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/core/float.h"

enum { NAMES_BYTES_MAX = 1 << 26 };

int transforms_add(struct transforms *t, const char *name, enum transform_kind kind, uint32_t bins, struct error *err)
{
    int rc = mem_grow((void **)&t->list, t->count + 1, sizeof *t->list, err);
    if (rc < 0) return rc;
    char *copy = mem_text(name, err);
    if (!copy) return -ERROR_NOMEM;
    t->list[t->count++] = (struct transform){.name = copy, .kind = kind, .bins = bins, .deviation = 1};
    return 0;
}

void transforms_close(struct transforms *t)
{
    for (size_t i = 0; i < t->count; i++) {
        mem_free(t->list[i].name);
        mem_free(t->list[i].edges);
    }
    mem_free(t->list);
    *t = (struct transforms){0};
}

uint32_t transform_bin(const float *edges, uint32_t count, float x)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (edges[middle] < x) low = middle + 1;
        else high = middle;
    }
    return low;
}

static uint32_t bin_key(uint32_t bin, uint64_t seed)
{
    char text[16];
    int n = snprintf(text, sizeof text, "#%u", bin);
    return (uint32_t)(hash64(text, (size_t)n, seed) >> 32);
}

int transform_bin_of(const char *name, uint64_t hash_seed, uint32_t bins, uint32_t key)
{
    const uint64_t seed = hash64(name, strlen(name), hash_seed);
    for (uint32_t b = 0; b < bins; b++)
        if (bin_key(b, seed) == key) return (int)b;
    return -1;
}

void transform_bin_name(const struct transform *t, uint32_t bin, char *name, size_t size)
{
    if (t->edge_count == 0) snprintf(name, size, "any number");
    else if (bin == 0) snprintf(name, size, "<= %.7g", (double)t->edges[0]);
    else if (bin == t->edge_count) snprintf(name, size, "> %.7g", (double)t->edges[bin - 1]);
    else snprintf(name, size, "> %.7g, <= %.7g", (double)t->edges[bin - 1], (double)t->edges[bin]);
}

static int map_field(struct transform_field *f, const struct transform *t, uint64_t hash_seed, struct error *err)
{
    uint64_t seed = hash64(t->name, strlen(t->name), hash_seed); /* engine/data/format/feature.h says so, too; tests hold them together */
    f->transform = t;
    f->value_key = (uint32_t)(hash64("#", 1, seed) >> 32);
    if (t->kind != TRANSFORM_QUANTILE) return 0;
    if (!(f->bins = mem_array((size_t)t->edge_count + 1, 1, sizeof *f->bins, err))) return -ERROR_NOMEM;
    for (uint32_t b = 0; b <= t->edge_count; b++) f->bins[b] = bin_key(b, seed);
    return 0;
}

int transform_map_init(struct transform_map *map, const struct transforms *t, uint64_t hash_seed, const struct field_names *names, struct error *err)
{
    size_t count = 0;
    int rc = 0;
    *map = (struct transform_map){0};
    if (t->count == 0) return 0;
    while (names->name && names->name(names->context, count)) count++;
    if (!(map->fields = mem_array(count + 1, 1, sizeof *map->fields, err))) return -ERROR_NOMEM;
    map->count = count;
    for (size_t i = 0; rc == 0 && i < t->count; i++) {
        size_t f = 0;
        while (f < count && strcmp(names->name(names->context, f), t->list[i].name) != 0) f++;
        if (f < count) rc = map_field(&map->fields[f], &t->list[i], hash_seed, err);
        else
            rc = error_set(err, ERROR_DATA, "/dataset/schema", "the model wants the numbers of column \"%.80s\", which these rows do not have",
                           t->list[i].name);
    }
    if (rc < 0) transform_map_close(map);
    return rc;
}

void transform_map_close(struct transform_map *map)
{
    for (size_t f = 0; f < map->count; f++) mem_free(map->fields[f].bins);
    mem_free(map->fields);
    *map = (struct transform_map){0};
}

void transform_feature(const struct transform_map *map, uint16_t field, uint32_t *key, float *value)
{
    if (field >= map->count) return;
    const struct transform_field *f = &map->fields[field];
    const struct transform *t = f->transform;
    if (!t || *key != f->value_key) return; /* a missing cell has a key of its own */
    if (t->kind == TRANSFORM_QUANTILE) *key = f->bins[transform_bin(t->edges, t->edge_count, *value)], *value = 1;
    else *value = (float)(((double)*value - t->mean) / t->deviation);
}

static int transformed_reserve(struct transformed *t, size_t features, struct error *err)
{
    if (t->keys && features <= t->max) return 0;
    size_t room = features + features / 4 + 64;
    transformed_close(t);
    t->keys = mem_array(room, 1, sizeof *t->keys, err);
    t->values = mem_array(room, 1, sizeof *t->values, err);
    if (!t->keys || !t->values) {
        transformed_close(t);
        return -ERROR_NOMEM;
    }
    t->max = room;
    return 0;
}

void transformed_close(struct transformed *t)
{
    mem_free(t->keys);
    mem_free(t->values);
    *t = (struct transformed){0};
}

int transform_apply(const struct transform_map *map, const struct batch *b, struct transformed *out, struct error *err)
{
    if (b->features > 0 && !b->fields) return error_set(err, ERROR_INTERNAL, NULL, "a batch without fields reached the transforms of numbers");
    int rc = transformed_reserve(out, b->features, err);
    if (rc < 0) return rc;
    if (b->features > 0) memcpy(out->keys, b->keys, b->features * sizeof *out->keys);
    for (size_t i = 0; i < b->features; i++) out->values[i] = b->values ? b->values[i] : 1;
    for (size_t r = 0; r < b->rows; r++) {
        const uint16_t *fields = batch_fields(b, r);
        for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) transform_feature(map, fields[i - b->offsets[r]], &out->keys[i], &out->values[i]);
    }
    out->batch = *b;
    out->batch.keys = out->keys;
    out->batch.values = out->values;
    return 0;
}

void transform_tensors_close(struct transform_tensors *t)
{
    mem_free(t->kinds);
    mem_free(t->edge_counts);
    mem_free(t->names);
    mem_free(t->edges);
    mem_free(t->moments);
    *t = (struct transform_tensors){0};
}

int transform_tensors_take(struct transform_tensors *out, const struct transforms *t, struct error *err)
{
    *out = (struct transform_tensors){.count = t->count};
    if (t->count == 0) return 0;
    for (size_t i = 0; i < t->count; i++) {
        out->name_bytes += strlen(t->list[i].name) + 1;
        out->edge_total += t->list[i].edge_count;
    }
    out->kinds = mem_array(t->count, 1, sizeof *out->kinds, err);
    out->edge_counts = mem_array(t->count, 1, sizeof *out->edge_counts, err);
    out->names = mem_array(out->name_bytes, 1, 1, err);
    out->edges = mem_array(out->edge_total, 1, sizeof *out->edges, err);
    out->moments = mem_array(t->count, 2, sizeof *out->moments, err);
    if (!out->kinds || !out->edge_counts || !out->names || !out->edges || !out->moments) {
        transform_tensors_close(out);
        return -ERROR_NOMEM;
    }
    char *name = out->names;
    float *edge = out->edges;
    for (size_t i = 0; i < t->count; i++) {
        const struct transform *f = &t->list[i];
        size_t size = strlen(f->name) + 1;
        out->kinds[i] = f->kind;
        out->edge_counts[i] = f->edge_count;
        memcpy(name, f->name, size), name += size;
        if (f->edge_count > 0) memcpy(edge, f->edges, f->edge_count * sizeof *edge);
        edge += f->edge_count;
        out->moments[2 * i] = f->mean, out->moments[2 * i + 1] = f->deviation;
    }
    return 0;
}

/* A tensor's data into *out (count elements), or ERROR_DATA when it is not of that type and shape; count SIZE_MAX: as many as it has. */
static int tensor_take(const struct tensor_file *file, const char *name, enum tensor_dtype dtype, size_t size, size_t *count, size_t max, void **out,
                       struct error *err)
{
    const struct tensor *t = file->find(file->impl, name);
    if (!t || t->dtype != dtype || t->dims != 1 || (*count != SIZE_MAX && t->shape[0] != *count) || t->shape[0] > max)
        return error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" %s", file->path, name, t ? "has another shape or type" : "is missing");
    *count = (size_t)t->shape[0];
    if (!(*out = mem_array(*count + 1, 1, size, err))) return -ERROR_NOMEM;
    return *count > 0 ? file->read(file->impl, t, 0, *out, *count * size, err) : 0;
}

static int load_field(struct transforms *t, const struct transform_tensors *from, size_t i, const char **name, const float **edge,
                      const struct tensor_file *file, struct error *err)
{
    const char *end = from->names + from->name_bytes;
    size_t size = strnlen(*name, (size_t)(end - *name));
    uint32_t n = from->edge_counts[i];
    double mean = from->moments[2 * i], deviation = from->moments[2 * i + 1];
    bool good = *name + size < end && n <= TRANSFORM_EDGES_MAX && n <= from->edge_total - (size_t)(*edge - from->edges) && isfinite(mean) &&
                isfinite(deviation) && deviation > 0 && (from->kinds[i] == TRANSFORM_QUANTILE || from->kinds[i] == TRANSFORM_NORMALISED);
    for (uint32_t k = 0; good && k < n; k++) good = isfinite((*edge)[k]) && (k == 0 || (*edge)[k - 1] < (*edge)[k]);
    if (!good) return error_set(err, ERROR_DATA, NULL, "%s: tensors \"transform.*\": number %zu is out of order or range", file->path, i);
    int rc = transforms_add(t, *name, (enum transform_kind)from->kinds[i], n + 1, err);
    if (rc < 0) return rc;
    struct transform *f = &t->list[i];
    f->mean = mean, f->deviation = deviation;
    if (!(f->edges = mem_array(n, 1, sizeof *f->edges, err))) return -ERROR_NOMEM;
    if (n > 0) memcpy(f->edges, *edge, n * sizeof *f->edges);
    f->edge_count = n;
    *name += size + 1, *edge += n;
    return 0;
}

int transforms_load(struct transforms *t, const struct tensor_file *file, struct error *err)
{
    struct transform_tensors from = {.count = SIZE_MAX, .name_bytes = SIZE_MAX, .edge_total = SIZE_MAX};
    transforms_close(t);
    if (!file->find(file->impl, "transform.kinds")) return 0;
    int rc = tensor_take(file, "transform.kinds", TENSOR_U32, 4, &from.count, TRANSFORMS_MAX, (void **)&from.kinds, err);
    size_t moments = 2 * from.count;
    if (rc == 0) rc = tensor_take(file, "transform.edge_counts", TENSOR_U32, 4, &from.count, TRANSFORMS_MAX, (void **)&from.edge_counts, err);
    if (rc == 0) rc = tensor_take(file, "transform.names", TENSOR_U8, 1, &from.name_bytes, NAMES_BYTES_MAX, (void **)&from.names, err);
    if (rc == 0)
        rc = tensor_take(file, "transform.edges", TENSOR_F32, 4, &from.edge_total, (size_t)TRANSFORMS_MAX * TRANSFORM_EDGES_MAX, (void **)&from.edges,
                         err);
    if (rc == 0) rc = tensor_take(file, "transform.moments", TENSOR_F64, 8, &moments, 2 * TRANSFORMS_MAX, (void **)&from.moments, err);
    const char *name = from.names;
    const float *edge = from.edges;
    for (size_t i = 0; rc == 0 && i < from.count; i++) rc = load_field(t, &from, i, &name, &edge, file, err);
    transform_tensors_close(&from);
    if (rc < 0) transforms_close(t);
    return rc;
}

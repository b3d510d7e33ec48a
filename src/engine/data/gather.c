/* batch_gather: rows from all over a window into one batch. Bound by cache misses, so it runs in two passes that each prefetch ahead: first
 * lengths and labels, then the features themselves. */
#include <string.h>

#include "base/mem.h"
#include "engine/data/stream.h"

enum { AHEAD = 16, LINE = 64, LINES_AHEAD_MAX = 8 };

static int buffer_rows(struct batch_buffer *b, size_t rows, struct error *err)
{
    int rc;
    if (b->offsets && rows <= b->rows_max) return 0;
    if ((rc = mem_grow((void **)&b->offsets, rows + 1, sizeof *b->offsets, err)) < 0) return rc;
    if ((rc = mem_grow((void **)&b->labels, rows, sizeof *b->labels, err)) < 0) return rc;
    if ((rc = mem_grow((void **)&b->ordinals, rows, sizeof *b->ordinals, err)) < 0) return rc;
    if ((rc = mem_grow((void **)&b->weights, rows, sizeof *b->weights, err)) < 0) return rc;
    if (b->want_groups && (rc = mem_grow((void **)&b->groups, rows, sizeof *b->groups, err)) < 0) return rc;
    b->rows_max = rows;
    return 0;
}

static int buffer_features(struct batch_buffer *b, size_t features, bool values, bool fields, struct error *err)
{
    int rc;
    if (features > b->features_max) {
        features += features / 4;
        if (b->fields && (rc = mem_grow((void **)&b->fields, features, sizeof *b->fields, err)) < 0) return rc;
        if ((rc = mem_grow((void **)&b->keys, features, sizeof *b->keys, err)) < 0) return rc;
        if (b->values && (rc = mem_grow((void **)&b->values, features, sizeof *b->values, err)) < 0) return rc;
        b->features_max = features;
    }
    if (fields && !b->fields && (rc = mem_grow((void **)&b->fields, b->features_max, sizeof *b->fields, err)) < 0) return rc;
    if (values && !b->values && (rc = mem_grow((void **)&b->values, b->features_max, sizeof *b->values, err)) < 0) return rc;
    return 0;
}

struct row_span {
    uint32_t start, end;
};

/* Where the features of a row are. Rows of the same columns have as many each as the first: no need to bring their offsets near. */
static inline struct row_span span_of(const struct row_ref *ref)
{
    const struct batch *from = ref->block;
    uint32_t row = ref->row, each = from->offsets[1];
    if (from->same_fields) return (struct row_span){row * each, (row + 1) * each};
    return (struct row_span){from->offsets[row], from->offsets[row + 1]};
}

static void prefetch_row(const struct row_ref *ref)
{
    const struct batch *from = ref->block;
    const struct row_span span = span_of(ref);
    uint32_t start = span.start, end = span.end;
    const char *at = (const char *)(from->keys + start), *stop = (const char *)(from->keys + end);
    if (stop - at > LINES_AHEAD_MAX * LINE) stop = at + LINES_AHEAD_MAX * LINE;
    for (; at < stop; at += LINE) __builtin_prefetch(at);
    if (stop > (const char *)(from->keys + start)) __builtin_prefetch(stop - 1);
    if (from->values) __builtin_prefetch(from->values + start);
}

static void copy_values(float *to, const struct batch *from, uint32_t start, size_t n)
{
    if (from->values) memcpy(to, from->values + start, n * sizeof *to);
    else
        for (size_t i = 0; i < n; i++) to[i] = 1;
}

static void copy_fields(uint16_t *to, const struct batch *from, uint32_t row, size_t n)
{
    const uint16_t *fields = batch_fields(from, row);
    if (fields) memcpy(to, fields, n * sizeof *to);
    else memset(to, 0xff, n * sizeof *to);
}

/* What is known of rows besides features. Blocks of one data set have it all or none of them. */
static void gather_facts(struct batch_buffer *out, const struct row_ref *refs, size_t count)
{
    const struct batch *first = refs[0].block;
    for (size_t i = 0; first->weights && i < count; i++) out->weights[i] = refs[i].block->weights[refs[i].row];
    for (size_t i = 0; out->want_groups && first->groups && i < count; i++) out->groups[i] = refs[i].block->groups[refs[i].row];
    out->batch.weights = first->weights ? out->weights : NULL;
    out->batch.groups = out->want_groups && first->groups ? out->groups : NULL;
}

int batch_gather(struct batch_buffer *out, const struct row_ref *refs, size_t count, struct error *err)
{
    bool values = false, fields = out->want_fields && count > 0 && refs[0].block->fields && !refs[0].block->same_fields;
    uint64_t total = 0;
    int rc = buffer_rows(out, count, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) {
            const struct row_ref *far = &refs[i + AHEAD];
            if (!far->block->same_fields) __builtin_prefetch(far->block->offsets + far->row);
            __builtin_prefetch(far->block->labels + far->row);
        }
        const struct batch *from = refs[i].block;
        out->offsets[i] = (uint32_t)total;
        out->labels[i] = from->labels[refs[i].row];
        out->ordinals[i] = from->first_row + refs[i].row;
        const struct row_span span = span_of(&refs[i]);
        total += span.end - span.start;
        values |= from->values != NULL;
    }
    if (total > UINT32_MAX)
        return error_set(err, ERROR_TOOLARGE, NULL, "a batch of %zu rows has %llu features; use a smaller batch_size", count,
                         (unsigned long long)total);
    if ((rc = buffer_features(out, (size_t)total, values, fields, err)) < 0) return rc;
    out->offsets[count] = (uint32_t)total;
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count) prefetch_row(&refs[i + AHEAD]);
        const struct batch *from = refs[i].block;
        uint32_t start = span_of(&refs[i]).start;
        size_t n = out->offsets[i + 1] - out->offsets[i];
        if (n == 0) continue;
        memcpy(out->keys + out->offsets[i], from->keys + start, n * sizeof *out->keys);
        if (values) copy_values(out->values + out->offsets[i], from, start, n);
        if (fields) copy_fields(out->fields + out->offsets[i], from, refs[i].row, n);
    }
    out->batch = (struct batch){.rows = count,
                                .features = (size_t)total,
                                .offsets = out->offsets,
                                .keys = out->keys,
                                .values = values ? out->values : NULL,
                                .ordinals = out->ordinals,
                                .labels = out->labels};
    if (count == 0) return 0;
    gather_facts(out, refs, count);
    if (refs[0].block->same_fields) out->batch.fields = refs[0].block->fields, out->batch.same_fields = true;
    else if (fields) out->batch.fields = out->fields;
    return 0;
}

void batch_buffer_close(struct batch_buffer *b)
{
    mem_free(b->offsets);
    mem_free(b->keys);
    mem_free(b->values);
    mem_free(b->labels);
    mem_free(b->weights);
    mem_free(b->fields);
    mem_free(b->groups);
    mem_free(b->ordinals);
    *b = (struct batch_buffer){0};
}

#include "engine/model/bag_layer.h"

#include <string.h>

#include "base/cpu.h"
#include "base/kernel.h"
#include "engine/model/gemm.h"
#include "engine/model/layers.h"

enum { BLOCK_FLOATS = 512 * 1024, BLOCK_MIN = 16, BLOCK_MAX = 512 }; /* products of a block of columns: 2 MiB, of a third cache */
#define NONE UINT32_MAX

KERNEL_DECLARE(void, bag_gather, (const struct bag_rows *b, size_t n, const float *products, const float *bias, float *y, size_t y_row));
KERNEL_DECLARE(void, bag_scatter, (const struct bag_rows *b, size_t n, const float *dy, size_t dy_row, float *slopes));

static void (*const gather_table[])(const struct bag_rows *, size_t, const float *, const float *, float *, size_t) = KERNEL_TABLE(bag_gather);
static void (*const scatter_table[])(const struct bag_rows *, size_t, const float *, size_t, float *) = KERNEL_TABLE(bag_scatter);

/* Pairs are grouped by field, and inside a field by first occurrence. All counts are at most the batch's features. */
struct pairs {
    uint32_t *start, *pair;    /* struct bag_rows */
    float *value;              /* written where some are not 1 */
    uint32_t *slot;            /* (pairs): compact row of the embedding */
    uint32_t *first_of_field;  /* (fields + 1): field f's pairs are first_of_field[f] .. first_of_field[f + 1] - 1 */
    uint32_t *latest, *before; /* (distinct), (pairs): the pairs of a compact row, by first occurrence; features of two fields may share one */
    uint32_t *in_row;          /* (fields): features of each field in the row at hand, where bags are means */
    uint32_t *field, *place;   /* (pairs), by first occurrence */
    float *rows, *down;        /* (pairs, D): embeddings, and their slopes */
    float *products;           /* (pairs, columns of a block) */
};

static size_t block_columns(size_t pairs, size_t outputs)
{
    size_t n = pairs > 0 ? BLOCK_FLOATS / pairs / BLOCK_MIN * BLOCK_MIN : BLOCK_MAX;
    n = n < BLOCK_MIN ? BLOCK_MIN : n > BLOCK_MAX ? BLOCK_MAX : n;
    return n < outputs ? n : outputs;
}

static size_t pairs_memory(const struct bags_options *bags, struct model_shape shape, struct model_size size, float *at, struct pairs *p)
{
    size_t used = 0, pairs = size.features, most = pairs * BLOCK_MIN > BLOCK_FLOATS ? pairs * BLOCK_MIN : BLOCK_FLOATS;
#define TAKE(pointer, words) ((pointer) = at ? (void *)(at + used) : NULL, used += (words))
    *p = (struct pairs){0};
    TAKE(p->start, size.rows + 1), TAKE(p->pair, pairs), TAKE(p->value, pairs), TAKE(p->slot, pairs);
    TAKE(p->first_of_field, shape.fields + 1), TAKE(p->latest, size.distinct), TAKE(p->in_row, shape.fields), TAKE(p->before, pairs),
        TAKE(p->field, pairs), TAKE(p->place, pairs);
    TAKE(p->rows, pairs * (size_t)bags->dim), TAKE(p->down, pairs * (size_t)bags->dim), TAKE(p->products, most);
#undef TAKE
    return used;
}

size_t bag_layer_scratch(const struct bags_options *bags, struct model_shape shape, struct model_size size)
{
    struct pairs p;
    return pairs_memory(bags, shape, size, NULL, &p);
}

static bool all_one(const struct bag_layer *l, const struct batch *b) { return !b->values && l->bags->pooling == POOLING_SUM; }

/* What the row's n features weigh, by the count of their fields where bags are means. Appended to p->value, but for those without a place. */
static void row_weights(struct pairs *p, const struct bag_layer *l, uint32_t known, const uint16_t *fields, const float *values, size_t n, float *out)
{
    bool mean = l->bags->pooling == POOLING_MEAN;
    for (size_t i = 0; mean && i < n; i++)
        if (fields[i] < known) p->in_row[fields[i]]++;
    for (size_t i = 0; i < n; i++)
        if (fields[i] < known) *out++ = (values ? values[i] : 1) / (mean ? (float)p->in_row[fields[i]] : 1);
    for (size_t i = 0; mean && i < n; i++)
        if (fields[i] < known) p->in_row[fields[i]] = 0;
}

/* The number, by first occurrence, of the pair of that field and compact row; a new one gets the next. */
static uint32_t pair_number(struct pairs *p, uint32_t slot, uint32_t field, uint32_t *count)
{
    uint32_t at = p->latest[slot];
    while (at != NONE && p->field[at] != field) at = p->before[at];
    if (at != NONE) return at;
    at = (*count)++;
    p->slot[at] = slot, p->field[at] = field, p->before[at] = p->latest[slot], p->latest[slot] = at;
    p->first_of_field[field + 1]++;
    return at;
}

/* Moves slots from first occurrence to the order of fields; place: where each went. */
static void pairs_group(struct pairs *p, uint32_t fields, uint32_t count, size_t features)
{
    for (uint32_t f = 0; f < fields; f++) p->first_of_field[f + 1] += p->first_of_field[f];
    for (uint32_t i = 0; i < count; i++) p->place[i] = p->first_of_field[p->field[i]]++;
    for (uint32_t f = fields; f-- > 0;) p->first_of_field[f + 1] = p->first_of_field[f];
    p->first_of_field[0] = 0;
    for (uint32_t i = 0; i < count; i++) p->before[p->place[i]] = p->slot[i];
    memcpy(p->slot, p->before, count * sizeof *p->slot);
    for (size_t i = 0; i < features; i++) p->pair[i] = p->place[p->pair[i]];
}

static uint32_t pairs_find(struct pairs *p, const struct bag_layer *l, const struct model_call *c)
{
    const struct batch *b = c->batch;
    uint32_t count = 0, placed = 0;
    if (c->distinct > 0) memset(p->latest, 0xff, c->distinct * sizeof *p->latest);
    if (c->shape.fields > 0) memset(p->in_row, 0, c->shape.fields * sizeof *p->in_row);
    memset(p->first_of_field, 0, (c->shape.fields + 1) * sizeof *p->first_of_field);
    for (size_t r = 0; r < b->rows; r++) {
        const uint16_t *fields = batch_fields(b, r);
        size_t start = b->offsets[r], n = fields ? b->offsets[r + 1] - start : 0;
        p->start[r] = placed;
        if (!all_one(l, b)) row_weights(p, l, c->shape.fields, fields, b->values ? b->values + start : NULL, n, p->value + placed);
        for (size_t i = 0; i < n; i++)
            if (fields[i] < c->shape.fields) p->pair[placed++] = pair_number(p, c->local[start + i], fields[i], &count);
    }
    p->start[b->rows] = placed;
    pairs_group(p, c->shape.fields, count, placed);
    return count;
}

static struct bag_rows rows_of(const struct pairs *p, const struct bag_layer *l, const struct model_call *c)
{
    return (struct bag_rows){c->batch->rows, p->start, p->pair, all_one(l, c->batch) ? NULL : p->value};
}

void bag_layer_forward(const struct bag_layer *l, const struct model_call *c, float *scratch, float *y)
{
    struct pairs p;
    size_t dim = (size_t)l->bags->dim, inputs = bags_width(l->bags, c->shape);
    pairs_memory(l->bags, c->shape, model_size(c), scratch, &p);
    size_t count = pairs_find(&p, l, c), block = block_columns(count, l->outputs);
    const struct bag_rows rows = rows_of(&p, l, c);
    for (size_t i = 0; i < count; i++) memcpy(p.rows + i * dim, l->embedding + p.slot[i] * dim, dim * sizeof *p.rows);
    for (size_t j = 0, n; j < l->outputs; j += n) {
        n = l->outputs - j < block ? l->outputs - j : block;
        for (uint32_t f = 0; f < c->shape.fields; f++) {
            size_t from = p.first_of_field[f], some = p.first_of_field[f + 1] - from;
            struct matrix e = {p.rows + from * dim, dim, 1}, w = {l->w + j * inputs + f * dim, 1, inputs};
            gemm(some, n, dim, e, w, p.products + from * n, n, false);
        }
        gather_table[cpu_level()](&rows, n, p.products, l->bias ? l->bias + j : NULL, y + j, l->outputs);
    }
}

void bag_layer_backward(const struct bag_layer *l, const struct model_call *c, float *scratch, const float *dy, float *grad_w, float *grad_bias,
                        float *grad_embedding)
{
    struct pairs p;
    size_t dim = (size_t)l->bags->dim, inputs = bags_width(l->bags, c->shape);
    pairs_memory(l->bags, c->shape, model_size(c), scratch, &p);
    size_t count = p.first_of_field[c->shape.fields], block = block_columns(count, l->outputs);
    const struct bag_rows rows = rows_of(&p, l, c);
    float *slopes = p.products, *down = p.down;
    if (grad_bias) column_sums(c->batch->rows, l->outputs, dy, grad_bias);
    for (size_t j = 0, n; j < l->outputs; j += n) {
        n = l->outputs - j < block ? l->outputs - j : block;
        memset(slopes, 0, count * n * sizeof *slopes);
        scatter_table[cpu_level()](&rows, n, dy + j, l->outputs, slopes);
        for (uint32_t f = 0; f < c->shape.fields; f++) {
            size_t from = p.first_of_field[f], some = p.first_of_field[f + 1] - from, at = j * inputs + f * dim;
            const float *slope = slopes + from * n;
            gemm(n, dim, some, (struct matrix){slope, 1, n}, (struct matrix){p.rows + from * dim, dim, 1}, grad_w + at, inputs, true);
            gemm(some, dim, n, (struct matrix){slope, n, 1}, (struct matrix){l->w + at, inputs, 1}, down + from * dim, dim, j > 0);
        }
    }
    for (size_t i = 0; i < count; i++)
        for (size_t d = 0; d < dim; d++) grad_embedding[p.slot[i] * dim + d] += down[i * dim + d];
}

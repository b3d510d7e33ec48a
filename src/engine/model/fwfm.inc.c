/* Kernels of fwfm.c. Factors go in groups of 16 lanes, the last one padded with zeros in the row's own sums (never in the table), so any vector width
 * adds in the same order. A row's fields that have a feature are listed, and only pairs of those are looked at. The gradient of a pair's weight is a
 * dot product, whose sideways sum would cost more than the rest: its lanes are kept apart over the whole micro-batch and folded once. */
#include <string.h>

#include "base/kernel.h"
#include "engine/model/fields.h"
#include "engine/model/fwfm.h"

typedef float lanes16 __attribute__((vector_size(64)));
typedef float lanes16_unaligned __attribute__((vector_size(64), aligned(4), may_alias));

void KERNEL(fwfm_forward)(const struct fwfm_call *c, float *logits);
void KERNEL(fwfm_backward)(const struct fwfm_call *c, const float *delta, float *grad_v, float *grad_weights);

struct fwfm_row {                                         /* what a row has of each of its fields, in the order in which they first occur */
    float *sums, *squares, *others;                       /* E, Q, G (count, padded) */
    size_t count;                                         /* of its fields */
    uint32_t field[FWFM_FIELDS_MAX], at[FWFM_FIELDS_MAX]; /* (count); (fields): where in that order a field is */
    bool has[FWFM_FIELDS_MAX], many;                      /* many: some field has more than one feature */
};

struct fwfm_pairs { /* the pairs' weights of rows with these fields */
    size_t count, room;
    uint32_t field[FWFM_FIELDS_MAX];
    float *weights; /* (count, room), 0 on the diagonal and beyond count */
};

struct fwfm_work {
    struct fwfm_row row[FWFM_TILE];
    struct fwfm_pairs pairs;
    size_t padded;
    float *products; /* (fields, fields, lanes) */
};

#define LANES(p) (*(lanes16_unaligned *)(p))

/* Of a table's row, which ends after `left` floats: the rest is 0. By pointer: a vector that a function returns is another ABI on each machine. */
static inline void load_some(lanes16 *x, const float *p, size_t left)
{
    *x = (lanes16){0};
    if (left >= FWFM_LANES) memcpy(x, p, sizeof *x);
    else memcpy(x, p, left * sizeof *p);
}

static inline void store_some(float *p, const lanes16 *x, size_t left)
{
    if (left >= FWFM_LANES) memcpy(p, x, sizeof *x);
    else memcpy(p, x, left * sizeof *p);
}

static inline float fold(const float *lanes)
{
    float lane[FWFM_LANES];
    memcpy(lane, lanes, sizeof lane);
    for (size_t half = FWFM_LANES / 2; half > 0; half /= 2)
        for (size_t l = 0; l < half; l++) lane[l] += lane[l + half];
    return lane[0];
}

static inline size_t weight_at(const struct fwfm_call *c, uint32_t f, uint32_t g)
{
    return f < g ? f * (size_t)c->fields + g : g * (size_t)c->fields + f;
}

static void work_open(struct fwfm_work *work, const struct fwfm_call *c)
{
    size_t room = fwfm_room(c->fields), padded = fwfm_padded(c->k);
    float *at = c->scratch;
    work->padded = padded;
    work->products = at, at += (size_t)c->fields * c->fields * FWFM_LANES;
    for (size_t t = 0; t < FWFM_TILE; t++) {
        struct fwfm_row *row = &work->row[t];
        row->sums = at, row->squares = at + room * padded, row->others = at + 2 * room * padded;
        at += 3 * room * padded;
        row->count = 0;
        memset(row->has, 0, sizeof row->has);
    }
    work->pairs = (struct fwfm_pairs){.room = room, .weights = at};
}

/* E and Q of row r of the batch, for the fields that it has. */
static void row_sum(struct fwfm_row *row, size_t padded, const struct fwfm_call *c, size_t r)
{
    const struct batch *b = c->batch;
    const uint16_t *field = batch_fields(b, r);
    size_t start = b->offsets[r], end = field ? b->offsets[r + 1] : start;
    for (size_t i = 0; i < row->count; i++) row->has[row->field[i]] = false;
    row->count = 0, row->many = false;
    for (size_t i = start; i < end; i++) {
        uint32_t f = field[i - start];
        if (f >= c->fields) continue;
        bool again = row->has[f];
        if (again) row->many = true;
        else row->has[f] = true, row->at[f] = (uint32_t)row->count, row->field[row->count++] = f;
        const float *v = c->v + c->local[i] * c->k;
        float x = b->values ? b->values[i] : 1, *sums = row->sums + row->at[f] * padded, *squares = row->squares + row->at[f] * padded;
        for (size_t k = 0; k < c->k; k += FWFM_LANES) {
            lanes16 u;
            load_some(&u, v + k, c->k - k);
            u *= x;
            lanes16 square = u * u;
            if (again) u += LANES(sums + k), square += LANES(squares + k);
            LANES(sums + k) = u;
            LANES(squares + k) = square;
        }
    }
}

static bool same_fields(const struct fwfm_row *row, size_t count, const uint32_t *field)
{
    return row->count == count && memcmp(row->field, field, count * sizeof *field) == 0;
}

/* The weights of the row's pairs side by side: most rows have the fields of the one before. */
static void pairs_of(struct fwfm_pairs *pairs, const struct fwfm_call *c, const struct fwfm_row *row)
{
    if (same_fields(row, pairs->count, pairs->field)) return;
    pairs->count = row->count;
    memcpy(pairs->field, row->field, row->count * sizeof *row->field);
    for (size_t i = 0; i < row->count; i++)
        for (size_t j = 0; j < pairs->room; j++)
            pairs->weights[i * pairs->room + j] = j < row->count && j != i ? c->weights[weight_at(c, row->field[i], row->field[j])] : 0;
}

void KERNEL(fwfm_forward)(const struct fwfm_call *c, float *logits)
{
    struct fwfm_work work;
    struct fwfm_row *row = &work.row[0];
    work_open(&work, c);
    for (size_t r = 0; r < c->batch->rows; r++) {
        lanes16 total = {0};
        row_sum(row, work.padded, c, r);
        pairs_of(&work.pairs, c, row);
        for (size_t k = 0; k < work.padded; k += FWFM_LANES)
            for (size_t i = 0; i < row->count; i++) {
                const float *weights = work.pairs.weights + i * work.pairs.room, *theirs = row->sums + k;
                lanes16 even = {0}, odd = {0}, mine = LANES(row->sums + i * work.padded + k);
                size_t j = i + 1;
                for (; j + 2 <= row->count; j += 2) {
                    even += weights[j] * LANES(theirs + j * work.padded);
                    odd += weights[j + 1] * LANES(theirs + (j + 1) * work.padded);
                }
                if (j < row->count) even += weights[j] * LANES(theirs + j * work.padded);
                total += mine * (even + odd);
                if (!row->many) continue;
                float own = c->weights[weight_at(c, row->field[i], row->field[i])];
                total += 0.5f * own * (mine * mine - LANES(row->squares + i * work.padded + k));
            }
        logits[r] += fold((const float *)&total);
    }
}

/* G of the row's fields: the weighted sum of the others' E, in their order; the weight of a field with itself is 0. Four at a time hide the latency
 * of an addition. */
static void row_others(struct fwfm_row *row, const struct fwfm_pairs *pairs, size_t padded)
{
    for (size_t k = 0; k < padded; k += FWFM_LANES)
        for (size_t i = 0; i < row->count; i += 4) {
            lanes16 sum[4] = {{0}};
            for (size_t j = 0; j < row->count; j++) {
                lanes16 theirs = LANES(row->sums + j * padded + k);
                const float *weights = pairs->weights + j * pairs->room + i;
                for (size_t l = 0; l < 4; l++) sum[l] += weights[l] * theirs;
            }
            for (size_t l = 0; l < 4; l++) LANES(row->others + (i + l) * padded + k) = sum[l];
        }
}

/* delta <E_f, E_g> of the tile's rows, which have the same fields, into products: a pair's lanes are read and written once a tile. */
static inline __attribute__((always_inline)) void tile_products(struct fwfm_work *work, const struct fwfm_call *c, size_t rows, const float *delta)
{
    const struct fwfm_row *first = &work->row[0];
    for (size_t i = 0; i < first->count; i++)
        for (size_t k = 0; k < work->padded; k += FWFM_LANES) {
            lanes16 scaled[FWFM_TILE];
            for (size_t t = 0; t < rows; t++) scaled[t] = LANES(work->row[t].sums + i * work->padded + k) * delta[t];
            for (size_t j = i + 1; j < first->count; j++) {
                float *product = work->products + weight_at(c, first->field[i], first->field[j]) * FWFM_LANES;
                lanes16 sum = LANES(product);
                for (size_t t = 0; t < rows; t++) sum += scaled[t] * LANES(work->row[t].sums + j * work->padded + k);
                LANES(product) = sum;
            }
        }
}

/* The same of a field with itself, where it has several features. */
static void row_own_products(struct fwfm_work *work, const struct fwfm_call *c, const struct fwfm_row *row, float delta)
{
    for (size_t i = 0; i < row->count; i++)
        for (size_t k = 0; k < work->padded; k += FWFM_LANES) {
            lanes16 mine = LANES(row->sums + i * work->padded + k);
            LANES(work->products + weight_at(c, row->field[i], row->field[i]) *
                                       FWFM_LANES) += 0.5f * delta * (mine * mine - LANES(row->squares + i * work->padded + k));
        }
}

/* The gradient of the factors of row r's features. */
static void row_scatter(const struct fwfm_row *row, size_t padded, const struct fwfm_call *c, size_t r, float delta, float *grad_v)
{
    const struct batch *b = c->batch;
    const uint16_t *field = batch_fields(b, r);
    for (size_t i = b->offsets[r], start = i; field && i < b->offsets[r + 1]; i++) {
        uint32_t f = field[i - start];
        if (f >= c->fields) continue;
        float x = b->values ? b->values[i] : 1, d = delta * x, own = c->weights[weight_at(c, f, f)];
        for (size_t k = 0; k < c->k; k += FWFM_LANES) {
            size_t at = c->local[i] * c->k + k, in_row = row->at[f] * padded + k;
            lanes16 g = LANES(row->others + in_row), v, sum;
            if (row->many) {
                load_some(&v, c->v + at, c->k - k);
                g += own * (LANES(row->sums + in_row) - v * x);
            }
            load_some(&sum, grad_v + at, c->k - k);
            sum += d * g;
            store_some(grad_v + at, &sum, c->k - k);
        }
    }
}

/* Rows r .. r + rows - 1, which are in the tile. */
static void tile_back(struct fwfm_work *work, const struct fwfm_call *c, size_t r, size_t rows, const float *delta, float *grad_v)
{
    pairs_of(&work->pairs, c, &work->row[0]);
    if (rows == FWFM_TILE) tile_products(work, c, FWFM_TILE, delta + r); /* a constant count unrolls */
    else tile_products(work, c, rows, delta + r);
    for (size_t t = 0; t < rows; t++) {
        struct fwfm_row *row = &work->row[t];
        row_others(row, &work->pairs, work->padded);
        if (row->many) row_own_products(work, c, row, delta[r + t]);
        row_scatter(row, work->padded, c, r + t, delta[r + t], grad_v);
    }
}

void KERNEL(fwfm_backward)(const struct fwfm_call *c, const float *delta, float *grad_v, float *grad_weights)
{
    struct fwfm_work work;
    const struct batch *b = c->batch;
    work_open(&work, c);
    float *products = work.products;
    memset(products, 0, (size_t)c->fields * c->fields * FWFM_LANES * sizeof *products);
    for (size_t r = 0, tile; r < b->rows; r += tile) {
        for (tile = 0; tile < FWFM_TILE && r + tile < b->rows; tile++) {
            row_sum(&work.row[tile], work.padded, c, r + tile);
            if (!same_fields(&work.row[tile], work.row[0].count, work.row[0].field)) break; /* the next tile's first */
        }
        tile_back(&work, c, r, tile, delta, grad_v);
    }
    for (uint32_t f = 0; f < c->fields; f++)
        for (uint32_t g = f; g < c->fields; g++) grad_weights[weight_at(c, f, g)] += fold(products + weight_at(c, f, g) * FWFM_LANES);
}

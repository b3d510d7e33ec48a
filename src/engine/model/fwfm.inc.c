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

struct fwfm_row {                   /* its sums a field, and which fields it has, in the order in which they first occur */
    float *sums, *squares, *others; /* E, Q, G (fields, padded) */
    size_t padded, count;
    uint32_t field[FWFM_FIELDS_MAX];
    bool has[FWFM_FIELDS_MAX], many; /* many: some field has more than one feature */
};

#define LANES(p) (*(lanes16_unaligned *)(p))

/* Of a table's row, which ends after `left` floats: the rest is 0. By pointer: a vector that a function returns is another ABI on each machine. */
static inline void load_some(lanes16 *x, const float *p, size_t left)
{
    *x = (lanes16){0};
    memcpy(x, p, left >= FWFM_LANES ? sizeof *x : left * sizeof *p);
}

static inline void store_some(float *p, const lanes16 *x, size_t left) { memcpy(p, x, left >= FWFM_LANES ? sizeof *x : left * sizeof *p); }

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

static void row_open(struct fwfm_row *row, const struct fwfm_call *c)
{
    size_t floats = c->fields * fwfm_padded(c->k);
    row->sums = c->scratch, row->squares = row->sums + floats, row->others = row->squares + floats;
    row->padded = fwfm_padded(c->k);
    row->count = 0;
    memset(row->has, 0, sizeof row->has);
}

/* E and Q of row r, for the fields that it has. */
static void row_sum(struct fwfm_row *row, const struct fwfm_call *c, size_t r)
{
    const struct batch *b = c->batch;
    const uint16_t *field = batch_fields(b, r);
    size_t start = b->offsets[r], end = field ? b->offsets[r + 1] : start;
    for (size_t i = 0; i < row->count; i++) row->has[row->field[i]] = false;
    row->count = 0, row->many = false;
    for (size_t i = start; i < end; i++) {
        uint32_t f = field[i - start];
        if (f >= c->fields) continue;
        const float *v = c->v + c->local[i] * c->k;
        float x = b->values ? b->values[i] : 1, *sums = row->sums + f * row->padded, *squares = row->squares + f * row->padded;
        for (size_t k = 0; k < c->k; k += FWFM_LANES) {
            lanes16 u;
            load_some(&u, v + k, c->k - k);
            u *= x;
            lanes16 square = u * u;
            if (row->has[f]) u += LANES(sums + k), square += LANES(squares + k);
            LANES(sums + k) = u;
            LANES(squares + k) = square;
        }
        if (row->has[f]) row->many = true;
        else row->has[f] = true, row->field[row->count++] = f;
    }
}

void KERNEL(fwfm_forward)(const struct fwfm_call *c, float *logits)
{
    struct fwfm_row row;
    row_open(&row, c);
    for (size_t r = 0; r < c->batch->rows; r++) {
        lanes16 total = {0};
        row_sum(&row, c, r);
        for (size_t k = 0; k < row.padded; k += FWFM_LANES)
            for (size_t i = 0; i < row.count; i++) {
                uint32_t f = row.field[i];
                lanes16 even = {0}, odd = {0}, mine = LANES(row.sums + f * row.padded + k);
                size_t j = i + 1;
                for (; j + 2 <= row.count; j += 2) {
                    even += c->weights[weight_at(c, f, row.field[j])] * LANES(row.sums + row.field[j] * row.padded + k);
                    odd += c->weights[weight_at(c, f, row.field[j + 1])] * LANES(row.sums + row.field[j + 1] * row.padded + k);
                }
                if (j < row.count) even += c->weights[weight_at(c, f, row.field[j])] * LANES(row.sums + row.field[j] * row.padded + k);
                total += mine * (even + odd);
                if (row.many) total += 0.5f * c->weights[weight_at(c, f, f)] * (mine * mine - LANES(row.squares + f * row.padded + k));
            }
        logits[r] += fold((const float *)&total);
    }
}

/* G of the row's fields, and delta <E_f, E_g> into products, for the factors k .. k + 15. */
static void row_back(struct fwfm_row *row, const struct fwfm_call *c, size_t k, float delta, float *products)
{
    for (size_t i = 0; i < row->count; i++) LANES(row->others + row->field[i] * row->padded + k) = (lanes16){0};
    for (size_t i = 0; i < row->count; i++) {
        uint32_t f = row->field[i];
        float *mine_others = row->others + f * row->padded + k;
        lanes16 mine = LANES(row->sums + f * row->padded + k), scaled = mine * delta, others = LANES(mine_others);
        for (size_t j = i + 1; j < row->count; j++) {
            size_t at = weight_at(c, f, row->field[j]), g = row->field[j] * row->padded + k;
            lanes16 theirs = LANES(row->sums + g);
            others += c->weights[at] * theirs;
            LANES(row->others + g) += c->weights[at] * mine;
            LANES(products + at * FWFM_LANES) += scaled * theirs;
        }
        LANES(mine_others) = others;
        if (!row->many) continue;
        float *own = products + weight_at(c, f, f) * FWFM_LANES;
        LANES(own) += 0.5f * delta * (mine * mine - LANES(row->squares + f * row->padded + k));
    }
}

void KERNEL(fwfm_backward)(const struct fwfm_call *c, const float *delta, float *grad_v, float *grad_weights)
{
    struct fwfm_row row;
    const struct batch *b = c->batch;
    row_open(&row, c);
    float *products = c->scratch + 3 * c->fields * row.padded;
    memset(products, 0, (size_t)c->fields * c->fields * FWFM_LANES * sizeof *products);
    for (size_t r = 0; r < b->rows; r++) {
        row_sum(&row, c, r);
        for (size_t k = 0; k < row.padded; k += FWFM_LANES) row_back(&row, c, k, delta[r], products);
        const uint16_t *field = batch_fields(b, r);
        for (size_t i = b->offsets[r], start = i; field && i < b->offsets[r + 1]; i++) {
            uint32_t f = field[i - start];
            if (f >= c->fields) continue;
            float x = b->values ? b->values[i] : 1, d = delta[r] * x, own = c->weights[weight_at(c, f, f)];
            for (size_t k = 0; k < c->k; k += FWFM_LANES) {
                size_t at = c->local[i] * c->k + k, in_row = f * row.padded + k;
                lanes16 g = LANES(row.others + in_row), v, sum;
                load_some(&v, c->v + at, c->k - k);
                if (row.many) g += own * (LANES(row.sums + in_row) - v * x);
                load_some(&sum, grad_v + at, c->k - k);
                sum += d * g;
                store_some(grad_v + at, &sum, c->k - k);
            }
        }
    }
    for (uint32_t f = 0; f < c->fields; f++)
        for (uint32_t g = f; g < c->fields; g++) grad_weights[weight_at(c, f, g)] += fold(products + weight_at(c, f, g) * FWFM_LANES);
}

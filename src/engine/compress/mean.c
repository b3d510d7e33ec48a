/* The mean weighted by examples: shards hand over sums, so it is their canonical-tree sum divided once by all examples; the same as one big
 * batch, uneven and empty shards included. */
#include <string.h>

#include "engine/compress/aggregate.h"

enum { COLUMNS = 16, SHARDS = 1024, NARROW = 4, SHARDS_NARROW = 32, AHEAD = 2, FETCHED = 256 };

struct fold { /* working memory of one row's tree */
    const float *leaf[SHARDS];
    float sums[SHARDS * COLUMNS]; /* sum of the subtree that starts at shard s: sums + s * COLUMNS */
};

typedef float lanes16 __attribute__((vector_size(64)));
typedef float lanes4 __attribute__((vector_size(16)));

/* out may be a, and for all that the compiler knows it may overlap: left to itself it adds one by one. Lanes are independent, so their grouping does
 * not show in the sums. */
static inline void add_columns(const float *a, const float *b, float *out, size_t n)
{
    size_t j = 0;
    for (; j + 16 <= n; j += 16) {
        lanes16 x, y;
        memcpy(&x, a + j, sizeof x);
        memcpy(&y, b + j, sizeof y);
        x += y;
        memcpy(out + j, &x, sizeof x);
    }
    for (; j + 4 <= n; j += 4) {
        lanes4 x, y;
        memcpy(&x, a + j, sizeof x);
        memcpy(&y, b + j, sizeof y);
        x += y;
        memcpy(out + j, &x, sizeof x);
    }
    for (; j < n; j++) out[j] = a[j] + b[j];
}

/* The tree of one row's leaves from a column on, for n columns: leaves are read where they lie; an absent shard is a skipped leaf. Returns the root.
 */
static const float *fold_columns(const struct merged *m, const uint32_t *src, size_t column, size_t n, struct fold *f)
{
    for (size_t s = 0; s < m->shards; s++) f->leaf[s] = src[s] ? m->values[s] + (size_t)(src[s] - 1) * m->width + column : NULL;
    for (size_t apart = 1; apart < m->shards; apart *= 2)
        for (size_t s = 0; s + apart < m->shards; s += 2 * apart) {
            const float *other = f->leaf[s + apart];
            if (!other) continue;
            if (!f->leaf[s]) {
                f->leaf[s] = other;
                continue;
            }
            float *sum = f->sums + s * COLUMNS;
            if (n == COLUMNS) add_columns(f->leaf[s], other, sum, COLUMNS); /* a constant count unrolls */
            else add_columns(f->leaf[s], other, sum, n);
            f->leaf[s] = sum;
        }
    return f->leaf[0]; /* NOLINT(clang-analyzer-core.uninitialized.UndefReturn): some shard sent the row, so the fold reaches leaf 0 */
}

/* The only leaf of a row, or NULL when there are several. */
static const float *lone_leaf(const struct merged *m, const uint32_t *src)
{
    size_t senders = 0, last = 0;
    for (size_t s = 0; s < m->shards; s++) {
        last = src[s] ? s : last;
        senders += src[s] != 0;
    }
    return senders == 1 ? m->values[last] + (size_t)(src[last] - 1) * m->width : NULL;
}

/* Narrow rows: a branch a shard would cost more than the sum, so every shard has a leaf. One that sent nothing has -0: x + -0 is x to the bit, which
 * is what a skipped leaf means. shards and width are constants of each call. */
static inline __attribute__((always_inline)) void combine_narrow(const struct merged *m, size_t shards, size_t width, float inverse, float *out)
{
    static const float absent[NARROW] = {-0.0f, -0.0f, -0.0f, -0.0f};
    for (size_t i = 0; i < m->count; i++, out += width) {
        const uint32_t *src = m->src + i * shards;
        float sum[SHARDS_NARROW][NARROW];
        for (size_t s = 0; s < shards; s++) {
            const float *leaf = (src[s] ? m->values[s] : absent) + (src[s] ? src[s] - 1 : 0) * width;
            for (size_t j = 0; j < width; j++) sum[s][j] = leaf[j];
        }
        for (size_t apart = 1; apart < shards; apart *= 2)
            for (size_t s = 0; s + apart < shards; s += 2 * apart)
                for (size_t j = 0; j < width; j++) sum[s][j] += sum[s + apart][j];
        for (size_t j = 0; j < width; j++) out[j] = sum[0][j] * inverse;
    }
}

/* The shards' copies of a row, which lie about as features came: nearer. */
static void fetch(const struct merged *m, size_t i)
{
    const uint32_t *src = m->src + i * m->shards;
    for (size_t s = 0; s < m->shards; s++)
        for (size_t j = 0; src[s] && j < m->width; j += 16) __builtin_prefetch(m->values[s] + (size_t)(src[s] - 1) * m->width + j);
}

static void mean_combine(const void *params, const struct merged *m, double examples, float *out)
{
    (void)params;
    struct fold f;
    float inverse = (float)(1 / examples);
    if (m->width == 1 && m->shards == 8) return combine_narrow(m, 8, 1, inverse, out); /* the default of shards */
    if (m->width == 4 && m->shards == 8) return combine_narrow(m, 8, 4, inverse, out);
    if (m->width == 1 && m->shards > 0 && m->shards <= SHARDS_NARROW) return combine_narrow(m, m->shards, 1, inverse, out);
    if (m->width == 4 && m->shards > 0 && m->shards <= SHARDS_NARROW) return combine_narrow(m, m->shards, 4, inverse, out);
    for (size_t i = 0; i < m->count; i++, out += m->width) {
        const uint32_t *src = m->src + i * m->shards;
        if (m->width <= FETCHED && i + AHEAD < m->count) fetch(m, i + AHEAD);
        const float *lone = lone_leaf(m, src); /* most rows of Zipf traffic */
        if (lone) {
            for (size_t j = 0; j < m->width; j++) out[j] = lone[j] * inverse;
            continue;
        }
        for (size_t column = 0; column < m->width; column += COLUMNS) {
            size_t n = m->width - column < COLUMNS ? m->width - column : COLUMNS;
            const float *root = fold_columns(m, src, column, n, &f);
            for (size_t j = 0; j < n; j++) out[column + j] = root[j] * inverse;
        }
    }
}

const struct aggregate aggregate_mean = {.kind = {"mean", "mean weighted by examples: the big batch exactly", "", 0, NULL}, .combine = mean_combine};

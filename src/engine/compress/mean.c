/* The mean weighted by examples: shards hand over sums, so it is their canonical-tree sum divided once by all examples; the same as one big
 * batch, uneven and empty shards included. */
#include <string.h>

#include "engine/compress/aggregate.h"

enum { SHARDS_IN_REGISTERS = 1024 };

/* Sum over present shards of one value, tree order. lane (shards) is scratch. */
static float tree_sum(const struct merged *m, const uint32_t *src, size_t column, float *lane, bool *here)
{
    for (size_t s = 0; s < m->shards; s++) {
        here[s] = src[s] != 0;
        if (here[s]) lane[s] = m->values[s][(size_t)(src[s] - 1) * m->width + column];
    }
    for (size_t apart = 1; apart < m->shards; apart *= 2)
        for (size_t s = 0; s + apart < m->shards; s += 2 * apart) {
            if (!here[s + apart]) continue;
            lane[s] = here[s] ? lane[s] + lane[s + apart] : lane[s + apart];
            here[s] = true;
        }
    return lane[0];
}

/* Rows wider than one value: whole rows are folded, so the inner loops run over columns. */
static void tree_rows(const struct merged *m, const uint32_t *src, float *lane, bool *here, float *out)
{
    size_t width = m->width;
    for (size_t s = 0; s < m->shards; s++) {
        here[s] = src[s] != 0;
        if (here[s]) memcpy(lane + s * width, m->values[s] + (size_t)(src[s] - 1) * width, width * sizeof *lane);
    }
    for (size_t apart = 1; apart < m->shards; apart *= 2)
        for (size_t s = 0; s + apart < m->shards; s += 2 * apart) {
            if (!here[s + apart]) continue;
            float *into = lane + s * width;
            const float *from = lane + (s + apart) * width;
            if (here[s])
                for (size_t j = 0; j < width; j++) into[j] += from[j];
            else memcpy(into, from, width * sizeof *into);
            here[s] = true;
        }
    memcpy(out, lane, width * sizeof *out);
}

/* How many shards sent the row, and the last of them. */
static size_t senders(const uint32_t *src, size_t shards, size_t *last)
{
    size_t n = 0;
    for (size_t s = 0; s < shards; s++)
        if (src[s]) n++, *last = s;
    return n;
}

static void mean_combine(const void *params, const struct merged *m, double examples, float *out)
{
    (void)params;
    bool here[SHARDS_IN_REGISTERS];
    float lane[SHARDS_IN_REGISTERS];
    float inverse = (float)(1 / examples);
    size_t width = m->width;
    for (size_t i = 0; i < m->count; i++, out += width) {
        const uint32_t *src = m->src + i * m->shards;
        size_t last = 0;
        if (senders(src, m->shards, &last) == 1) memcpy(out, m->values[last] + (size_t)(src[last] - 1) * width, width * sizeof *out);
        else if (width * m->shards <= SHARDS_IN_REGISTERS) tree_rows(m, src, lane, here, out);
        else
            for (size_t j = 0; j < width; j++) out[j] = tree_sum(m, src, j, lane, here);
        for (size_t j = 0; j < width; j++) out[j] *= inverse;
    }
}

const struct aggregate aggregate_mean = {.kind = {"mean", "mean weighted by examples: the big batch exactly", "", 0, NULL}, .combine = mean_combine};

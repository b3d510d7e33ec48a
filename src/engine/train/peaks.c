#include "engine/train/peaks.h"

#include <math.h>
#include <string.h>

#include "engine/train/fold.h"

bool peaks_wanted(const struct fold *fold)
{
    for (size_t t = 0; t < fold->params.count; t++) {
        const struct param_desc *desc = &fold->params.tensor[t].desc;
        if (desc->table && param_learns(desc) && fold->job->optim[desc->group].optimizer->by_features) return true;
    }
    return false;
}

/* The rows of the lookup that feature i is of: one, or the two that its slot is composed of. */
static size_t rows_of(const struct scorer *s, bool factors, size_t i, uint32_t rows[2])
{
    uint32_t slot = s->call.local[i];
    rows[0] = factors ? s->lookup.local[slot] : slot;
    if (factors) rows[1] = s->lookup.local[s->factors.slots.count + slot];
    return factors ? 2 : 1;
}

int peaks_take(struct grad_buffer *out, const struct scorer *s, const struct params *p, struct error *err)
{
    const struct lookup *lookup = &s->lookup;
    const struct batch *b = s->call.batch;
    const bool factors = p->remainder_bits > 0;
    int rc = grad_buffer_zeros(out, lookup, PEAK_WIDTH, err);
    if (rc < 0) return rc;
    for (int squares = 0; squares < 2; squares++)
        for (size_t i = 0; i < b->features; i++) {
            uint32_t rows[2];
            float x = b->values ? fabsf(b->values[i]) : 1;
            for (size_t k = rows_of(s, factors, i, rows); k-- > 0;) {
                float *peak = out->rows.values + rows[k] * PEAK_WIDTH;
                if (!squares) peak[0] = x > peak[0] ? x : peak[0];
                else if (x > 0) peak[1] += x / peak[0] * (x / peak[0]);
            }
        }
    return 0;
}

void peaks_combine(const struct merged *m, float *out)
{
    for (size_t i = 0; i < m->count; i++, out += PEAK_WIDTH) {
        const uint32_t *src = m->src + i * m->shards;
        out[0] = out[1] = 0;
        for (size_t s = 0; s < m->shards; s++) {
            const float *row = src[s] ? m->values[s] + (size_t)(src[s] - 1) * PEAK_WIDTH : out;
            if (row[0] > out[0]) out[0] = row[0];
        }
        for (size_t s = 0; s < m->shards; s++) {
            if (!src[s] || out[0] <= 0) continue;
            const float *row = m->values[s] + (size_t)(src[s] - 1) * PEAK_WIDTH;
            out[1] += row[1] * (row[0] / out[0]) * (row[0] / out[0]);
        }
    }
}

/* Kernels of bags.c. counts (fields) is scratch, or NULL where bags are summed. */
#include "base/kernel.h"
#include "engine/model/bags.h"
#include "engine/model/lanes.h"

void KERNEL(bags_sum)(const struct batch *b, const uint32_t *local, const float *table, size_t fields, size_t dim, float *counts, float *x);
void KERNEL(bags_scatter)(const struct batch *b, const uint32_t *local, const float *dx, size_t fields, size_t dim, float *counts, float *grad);

/* counts[f]: how many features of field f the row has. */
static inline void count_fields(const uint16_t *field, size_t n, size_t fields, float *counts)
{
    memset(counts, 0, fields * sizeof *counts);
    for (size_t i = 0; i < n; i++)
        if (field[i] < fields) counts[field[i]] += 1;
}

void KERNEL(bags_sum)(const struct batch *b, const uint32_t *local, const float *table, size_t fields, size_t dim, float *counts, float *x)
{
    for (size_t r = 0; r < b->rows; r++, x += fields * dim) {
        const uint16_t *field = batch_fields(b, r);
        size_t start = b->offsets[r], n = b->offsets[r + 1] - start;
        memset(x, 0, fields * dim * sizeof *x);
        if (field && counts) count_fields(field, n, fields, counts);
        for (size_t i = 0; field && i < n; i++) {
            size_t f = field[i];
            if (f >= fields) continue;
            float value = b->values ? b->values[start + i] : 1.0f;
            lanes_add(dim, counts ? value / counts[f] : value, table + (size_t)local[start + i] * dim, x + f * dim);
        }
    }
}

void KERNEL(bags_scatter)(const struct batch *b, const uint32_t *local, const float *dx, size_t fields, size_t dim, float *counts, float *grad)
{
    for (size_t r = 0; r < b->rows; r++, dx += fields * dim) {
        const uint16_t *field = batch_fields(b, r);
        size_t start = b->offsets[r], n = b->offsets[r + 1] - start;
        if (field && counts) count_fields(field, n, fields, counts);
        for (size_t i = 0; field && i < n; i++) {
            size_t f = field[i];
            if (f >= fields) continue;
            float value = b->values ? b->values[start + i] : 1.0f;
            lanes_add(dim, counts ? value / counts[f] : value, dx + f * dim, grad + (size_t)local[start + i] * dim);
        }
    }
}

/* Kernel of adagrad.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(adagrad_rows)(const struct update_rows *r, float epsilon);

static inline void rows_of_width(const struct update_rows *r, size_t width, float epsilon)
{
    float *accumulators = r->state[0];
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, accumulators, i, width);
        float *restrict w = r->w + update_at(r, i, width), *restrict n = accumulators + update_at(r, i, width);
        const float *restrict g = r->g + i * width;
        for (size_t j = 0; j < width; j++) {
            float grad = update_grad(r, g[j], w[j]), sum = n[j] + grad * grad, root = sqrtf(sum) + epsilon;
            n[j] = sum;
            w[j] -= root > 0 ? r->lr * grad / root : 0.0f;
        }
    }
}

void KERNEL(adagrad_rows)(const struct update_rows *r, float epsilon) { ROWS_BY_WIDTH(rows_of_width, r, epsilon); }

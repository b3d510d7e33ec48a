/* Kernel of rmsprop.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(rmsprop_rows)(const struct update_rows *r, float rho, float epsilon);

static inline void rows_of_width(const struct update_rows *r, size_t width, float rho, float epsilon)
{
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, r->state[0], i, width);
        float *restrict w = r->w + update_at(r, i, width), *restrict v = r->state[0] + update_at(r, i, width);
        const float *restrict g = r->g + i * width;
        for (size_t j = 0; j < width; j++) {
            float grad = update_grad(r, g[j], w[j]), mean = rho * v[j] + (1 - rho) * grad * grad;
            v[j] = mean;
            w[j] -= r->lr * grad / sqrtf(mean + epsilon);
        }
    }
}

void KERNEL(rmsprop_rows)(const struct update_rows *r, float rho, float epsilon) { ROWS_BY_WIDTH(rows_of_width, r, rho, epsilon); }

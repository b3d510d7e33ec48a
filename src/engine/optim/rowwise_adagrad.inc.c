/* Kernel of rowwise_adagrad.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies
 * give the same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(rowwise_adagrad_rows)(const struct update_rows *r, float epsilon);

static inline void rows_of_width(const struct update_rows *r, size_t width, float epsilon)
{
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, r->state[0], i, 1);
        float *restrict w = r->w + update_at(r, i, width), *restrict n = r->state[0] + update_row(r, i), square = 0;
        const float *restrict g = r->g + i * width;
        for (size_t j = 0; j < width; j++) { /* in order: the same sum everywhere */
            float grad = update_grad(r, g[j], w[j]);
            square += grad * grad;
        }
        *n += square / (float)width;
        float root = sqrtf(*n) + epsilon, rate = root > 0 ? r->lr / root : 0;
        for (size_t j = 0; j < width; j++) w[j] -= rate * update_grad(r, g[j], w[j]);
    }
}

void KERNEL(rowwise_adagrad_rows)(const struct update_rows *r, float epsilon) { ROWS_BY_WIDTH(rows_of_width, r, epsilon); }

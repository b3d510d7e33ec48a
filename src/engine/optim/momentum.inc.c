/* Kernel of momentum.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include <stdbool.h>

#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(momentum_rows)(const struct update_rows *r, float mu, bool nesterov);

static inline void rows_of_width(const struct update_rows *r, size_t width, float mu, bool nesterov)
{
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, r->state[0], i, width);
        float *restrict w = r->w + update_at(r, i, width), *restrict m = r->state[0] + update_at(r, i, width);
        const float *restrict g = r->g + i * width;
        for (size_t j = 0; j < width; j++) {
            float grad = update_grad(r, g[j], w[j]), velocity = mu * m[j] + grad;
            m[j] = velocity;
            w[j] -= r->lr * (nesterov ? grad + mu * velocity : velocity);
        }
    }
}

void KERNEL(momentum_rows)(const struct update_rows *r, float mu, bool nesterov) { ROWS_BY_WIDTH(rows_of_width, r, mu, nesterov); }

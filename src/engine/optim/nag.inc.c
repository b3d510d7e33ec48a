/* Kernel of nag.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(nag_rows)(const struct update_rows *r, float rate);

void KERNEL(nag_rows)(const struct update_rows *r, float rate)
{
    const size_t width = r->width;
    const float l1 = r->l1, l2 = r->l2;
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, r->state[0], i, 1);
        update_fetch(r, r->state[1], i, width);
        const float scaled = rate / or_one(r->state[0][update_row(r, i)]); /* 0: no feature scales it, as a bias */
        const float *restrict g = r->g + i * width;
        float *restrict w = r->w + update_at(r, i, width), *restrict n = r->state[1] + update_at(r, i, width);
        for (size_t j = 0; j < width; j++) {
            float grad = penalised(g[j], w[j], l1, l2);
            n[j] += grad * grad;
            w[j] -= scaled * grad / or_one(sqrtf(n[j])); /* 0: g is, too */
        }
    }
}

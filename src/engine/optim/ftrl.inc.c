/* Kernel of ftrl.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(ftrl_rows)(const struct update_rows *r, float beta, float l1, float l2);

void KERNEL(ftrl_rows)(const struct update_rows *r, float beta, float l1, float l2)
{
    float alpha = r->lr;
    if (alpha == 0) return; /* a schedule's end: what does not move keeps its z */
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, r->width);
        update_fetch(r, r->state[0], i, r->width);
        update_fetch(r, r->state[1], i, r->width);
        size_t at = update_at(r, i, r->width);
        float *restrict ws = r->w + at, *restrict zs = r->state[0] + at, *restrict ns = r->state[1] + at;
        const float *restrict g = r->g + i * r->width;
        for (size_t j = 0; j < r->width; j++) {
            float grad = update_grad(r, g[j], ws[j]), w = ws[j], more = ns[j] + grad * grad, rate = (beta + sqrtf(more)) / alpha + l2;
            float z = w != 0 ? grad - rate * w - (w > 0 ? l1 : -l1) : zs[j] + grad;
            zs[j] = z;
            ns[j] = more;
            ws[j] = rate == 0 ? w : fabsf(z) <= l1 ? 0.0f : -(z - (z > 0 ? l1 : -l1)) / rate;
        }
    }
}

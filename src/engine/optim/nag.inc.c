/* Kernel of nag.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(nag_scales)(const struct update_rows *r, double sums[2]);
void KERNEL(nag_rows)(const struct update_rows *r, float rate);

void KERNEL(nag_scales)(const struct update_rows *r, double sums[2])
{
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->state[0], i, r->width);
        update_fetch(r, r->state[1], i, r->width);
        size_t at = update_at(r, i, r->width);
        float *restrict s = r->state[0] + at, *restrict n = r->state[1] + at;
        const float *restrict g = r->g + i * r->width, *restrict w = r->w + at;
        for (size_t j = 0; j < r->width; j++) {
            float grad = update_grad(r, g[j], w[j]), size = fabsf(grad);
            s[j] = size > s[j] ? size : s[j];
            n[j] += grad * grad;
            float part = s[j] > 0 ? grad / s[j] : 0;
            sums[0] += (double)part * (double)part;
            sums[1] += s[j] > 0;
        }
    }
}

void KERNEL(nag_rows)(const struct update_rows *r, float rate)
{
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, r->width);
        size_t at = update_at(r, i, r->width);
        float *restrict w = r->w + at;
        const float *restrict s = r->state[0] + at, *restrict n = r->state[1] + at, *restrict g = r->g + i * r->width;
        for (size_t j = 0; j < r->width; j++) {
            float scale = s[j] * sqrtf(n[j]);
            w[j] -= scale > 0 ? rate * update_grad(r, g[j], w[j]) / scale : 0;
        }
    }
}

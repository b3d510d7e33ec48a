/* Kernel of adam.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/moments.h"

void KERNEL(adam_rows)(const struct update_rows *r, float keep, struct moments_rates rates);

static inline void rows_of_width(const struct update_rows *r, size_t width, float keep, struct moments_rates rates)
{
    float b1 = rates.beta1, b2 = rates.beta2;
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, r->state[0], i, width);
        update_fetch(r, r->state[1], i, width);
        size_t at = update_at(r, i, width);
        float *restrict w = r->w + at, *restrict m = r->state[0] + at, *restrict v = r->state[1] + at;
        const float *restrict g = r->g + i * width;
        for (size_t j = 0; j < width; j++) {
            float grad = update_grad(r, g[j], w[j]);
            float first = b1 * m[j] + (1 - b1) * grad, second = b2 * v[j] + (1 - b2) * grad * grad;
            m[j] = first;
            v[j] = second;
            w[j] = keep * w[j] - r->lr * (first * rates.correct1) / (sqrtf(second * rates.correct2) + rates.epsilon); /* keep: adamw's */
        }
    }
}

void KERNEL(adam_rows)(const struct update_rows *r, float keep, struct moments_rates rates) { ROWS_BY_WIDTH(rows_of_width, r, keep, rates); }

/* Kernel of lamb.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/moments.h"

void KERNEL(lamb_moments)(const struct update_rows *r, struct moments_rates rates);
void KERNEL(lamb_norms)(const struct update_rows *r, struct moments_rates rates, float decay, double sums[2]);
void KERNEL(lamb_rows)(const struct update_rows *r, struct moments_rates rates, float decay, float ratio);

static inline float direction(struct moments_rates rates, float decay, float w, float m, float v)
{
    return m * rates.correct1 / (sqrtf(v * rates.correct2) + rates.epsilon) + decay * w;
}

void KERNEL(lamb_moments)(const struct update_rows *r, struct moments_rates rates)
{
    float b1 = rates.beta1, b2 = rates.beta2;
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->state[0], i, r->width);
        update_fetch(r, r->state[1], i, r->width);
        size_t at = update_at(r, i, r->width);
        float *restrict m = r->state[0] + at, *restrict v = r->state[1] + at;
        const float *restrict g = r->g + i * r->width, *restrict w = r->w + at;
        for (size_t j = 0; j < r->width; j++) {
            float grad = update_grad(r, g[j], w[j]);
            m[j] = b1 * m[j] + (1 - b1) * grad;
            v[j] = b2 * v[j] + (1 - b2) * grad * grad;
        }
    }
}

void KERNEL(lamb_norms)(const struct update_rows *r, struct moments_rates rates, float decay, double sums[2])
{
    double weights = 0, directions = 0;
    for (size_t i = 0; i < r->count; i++) {
        size_t at = update_at(r, i, r->width);
        for (size_t j = at; j < at + r->width; j++) {
            double w = (double)r->w[j], d = (double)direction(rates, decay, r->w[j], r->state[0][j], r->state[1][j]);
            weights += w * w;
            directions += d * d;
        }
    }
    sums[0] += weights;
    sums[1] += directions;
}

void KERNEL(lamb_rows)(const struct update_rows *r, struct moments_rates rates, float decay, float ratio)
{
    float rate = r->lr * ratio;
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, r->width);
        size_t at = update_at(r, i, r->width);
        float *restrict w = r->w + at;
        const float *restrict m = r->state[0] + at, *restrict v = r->state[1] + at;
        for (size_t j = 0; j < r->width; j++) w[j] -= rate * direction(rates, decay, w[j], m[j], v[j]);
    }
}

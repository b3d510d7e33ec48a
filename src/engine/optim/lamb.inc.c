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

static inline void moments_of_width(const struct update_rows *r, size_t width, struct moments_rates rates)
{
    float b1 = rates.beta1, b2 = rates.beta2, l1 = r->l1, l2 = r->l2;
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, r->state[0], i, width);
        update_fetch(r, r->state[1], i, width);
        size_t at = update_at(r, i, width);
        float *restrict m = r->state[0] + at, *restrict v = r->state[1] + at;
        const float *restrict g = r->g + i * width, *restrict w = r->w + at;
        for (size_t j = 0; j < width; j++) {
            float grad = penalised(g[j], w[j], l1, l2);
            m[j] = b1 * m[j] + (1 - b1) * grad;
            v[j] = b2 * v[j] + (1 - b2) * grad * grad;
        }
    }
}

void KERNEL(lamb_moments)(const struct update_rows *r, struct moments_rates rates) { ROWS_BY_WIDTH(moments_of_width, r, rates); }

static inline void norms_of_width(const struct update_rows *r, size_t width, struct moments_rates rates, float decay, double sums[2])
{
    double weights[ROW_LANES] = {0}, directions[ROW_LANES] = {0};
    for (size_t i = 0; i < r->count; i++) {
        size_t at = update_at(r, i, width);
        const float *restrict w = r->w + at, *restrict m = r->state[0] + at, *restrict v = r->state[1] + at;
        EACH_LANE(j, l, width, {
            double x = (double)w[j], d = (double)direction(rates, decay, w[j], m[j], v[j]);
            weights[l] += x * x;
            directions[l] += d * d;
        });
    }
    sums[0] += lanes_fold(weights);
    sums[1] += lanes_fold(directions);
}

void KERNEL(lamb_norms)(const struct update_rows *r, struct moments_rates rates, float decay, double sums[2])
{
    norms_of_width(r, r->width, rates, decay, sums);
}

static inline void rows_of_width(const struct update_rows *r, size_t width, struct moments_rates rates, float decay, float ratio)
{
    float rate = r->lr * ratio;
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        size_t at = update_at(r, i, width);
        float *restrict w = r->w + at;
        const float *restrict m = r->state[0] + at, *restrict v = r->state[1] + at;
        for (size_t j = 0; j < width; j++) w[j] -= rate * direction(rates, decay, w[j], m[j], v[j]);
    }
}

void KERNEL(lamb_rows)(const struct update_rows *r, struct moments_rates rates, float decay, float ratio)
{
    ROWS_BY_WIDTH(rows_of_width, r, rates, decay, ratio);
}

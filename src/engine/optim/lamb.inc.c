/* Kernel of lamb.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/moments.h"
#include "engine/optim/spans.h"

void KERNEL(lamb_moments)(const struct update_rows *r, struct moments_rates rates);
void KERNEL(lamb_norms)(const struct update_rows *r, struct moments_rates rates, float decay, double sums[2]);
void KERNEL(lamb_rows)(const struct update_rows *r, struct moments_rates rates, float decay, float ratio);

static inline float direction(struct moments_rates rates, float decay, float w, float m, float v)
{
    return m * rates.correct1 / (sqrtf(v * rates.correct2) + rates.epsilon) + decay * w;
}

SPAN_INLINE void moments_rule(struct span s, const void *constants)
{
    const struct moments_rates *rates = constants;
    const float b1 = rates->beta1, b2 = rates->beta2, *restrict g = s.g, *restrict w = s.w;
    float *restrict m = s.state[0], *restrict v = s.state[1];
    for (size_t j = 0; j < s.n; j++) {
        float grad = penalised(g[j], w[j], s.l1, s.l2);
        m[j] = b1 * m[j] + (1 - b1) * grad;
        v[j] = b2 * v[j] + (1 - b2) * grad * grad;
    }
}

void KERNEL(lamb_moments)(const struct update_rows *r, struct moments_rates rates) { spans_each(r, 2, moments_rule, &rates); }

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

struct lamb_constants {
    struct moments_rates rates;
    float decay, rate;
};

SPAN_INLINE void lamb_rule(struct span s, const void *constants)
{
    const struct lamb_constants c = *(const struct lamb_constants *)constants;
    const float *restrict m = s.state[0], *restrict v = s.state[1];
    float *restrict w = s.w;
    for (size_t j = 0; j < s.n; j++) w[j] -= c.rate * direction(c.rates, c.decay, w[j], m[j], v[j]);
}

void KERNEL(lamb_rows)(const struct update_rows *r, struct moments_rates rates, float decay, float ratio)
{
    const struct lamb_constants constants = {rates, decay, r->lr * ratio};
    spans_each(r, 2, lamb_rule, &constants);
}

/* Kernel of adam.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/moments.h"
#include "engine/optim/spans.h"

void KERNEL(adam_rows)(const struct update_rows *r, float keep, struct moments_rates rates);

struct adam_constants {
    float keep; /* of a weight: adamw's */
    struct moments_rates rates;
};

SPAN_INLINE void adam_rule(struct span s, const void *constants)
{
    const struct adam_constants c = *(const struct adam_constants *)constants;
    const float b1 = c.rates.beta1, b2 = c.rates.beta2, *restrict g = s.g;
    float *restrict w = s.w, *restrict m = s.state[0], *restrict v = s.state[1];
    for (size_t j = 0; j < s.n; j++) {
        float grad = penalised(g[j], w[j], s.l1, s.l2);
        float first = b1 * m[j] + (1 - b1) * grad, second = b2 * v[j] + (1 - b2) * grad * grad;
        m[j] = first;
        v[j] = second;
        w[j] = c.keep * w[j] - s.lr * (first * c.rates.correct1) / (sqrtf(second * c.rates.correct2) + c.rates.epsilon);
    }
}

void KERNEL(adam_rows)(const struct update_rows *r, float keep, struct moments_rates rates)
{
    const struct adam_constants constants = {keep, rates};
    spans_each(r, 2, adam_rule, &constants);
}

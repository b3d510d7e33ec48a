/* Kernel of momentum.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include <stdbool.h>

#include "base/kernel.h"
#include "engine/optim/spans.h"

void KERNEL(momentum_rows)(const struct update_rows *r, float mu, bool nesterov);

SPAN_INLINE void momentum_rule(struct span s, const void *constants)
{
    const float mu = *(const float *)constants, *restrict g = s.g;
    float *restrict w = s.w, *restrict m = s.state[0];
    for (size_t j = 0; j < s.n; j++) {
        float velocity = mu * m[j] + penalised(g[j], w[j], s.l1, s.l2);
        m[j] = velocity;
        w[j] -= s.lr * velocity;
    }
}

SPAN_INLINE void nesterov_rule(struct span s, const void *constants)
{
    const float mu = *(const float *)constants, *restrict g = s.g;
    float *restrict w = s.w, *restrict m = s.state[0];
    for (size_t j = 0; j < s.n; j++) {
        float grad = penalised(g[j], w[j], s.l1, s.l2), velocity = mu * m[j] + grad;
        m[j] = velocity;
        w[j] -= s.lr * (grad + mu * velocity);
    }
}

void KERNEL(momentum_rows)(const struct update_rows *r, float mu, bool nesterov)
{
    if (nesterov) spans_each(r, 1, nesterov_rule, &mu);
    else spans_each(r, 1, momentum_rule, &mu);
}

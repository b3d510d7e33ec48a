/* Kernel of rmsprop.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/spans.h"

void KERNEL(rmsprop_rows)(const struct update_rows *r, float rho, float epsilon);

struct rmsprop_constants {
    float rho, epsilon;
};

SPAN_INLINE void rmsprop_rule(struct span s, const void *constants)
{
    const struct rmsprop_constants c = *(const struct rmsprop_constants *)constants;
    const float *restrict g = s.g;
    float *restrict w = s.w, *restrict v = s.state[0];
    for (size_t j = 0; j < s.n; j++) {
        float grad = penalised(g[j], w[j], s.l1, s.l2), mean = c.rho * v[j] + (1 - c.rho) * grad * grad;
        v[j] = mean;
        w[j] -= s.lr * grad / sqrtf(mean + c.epsilon);
    }
}

void KERNEL(rmsprop_rows)(const struct update_rows *r, float rho, float epsilon)
{
    const struct rmsprop_constants constants = {rho, epsilon};
    spans_each(r, 1, rmsprop_rule, &constants);
}

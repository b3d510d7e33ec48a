/* Kernel of ftrl.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/learn.h"

void KERNEL(ftrl_rows)(const struct update_rows *r, float beta, float l1, float l2);
void KERNEL(ftrl_learn)(const struct learn_rows *r, float beta, float l1, float l2);

struct ftrl_constants {
    float beta, l1, l2; /* the proximal ones, not those of the gradient */
};

SPAN_INLINE void ftrl_rule(struct span s, const void *constants)
{
    const struct ftrl_constants c = *(const struct ftrl_constants *)constants;
    const float *restrict g = s.g;
    float *restrict ws = s.w, *restrict zs = s.state[0], *restrict ns = s.state[1];
    SPAN_LOOP
    for (size_t j = 0; j < s.n; j++) {
        float grad = penalised(g[j], ws[j], s.l1, s.l2), w = ws[j], more = ns[j] + grad * grad, rate = (c.beta + sqrtf(more)) / s.lr + c.l2;
        float z = w != 0 ? grad - rate * w - (w > 0 ? c.l1 : -c.l1) : zs[j] + grad;
        float moved = -(z - (z > 0 ? c.l1 : -c.l1)) / or_one(rate);
        zs[j] = z;
        ns[j] = more;
        ws[j] = rate == 0 ? w : fabsf(z) <= c.l1 ? 0.0f : moved;
    }
}

void KERNEL(ftrl_rows)(const struct update_rows *r, float beta, float l1, float l2)
{
    const struct ftrl_constants constants = {beta, l1, l2};
    if (r->lr == 0) return; /* a schedule's end: what does not move keeps its z; ftrl_still() likewise */
    spans_each(r, 2, ftrl_rule, &constants);
}

SPAN_INLINE void ftrl_still(struct span s, const void *constants) { (void)s, (void)constants; }

void KERNEL(ftrl_learn)(const struct learn_rows *r, float beta, float l1, float l2)
{
    const struct ftrl_constants constants = {beta, l1, l2};
    if (r->lr == 0) learn_each(r, 2, ftrl_still, NULL);
    else learn_each(r, 2, ftrl_rule, &constants);
}

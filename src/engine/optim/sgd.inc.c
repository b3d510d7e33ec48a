/* Kernel of sgd.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/learn.h"

void KERNEL(sgd_rows)(const struct update_rows *r);
void KERNEL(sgd_learn)(const struct learn_rows *r);

SPAN_INLINE void sgd_rule(struct span s, const void *constants)
{
    const float *restrict g = s.g;
    float *restrict w = s.w;
    (void)constants;
    SPAN_LOOP
    for (size_t j = 0; j < s.n; j++) w[j] -= s.lr * penalised(g[j], w[j], s.l1, s.l2);
}

void KERNEL(sgd_rows)(const struct update_rows *r) { spans_each(r, 0, sgd_rule, NULL); }

void KERNEL(sgd_learn)(const struct learn_rows *r) { learn_each(r, 0, sgd_rule, NULL); }

/* Kernel of adagrad.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/learn.h"

void KERNEL(adagrad_rows)(const struct update_rows *r, float epsilon);
void KERNEL(adagrad_learn)(const struct learn_rows *r, float epsilon);

SPAN_INLINE void adagrad_rule(struct span s, const void *constants)
{
    const float epsilon = *(const float *)constants, *restrict g = s.g;
    float *restrict w = s.w, *restrict n = s.state[0];
    SPAN_LOOP
    for (size_t j = 0; j < s.n; j++) {
        float grad = penalised(g[j], w[j], s.l1, s.l2), sum = n[j] + grad * grad;
        n[j] = sum;
        w[j] -= s.lr * grad / or_one(sqrtf(sum) + epsilon); /* 0: g is, too */
    }
}

void KERNEL(adagrad_rows)(const struct update_rows *r, float epsilon) { spans_each(r, 1, adagrad_rule, &epsilon); }

void KERNEL(adagrad_learn)(const struct learn_rows *r, float epsilon) { learn_each(r, 1, adagrad_rule, &epsilon); }

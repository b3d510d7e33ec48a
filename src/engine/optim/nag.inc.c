/* Kernel of nag.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/spans.h"

void KERNEL(nag_scales)(const struct update_rows *r, double sums[2]);
void KERNEL(nag_rows)(const struct update_rows *r, float rate);

static inline void scales_of_width(const struct update_rows *r, size_t width, double sums[2])
{
    double squares[ROW_LANES] = {0}, known[ROW_LANES] = {0};
    float l1 = r->l1, l2 = r->l2;
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, r->state[0], i, width);
        update_fetch(r, r->state[1], i, width);
        size_t at = update_at(r, i, width);
        float *restrict s = r->state[0] + at, *restrict n = r->state[1] + at;
        const float *restrict g = r->g + i * width, *restrict w = r->w + at;
        EACH_LANE(j, l, width, {
            float grad = penalised(g[j], w[j], l1, l2), size = fabsf(grad), most = size > s[j] ? size : s[j];
            float part = grad / or_one(most);
            s[j] = most;
            n[j] += grad * grad;
            squares[l] += (double)part * (double)part;
            known[l] += most > 0 ? 1 : 0;
        });
    }
    sums[0] += lanes_fold(squares);
    sums[1] += lanes_fold(known);
}

void KERNEL(nag_scales)(const struct update_rows *r, double sums[2]) { scales_of_width(r, r->width, sums); }

SPAN_INLINE void nag_rule(struct span span, const void *constants)
{
    const float rate = *(const float *)constants, *restrict g = span.g, *restrict s = span.state[0], *restrict n = span.state[1];
    float *restrict w = span.w;
    for (size_t j = 0; j < span.n; j++) {
        float scale = s[j] * sqrtf(n[j]); /* 0: g is, too */
        w[j] -= rate * penalised(g[j], w[j], span.l1, span.l2) / or_one(scale);
    }
}

void KERNEL(nag_rows)(const struct update_rows *r, float rate) { spans_each(r, 2, nag_rule, &rate); }

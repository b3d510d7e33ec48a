/* Kernel of rowwise_adagrad.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies
 * give the same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(rowwise_adagrad_rows)(const struct update_rows *r, float epsilon);

static inline double square_of(const struct update_rows *r, size_t width, const float *restrict g, const float *restrict w)
{
    double lane[ROW_LANES] = {0};
    float l1 = r->l1, l2 = r->l2;
    EACH_LANE(j, l, width, {
        double grad = (double)penalised(g[j], w[j], l1, l2);
        lane[l] += grad * grad;
    });
    return lanes_fold(lane);
}

static inline void row_move(const struct update_rows *r, size_t width, float rate, const float *restrict g, float *restrict w)
{
    float l1 = r->l1, l2 = r->l2;
    for (size_t j = 0; j < width; j++) w[j] -= rate * penalised(g[j], w[j], l1, l2);
}

void KERNEL(rowwise_adagrad_rows)(const struct update_rows *r, float epsilon)
{
    const size_t width = r->width;
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, width);
        update_fetch(r, r->state[0], i, 1);
        float *w = r->w + update_at(r, i, width), *n = r->state[0] + update_row(r, i);
        const float *g = r->g + i * width;
        *n += (float)(square_of(r, width, g, w) / (double)width);
        row_move(r, width, r->lr / or_one(sqrtf(*n) + epsilon), g, w); /* 0: g is, too */
    }
}

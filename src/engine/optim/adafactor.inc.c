/* Kernel of adafactor.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include <stdbool.h>

#include "base/kernel.h"
#include "engine/optim/rows.h"

/* sums (width + 1): squares by column, then rows. sums (2): squares of the update, then how many. mean: of the columns. */
void KERNEL(adafactor_means)(const struct update_rows *r, float keep, float epsilon, double *sums);
void KERNEL(adafactor_size)(const struct update_rows *r, float mean, double sums[2]);
void KERNEL(adafactor_rows)(const struct update_rows *r, float mean, float scale);

void KERNEL(adafactor_means)(const struct update_rows *r, float keep, float epsilon, double *sums)
{
    const size_t width = r->width;
    float l1 = r->l1, l2 = r->l2;
    double *restrict columns = sums;
    for (size_t i = 0; i < r->count; i++) {
        const float *restrict g = r->g + i * width, *restrict w = r->w + update_at(r, i, width);
        float *row = r->state[0] + update_row(r, i);
        double lane[ROW_LANES] = {0};
        EACH_LANE(j, l, width, {
            double grad = (double)penalised(g[j], w[j], l1, l2), square = grad * grad + (double)epsilon;
            columns[j] += square;
            lane[l] += square;
        });
        float mean = (float)(lanes_fold(lane) / (double)width);
        *row = *row > 0 ? keep * *row + (1 - keep) * mean : mean;
    }
    sums[width] += (double)r->count;
}

/* u of an element: the root of v_ij is that of R_i alone where there are no columns. Roots are taken one by one, since products of small means
 * underflow. c: C_j / mean. */
static inline float update_of(float grad, float row_root, float c)
{
    float root = row_root * sqrtf(c); /* 0: of a gradient that is, too */
    return grad / or_one(root);
}

static inline void size_of(const struct update_rows *r, bool factored, float mean, double sums[2])
{
    const size_t width = r->width;
    const float *restrict columns = r->state[1];
    float l1 = r->l1, l2 = r->l2;
    double lane[ROW_LANES] = {0};
    for (size_t i = 0; i < r->count; i++) {
        const float *restrict g = r->g + i * width, *restrict w = r->w + update_at(r, i, width);
        float root = sqrtf(r->state[0][update_row(r, i)]);
        EACH_LANE(j, l, width, {
            double u = (double)update_of(penalised(g[j], w[j], l1, l2), root, factored ? columns[j] / mean : 1.0f);
            lane[l] += u * u;
        });
    }
    sums[0] += lanes_fold(lane);
    sums[1] += (double)(r->count * width);
}

void KERNEL(adafactor_size)(const struct update_rows *r, float mean, double sums[2])
{
    if (r->state[1]) size_of(r, true, mean, sums);
    else size_of(r, false, mean, sums);
}

static inline void rows_of(const struct update_rows *r, bool factored, float mean, float rate)
{
    const size_t width = r->width;
    const float *restrict columns = r->state[1];
    float l1 = r->l1, l2 = r->l2;
    for (size_t i = 0; i < r->count; i++) {
        const float *restrict g = r->g + i * width;
        float *restrict w = r->w + update_at(r, i, width), root = sqrtf(r->state[0][update_row(r, i)]);
        for (size_t j = 0; j < width; j++) w[j] -= rate * update_of(penalised(g[j], w[j], l1, l2), root, factored ? columns[j] / mean : 1.0f);
    }
}

void KERNEL(adafactor_rows)(const struct update_rows *r, float mean, float scale)
{
    if (r->state[1]) rows_of(r, true, mean, r->lr * scale);
    else rows_of(r, false, mean, r->lr * scale);
}

/* Kernel of adafactor.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

/* sums (width + 1): squares by column, then rows. sums (2): squares of the update, then how many. mean: of the columns. */
void KERNEL(adafactor_means)(const struct update_rows *r, float keep, float epsilon, double *sums);
void KERNEL(adafactor_size)(const struct update_rows *r, float mean, double sums[2]);
void KERNEL(adafactor_rows)(const struct update_rows *r, float mean, float scale);

void KERNEL(adafactor_means)(const struct update_rows *r, float keep, float epsilon, double *sums)
{
    for (size_t i = 0; i < r->count; i++) {
        const float *restrict g = r->g + i * r->width, *restrict w = r->w + update_at(r, i, r->width);
        float *row = r->state[0] + update_row(r, i);
        double total = 0;
        for (size_t j = 0; j < r->width; j++) {
            float grad = update_grad(r, g[j], w[j]);
            double square = (double)grad * (double)grad + (double)epsilon;
            sums[j] += square;
            total += square;
        }
        float mean = (float)(total / (double)r->width);
        *row = *row > 0 ? keep * *row + (1 - keep) * mean : mean;
    }
    sums[r->width] += (double)r->count;
}

/* The root of v_ij: of R_i alone where there are no columns. Roots are taken one by one, since products of small means underflow. */
static inline float root_of(const struct update_rows *r, size_t row, size_t j, float mean)
{
    return sqrtf(r->state[0][row]) * (r->state[1] ? sqrtf(r->state[1][j] / mean) : 1.0f);
}

static inline float update_of(const struct update_rows *r, size_t i, size_t j, float mean)
{
    size_t row = update_row(r, i);
    float root = root_of(r, row, j, mean), grad = update_grad(r, r->g[i * r->width + j], r->w[row * r->width + j]);
    return root > 0 ? grad / root : 0;
}

void KERNEL(adafactor_size)(const struct update_rows *r, float mean, double sums[2])
{
    for (size_t i = 0; i < r->count; i++)
        for (size_t j = 0; j < r->width; j++) {
            double u = (double)update_of(r, i, j, mean);
            sums[0] += u * u;
        }
    sums[1] += (double)(r->count * r->width);
}

void KERNEL(adafactor_rows)(const struct update_rows *r, float mean, float scale)
{
    float rate = r->lr * scale;
    for (size_t i = 0; i < r->count; i++) {
        float *w = r->w + update_at(r, i, r->width);
        for (size_t j = 0; j < r->width; j++) w[j] -= rate * update_of(r, i, j, mean);
    }
}

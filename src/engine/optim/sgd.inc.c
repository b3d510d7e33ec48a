/* Kernel of sgd.c: rows of w and state, compiled once an instruction set. Division and square root are exact everywhere, so all copies give the
 * same bits. */
#include "base/kernel.h"
#include "engine/optim/rows.h"

void KERNEL(sgd_rows)(const struct update_rows *r);

void KERNEL(sgd_rows)(const struct update_rows *r)
{
    for (size_t i = 0; i < r->count; i++) {
        update_fetch(r, r->w, i, r->width);
        float *row = r->w + update_at(r, i, r->width);
        const float *g = r->g + i * r->width;
        for (size_t j = 0; j < r->width; j++) row[j] -= r->lr * update_grad(r, g[j], row[j]);
    }
}

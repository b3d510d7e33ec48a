/* Kernels of dlrm.c. v (rows, vectors, dim); p (rows, lead + pairs): the first `lead` floats of a row's vectors, then <v_i, v_j> for i = 1 .., j < i.
 */
#include "base/kernel.h"
#include "engine/model/lanes.h"

void KERNEL(dlrm_dots)(size_t rows, size_t vectors, size_t dim, size_t lead, const float *v, float *p);
void KERNEL(dlrm_dots_back)(size_t rows, size_t vectors, size_t dim, size_t lead, const float *v, const float *dp, float *dv);

void KERNEL(dlrm_dots)(size_t rows, size_t vectors, size_t dim, size_t lead, const float *v, float *p)
{
    for (size_t r = 0; r < rows; r++, v += vectors * dim) {
        memcpy(p, v, lead * sizeof *p);
        p += lead;
        for (size_t i = 1; i < vectors; i++)
            for (size_t j = 0; j < i; j++) *p++ = lanes_dot(dim, v + i * dim, v + j * dim);
    }
}

void KERNEL(dlrm_dots_back)(size_t rows, size_t vectors, size_t dim, size_t lead, const float *v, const float *dp, float *dv)
{
    for (size_t r = 0; r < rows; r++, v += vectors * dim, dv += vectors * dim) {
        memset(dv, 0, vectors * dim * sizeof *dv);
        memcpy(dv, dp, lead * sizeof *dv);
        dp += lead;
        for (size_t i = 1; i < vectors; i++)
            for (size_t j = 0; j < i; j++) {
                float d = *dp++;
                lanes_add(dim, d, v + j * dim, dv + i * dim);
                lanes_add(dim, d, v + i * dim, dv + j * dim);
            }
    }
}

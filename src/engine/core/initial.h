/* Where weights begin: approximate normals, a pure function of (seed, tensor, row, column). Any worker can make any of them, in any order. */
#ifndef TRAINYARD_ENGINE_CORE_INITIAL_H
#define TRAINYARD_ENGINE_CORE_INITIAL_H

#include <stddef.h>
#include <stdint.h>

struct initial {
    uint64_t seed;
    uint32_t tensor;
    float scale;  /* standard deviation */
    size_t first; /* column to begin with, even */
    size_t width; /* columns from there on */
};

/* initial_normals: the rows named by rows (count), each into out + at[i] * width. */
void initial_normals(const struct initial *what, const uint32_t *rows, const uint32_t *at, size_t count, float *out);

/* Several blocks of Philox side by side, as the kernels make them: two columns each. */
enum { INITIAL_BLOCKS = 16, INITIAL_COLUMNS = 2 };

#endif

#include "engine/model/gemm.h"

#include "base/cpu.h"
#include "base/kernel.h"

KERNEL_DECLARE(void, gemm_kernel, (size_t m, size_t n, size_t k, struct matrix a, struct matrix b, float *c, size_t c_row, bool add));

static void (*const table[])(size_t, size_t, size_t, struct matrix, struct matrix, float *, size_t, bool) = KERNEL_TABLE(gemm_kernel);

void gemm(size_t m, size_t n, size_t k, struct matrix a, struct matrix b, float *c, size_t c_row, bool add)
{
    table[cpu_level()](m, n, k, a, b, c, c_row, add);
}

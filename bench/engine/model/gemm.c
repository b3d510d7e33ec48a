/* gemm at the shapes of a 624-400-400 network and a shard of 512 rows: forward, input gradient, weight gradient. GFLOP/s on one
 * thread; TRAINYARD_CPU=avx2 shows the other kernels. */
#include "engine/model/gemm.h"

#include <stdio.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"

/* CPU time of the process, which is one thread here. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void time_shape(const char *name, size_t m, size_t n, size_t k, bool a_turned, bool b_turned)
{
    float *a = mem_array(m * k, sizeof *a, 1, NULL), *b = mem_array(k * n, sizeof *b, 1, NULL), *c = mem_array(m * n, sizeof *c, 1, NULL);
    struct matrix left = {a, a_turned ? 1 : k, a_turned ? m : 1}, right = {b, b_turned ? 1 : n, b_turned ? k : 1};
    for (size_t i = 0; i < m * k; i++) a[i] = (float)(i % 7) - 3;
    for (size_t i = 0; i < k * n; i++) b[i] = (float)(i % 5) - 2;
    gemm(m, n, k, left, right, c, n, false);
    double start = seconds(), took;
    size_t times = 0;
    do {
        gemm(m, n, k, left, right, c, n, false);
        times++;
    } while ((took = seconds() - start) < 0.5);
    printf("%-16s (%5zu, %4zu, %5zu)  %7.1f GFLOP/s\n", name, m, n, k, 2.0 * (double)(m * n * k) * (double)times / took / 1e9);
    mem_free(a), mem_free(b), mem_free(c);
}

int main(void)
{
    printf("kernel: %s\n", cpu_level_name(cpu_level()));
    time_shape("forward", 512, 400, 624, false, true);
    time_shape("forward", 512, 400, 400, false, true);
    time_shape("input gradient", 512, 624, 400, false, false);
    time_shape("weight gradient", 400, 624, 512, true, false);
    time_shape("small shard", 128, 400, 624, false, true);
    time_shape("its weights", 400, 624, 128, true, false);
    time_shape("low rank", 128, 64, 624, false, true);
    time_shape("its weights", 64, 624, 128, true, false);
    time_shape("one row", 1, 400, 624, false, true);
    return 0;
}

/* gemm at the shapes of a 624-400-400 network and a shard of 512 rows: forward, input gradient, weight gradient. GFLOP/s on one thread, processor
 * time, and the same by OpenBLAS's sgemm where it is installed; `all` is the network's products together. TRAINYARD_CPU=avx2 shows the other kernels.
 */
#include "engine/model/gemm.h"

#include <dlfcn.h>
#include <stdio.h>
#include <time.h>

#include "base/cpu.h"
#include "base/mem.h"

enum { ROW_MAJOR = 101, PLAIN = 111, TURNED = 112, ROUNDS = 5 };
typedef void (*sgemm_function)(int order, int turn_a, int turn_b, int m, int n, int k, float alpha, const float *a, int a_row, const float *b,
                               int b_row, float beta, float *c, int c_row);

struct shape {
    const char *name;
    size_t m, n, k;
    bool a_turned, b_turned, network;
};
static const struct shape shapes[] = {{"forward", 512, 400, 624, false, true, true},         {"forward", 512, 400, 400, false, true, true},
                                      {"input gradient", 512, 624, 400, false, false, true}, {"input gradient", 512, 400, 400, false, false, true},
                                      {"weight gradient", 400, 624, 512, true, false, true}, {"weight gradient", 400, 400, 512, true, false, true},
                                      {"small shard", 128, 400, 624, false, true, false},    {"its weights", 400, 624, 128, true, false, false},
                                      {"low rank", 128, 64, 624, false, true, false},        {"its weights", 64, 624, 128, true, false, false},
                                      {"one row", 1, 400, 624, false, true, false}};

/* CPU time of the process, which is one thread here. */
static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void multiply(const struct shape *s, sgemm_function sgemm, const float *a, const float *b, float *c)
{
    struct matrix left = {a, s->a_turned ? 1 : s->k, s->a_turned ? s->m : 1}, right = {b, s->b_turned ? 1 : s->n, s->b_turned ? s->k : 1};
    int m = (int)s->m, n = (int)s->n, k = (int)s->k;
    if (!sgemm) gemm(s->m, s->n, s->k, left, right, c, s->n, false);
    else
        sgemm(ROW_MAJOR, s->a_turned ? TURNED : PLAIN, s->b_turned ? TURNED : PLAIN, m, n, k, 1, a, s->a_turned ? m : k, b, s->b_turned ? k : n, 0, c,
              n);
}

/* Seconds of one product: the best round. */
static double time_shape(const struct shape *s, sgemm_function sgemm)
{
    float *a = mem_array(s->m * s->k, sizeof *a, 1, NULL), *b = mem_array(s->k * s->n, sizeof *b, 1, NULL),
          *c = mem_array(s->m * s->n, sizeof *c, 1, NULL);
    double best = 1e9;
    for (size_t i = 0; i < s->m * s->k; i++) a[i] = (float)(i % 7) - 3;
    for (size_t i = 0; i < s->k * s->n; i++) b[i] = (float)(i % 5) - 2;
    multiply(s, sgemm, a, b, c);
    for (int round = 0; round < ROUNDS; round++) {
        double start = seconds(), took;
        size_t times = 0;
        do {
            multiply(s, sgemm, a, b, c);
            times++;
        } while ((took = seconds() - start) < 0.1);
        if (took / (double)times < best) best = took / (double)times;
    }
    mem_free(a), mem_free(b), mem_free(c);
    return best;
}

int main(void)
{
    void *blas = dlopen("libopenblas.so.0", RTLD_NOW);
    sgemm_function sgemm = NULL;
    const char *core = "not installed";
    double flop = 0, ours = 0, theirs = 0;
    if (blas) {
        void (*threads)(int);
        char *(*name)(void);
        *(void **)&sgemm = dlsym(blas, "cblas_sgemm");
        *(void **)&threads = dlsym(blas, "openblas_set_num_threads");
        *(void **)&name = dlsym(blas, "openblas_get_corename");
        if (threads) threads(1);
        if (name) core = name();
    }
    printf("kernels: %s; OpenBLAS: %s\n", cpu_level_name(cpu_level()), core);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const struct shape *s = &shapes[i];
        double work = 2.0 * (double)(s->m * s->n * s->k), mine = time_shape(s, NULL), other = sgemm ? time_shape(s, sgemm) : 0;
        printf("%-16s (%5zu, %4zu, %5zu)  %7.1f GFLOP/s", s->name, s->m, s->n, s->k, work / mine / 1e9);
        if (sgemm) printf("  %7.1f by OpenBLAS", work / other / 1e9);
        printf("\n");
        if (s->network) flop += work, ours += mine, theirs += other;
    }
    printf("all %.1f GFLOP/s %.1f by OpenBLAS\n", flop / ours / 1e9, sgemm ? flop / theirs / 1e9 : 0);
    return 0;
}

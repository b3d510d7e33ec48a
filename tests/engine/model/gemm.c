/* gemm against its definition, an explicit chain of fmaf, bit for bit: every kernel, sizes around the tile, panel and block edges, both layouts of
 * both factors; and that an element does not know what it is computed beside. */
#include "engine/model/gemm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "lib/test.h"

enum { SIDE = 300 };

static float *random_floats(size_t n, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0, 0);
    float *x = mem_array(n, sizeof *x, 1, NULL);
    for (size_t i = 0; i < n; i++) x[i] = (float)(2 * rng_unit(&rng) - 1);
    return x;
}

static float element(const float *a, size_t a_row, size_t a_column, const float *b, size_t b_row, size_t b_column, size_t k, float from)
{
    for (size_t p = 0; p < k; p++) from = fmaf(a[p * a_column], b[p * b_row], from);
    return (void)a_row, (void)b_column, from;
}

static void check(size_t m, size_t n, size_t k, bool a_turned, bool b_turned, bool add)
{
    float *a = random_floats(m * k + 1, m), *b = random_floats(k * n + 1, n), *c = random_floats(m * (n + 3) + 1, k);
    struct matrix left = {a, a_turned ? 1 : k, a_turned ? m : 1}, right = {b, b_turned ? 1 : n, b_turned ? k : 1};
    float *want = mem_array(m * (n + 3) + 1, sizeof *want, 1, NULL);
    memcpy(want, c, m * (n + 3) * sizeof *c);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < n; j++)
            want[i * (n + 3) + j] = element(a + i * left.row, left.row, left.column, b + j * right.column, right.row, right.column, k,
                                            add ? c[i * (n + 3) + j] : 0);
    gemm(m, n, k, left, right, c, n + 3, add);
    for (size_t i = 0; i < m * (n + 3); i++)
        if (memcmp(c + i, want + i, sizeof *c) != 0)
            fail_msg("(%zu, %zu, %zu) %d %d %d at %s: element %zu is %.9g, want %.9g", m, n, k, a_turned, b_turned, add, cpu_level_name(cpu_level()),
                     i, (double)c[i], (double)want[i]);
    mem_free(a), mem_free(b), mem_free(c), mem_free(want);
}

static void is_a_chain_of_fused_additions(void **state)
{
    (void)state;
    static const size_t sizes[] = {0, 1, 2, 5, 6, 7, 11, 12, 13, 31, 32, 33};
    enum { SIZES = sizeof sizes / sizeof *sizes };
    for (int level = CPU_BASE; level < CPU_LEVELS; level++) {
        setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
        for (size_t i = 0; i < SIZES; i++)
            for (size_t j = 0; j < SIZES; j++)
                for (int turned = 0; turned < 8; turned++) check(sizes[i], sizes[j], sizes[(i + j) % SIZES], turned & 1, turned & 2, turned & 4);
        check(121, 40, 257, false, true, false);
        check(241, 33, 513, true, false, true);
    }
    unsetenv("TRAINYARD_CPU");
}

static void rows_do_not_know_each_other(void **state)
{
    (void)state;
    float *a = random_floats(SIDE * SIDE, 1), *b = random_floats(SIDE * SIDE, 2), *c = random_floats(SIDE * SIDE, 3), one[SIDE];
    gemm(SIDE, SIDE, SIDE, (struct matrix){a, SIDE, 1}, (struct matrix){b, 1, SIDE}, c, SIDE, false);
    for (size_t i = 0; i < SIDE; i++) {
        gemm(1, SIDE, SIDE, (struct matrix){a + i * SIDE, SIDE, 1}, (struct matrix){b, 1, SIDE}, one, SIDE, false);
        assert_memory_equal(one, c + i * SIDE, sizeof one);
    }
    mem_free(a), mem_free(b), mem_free(c);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(is_a_chain_of_fused_additions), cmocka_unit_test(rows_do_not_know_each_other)};
TEST_MAIN(tests)

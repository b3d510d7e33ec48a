/* Quantiles of classes against the sorted numbers. */
#include "engine/data/inspect/magnitudes.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "lib/test.h"

static int compare(const void *a, const void *b) { return (*(const float *)a > *(const float *)b) - (*(const float *)a < *(const float *)b); }

static float draw(int kind, uint64_t i)
{
    struct rng rng = rng_at(9, RNG_TEST, (uint32_t)kind, i);
    double u = rng_unit(&rng), n = rng_normal(&rng);
    switch (kind) {
    case 0: return (float)n;
    case 1: return (float)exp(4 * n);
    case 2: return (float)(-exp(8 * n));
    case 3: return (float)(u < 0.5 ? 0 : floor(u * 30));
    case 4: return (float)(1e6 + n);
    default: return u < 0.3 ? -FLT_MAX : u < 0.6 ? FLT_MAX : -0.0f;
    }
}

static void quantiles_are_near_the_sorted_numbers(void **state)
{
    enum { N = 20001 };
    static float x[N];
    static const double qs[] = {0, 0.001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.99, 1};
    struct error err = {0};
    (void)state;
    for (int kind = 0; kind < 6; kind++) {
        struct magnitudes m = {0};
        for (uint64_t i = 0; i < N; i++) {
            x[i] = draw(kind, i);
            assert_ok(magnitudes_add(&m, x[i], &err), &err);
        }
        qsort(x, N, sizeof *x, compare);
        for (size_t k = 0; k < sizeof qs / sizeof *qs; k++) {
            size_t rank = qs[k] == 0 ? 0 : (size_t)ceil(qs[k] * N) - 1;
            assert_close(magnitudes_quantile(&m, qs[k]), x[rank], 1.0 / 255, 0);
        }
        magnitudes_close(&m);
        assert_true(isnan(magnitudes_quantile(&m, 0.5)));
    }
}

static void order_is_the_order_of_numbers(void **state)
{
    static const float ascending[] = {-FLT_MAX, -2, -1, -FLT_MIN, 0, FLT_MIN, 0.5f, 1, 1.0000001f, FLT_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof ascending / sizeof *ascending; i++) {
        assert_true(magnitude_number(magnitude_order(ascending[i])) == ascending[i]);
        if (i > 0) assert_true(magnitude_order(ascending[i - 1]) < magnitude_order(ascending[i]));
    }
    assert_int_equal(magnitude_order(-0.0f), magnitude_order(0.0f));
}

static void memory_that_fails_is_told(void **state)
{
    struct magnitudes m = {0};
    struct error err = {0};
    (void)state;
    mem_fail_after(1);
    assert_int_equal(magnitudes_add(&m, 1, &err), -ERROR_NOMEM);
    mem_fail_after(0);
    assert_int_equal(m.count, 0);
    magnitudes_close(&m);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(quantiles_are_near_the_sorted_numbers),
    cmocka_unit_test(order_is_the_order_of_numbers),
    cmocka_unit_test(memory_that_fails_is_told),
};
TEST_MAIN(tests)

/* Lookup against a naive scan, rows that wake, and the logistic kernels: accuracy against libm in double, and equal bits on every instruction set. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/kernel.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/core/float.h"
#include "engine/core/grad.h"
#include "engine/core/logistic.h"
#include "engine/core/lookup.h"
#include "engine/core/params.h"

KERNEL_DECLARE(void, logistic_delta, (const float *z, const float *y, float *delta, size_t n));
KERNEL_DECLARE(double, logistic_loss, (const float *z, const float *y, const float *w, size_t n));

static const struct param_desc descs[] = {{.name = "bias", .width = 3},
                                          {.name = "linear", .table = true, .width = 1},
                                          {.name = "embedding", .table = true, .width = 5, .init = INIT_NORMAL, .init_scale = 0.1f}};
#define ONE_STATE \
    { \
        .count = 1, .desc = {{"n", STATE_WEIGHT}}, .initial = { 0.25f } \
    }
static const struct param_states states[GROUPS] = {ONE_STATE, ONE_STATE, ONE_STATE};

static void lookup_equals_naive(void **state)
{
    (void)state;
    static const uint32_t bit_counts[] = {1, 4, 9, 10, 15, 16, 22};
    struct error err = {0};
    struct lookup l = {0};
    for (size_t b = 0; b < 7; b++)
        for (uint64_t seed = 1; seed <= 6; seed++)
            for (enum lookup_order order = LOOKUP_OCCURRENCE; order <= LOOKUP_ASCENDING; order++) {
                enum { N = 1500 }; /* distinct ones beyond where the table widens */
                struct params p;
                uint32_t keys[N];
                struct rng rng = rng_at(seed, RNG_TEST, (uint32_t)b, 0);
                for (size_t i = 0; i < N; i++) keys[i] = rng_unit(&rng) < 0.5 ? rng_u32(&rng) : (uint32_t)rng_below(&rng, 20) * 0x0A123457u;
                struct batch batch = {.rows = 1, .features = N, .keys = keys};
                assert_ok(params_init(&p, descs, 3, bit_counts[b], states, 1, &err), &err);
                assert_ok(lookup_build(&l, &batch, &p, order, &err), &err);
                for (size_t i = 0; i < N; i++) assert_int_equal(l.slots[l.local[i]], keys[i] >> (32 - bit_counts[b]));
                for (size_t i = 0; i < l.count; i++) {
                    uint32_t q = l.slots[l.by_slice[i]] >> p.slice_bits;
                    assert_true(i >= l.slice_start[q] && i < l.slice_start[q + 1]);
                    assert_true(i == l.slice_start[q] || l.by_slice[i] > l.by_slice[i - 1]);
                    for (size_t j = 0; j < i; j++) assert_true(l.slots[i] != l.slots[j]);
                    if (order == LOOKUP_ASCENDING && i > 0) assert_true(l.slots[i] > l.slots[i - 1]);
                    if (order != LOOKUP_OCCURRENCE) assert_int_equal(l.by_slice[i], i);
                }
                for (size_t i = 0, seen = 0; order == LOOKUP_OCCURRENCE && i < N; i++)
                    assert_true(l.local[i] <= seen && (seen += l.local[i] == seen) > 0);
                assert_int_equal(l.slice_start[SLICES_MAX], l.count);
                params_close(&p);
            }
    lookup_close(&l);
}

/* A gradient has its ids by slice, whatever the order of its rows. */
static void gradient_rows_have_places(void **state)
{
    (void)state;
    struct error err = {0};
    struct lookup l = {0};
    struct grad_buffer g = {.rows = {0}};
    struct params p;
    enum { N = 300 };
    uint32_t keys[N];
    for (uint32_t i = 0; i < N; i++) keys[i] = i % 200 * 0x9E3779B1u;
    assert_ok(params_init(&p, descs, 3, 16, states, 1, &err), &err);
    for (enum lookup_order order = LOOKUP_OCCURRENCE; order <= LOOKUP_ASCENDING; order++)
        for (size_t n = 0; n <= N; n += N / 2) {
            struct batch batch = {.rows = 1, .features = n, .keys = keys};
            assert_ok(lookup_build(&l, &batch, &p, order, &err), &err);
            assert_ok(grad_buffer_zeros(&g, &l, 3, &err), &err);
            assert_int_equal(g.rows.count, n < 200 ? n : 200);
            assert_int_equal(g.rows.place != NULL, order == LOOKUP_OCCURRENCE && n > 0);
            for (size_t i = 0; i < g.rows.count; i++) {
                uint32_t q = g.rows.ids[i] >> p.slice_bits;
                assert_int_equal(g.rows.ids[i], l.slots[g.rows.place ? g.rows.place[i] : i]);
                assert_true(i >= g.rows.slice_start[q] && i < g.rows.slice_start[q + 1]);
                assert_true(g.rows.values[3 * i] == 0 && g.rows.values[3 * i + 2] == 0);
                g.rows.values[3 * i] = g.rows.values[3 * i + 2] = 1;
            }
        }
    params_close(&p);
    grad_buffer_close(&g);
    lookup_close(&l);
}

static void lookup_survives_many_batches(void **state)
{
    (void)state;
    struct error err = {0};
    struct lookup l = {0};
    struct params p;
    uint32_t keys[3] = {0};
    struct batch batch = {.rows = 1, .features = 3, .keys = keys};
    assert_ok(params_init(&p, descs, 3, 8, states, 1, &err), &err);
    for (uint32_t round = 0; round < 3000; round++) {
        keys[0] = round << 24, keys[1] = (round / 3) << 24, keys[2] = keys[0];
        assert_ok(lookup_build(&l, &batch, &p, LOOKUP_OCCURRENCE, &err), &err);
        assert_int_equal(l.count, keys[0] == keys[1] ? 1 : 2);
    }
    params_close(&p);
    lookup_close(&l);
}

static void rows_sleep_until_their_first_update(void **state)
{
    (void)state;
    struct error err = {0};
    struct params p;
    const uint32_t slots[] = {3, 70, 1023};
    float asleep[15], awake[15], zero[3];
    assert_ok(params_init(&p, descs, 3, 10, states, 42, &err), &err);
    param_gather(&p, 2, slots, 3, asleep);
    param_gather(&p, 1, slots, 3, zero);
    assert_true(zero[0] == 0 && asleep[0] != 0 && !params_live(&p, 70));
    params_wake(&p, slots + 1, 1);
    assert_true(params_live(&p, 70) && !params_live(&p, 3));
    param_gather(&p, 2, slots, 3, awake);
    assert_memory_equal(asleep, awake, sizeof awake); /* waking changes no value */
    assert_true(p.tensor[2].state[0][70 * 5] == 0.25f && p.tensor[2].state[0][3 * 5] == 0);
    p.tensor[2].w[70 * 5] = 9;
    params_wake(&p, slots + 1, 1); /* again: nothing */
    assert_true(p.tensor[2].w[70 * 5] == 9);
    params_close(&p);
}

static void initial_values_are_normal(void **state)
{
    (void)state;
    struct error err = {0};
    struct params p;
    double sum = 0, square = 0, n = 0;
    float row[5];
    assert_ok(params_init(&p, descs, 3, 16, states, 5, &err), &err);
    for (uint64_t r = 0; r < 20000; r++) {
        param_initial(&p, 2, r, row);
        for (size_t j = 0; j < 5; j++) sum += (double)row[j], square += (double)row[j] * (double)row[j], n++;
    }
    assert_close(sum / n, 0, 0, 0.002);
    assert_close(sqrt(square / n), 0.1, 0.01, 0);
    params_close(&p);
}

static void logistic_is_accurate(void **state)
{
    (void)state;
    struct rng rng = rng_at(1, RNG_TEST, 0, 0);
    for (int i = 0; i < 200000; i++) {
        float z = (float)(rng_normal(&rng) * 12), y = (float)(i & 1), delta;
        double e = exp(-fabs((double)z)), p = z >= 0 ? 1 / (1 + e) : e / (1 + e);
        logistic_delta(&z, &y, &delta, 1);
        assert_close(delta + y, p, 4e-7, 2e-7);
        assert_close(logistic_loss(&z, &y, NULL, 1), fmax((double)z, 0) - (double)z * (double)y + log1p(e), 4e-7, 1e-30);
    }
    const float odd[] = {0, -0.0f, 87, -87, 200, -200, 1e30f, -1e30f, 1e-40f};
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        float p;
        logistic_probability(&odd[i], &p, 1);
        assert_close(p, 1 / (1 + exp(-(double)odd[i])), 1e-6, 1e-37);
    }
    float nan = NAN, inf = INFINITY, y = 0;
    assert_false(isfinite(logistic_loss(&nan, &y, NULL, 1)));
    assert_false(isfinite(logistic_loss(&inf, &y, NULL, 1)));
}

static void logistic_has_equal_bits_on_every_cpu(void **state)
{
    (void)state;
    static void (*const deltas[])(const float *, const float *, float *, size_t) = KERNEL_TABLE(logistic_delta);
    static double (*const losses[])(const float *, const float *, const float *, size_t) = KERNEL_TABLE(logistic_loss);
    float z[200], y[200], w[200], want[200], got[200];
    struct rng rng = rng_at(2, RNG_TEST, 0, 0);
    for (size_t n = 0; n < 200; n++) {
        for (size_t i = 0; i < n; i++) z[i] = (float)(rng_normal(&rng) * 5), y[i] = (float)(rng_u32(&rng) & 1), w[i] = (float)(rng_u32(&rng) % 4);
        deltas[0](z, y, want, n);
        double loss = losses[0](z, y, NULL, n), weighted = losses[0](z, y, w, n), sum = 0;
        for (size_t i = 0; i < n; i++) sum += (double)w[i] * losses[0](z + i, y + i, NULL, 1);
        assert_close(weighted, sum, 1e-12, 0);
        for (int level = 1; level <= (int)cpu_level(); level++) {
            deltas[level](z, y, got, n);
            assert_memory_equal(got, want, n * sizeof *got);
            double other = losses[level](z, y, NULL, n), other_weighted = losses[level](z, y, w, n);
            assert_memory_equal(&other, &loss, sizeof loss);
            assert_memory_equal(&other_weighted, &weighted, sizeof weighted);
        }
    }
}

static void finite_is_told(void **state)
{
    (void)state;
    float x[37] = {0};
    assert_true(float_all_finite(x, 37));
    x[36] = INFINITY;
    assert_false(float_all_finite(x, 37));
    assert_true(float_all_finite(x, 36));
    x[3] = NAN;
    assert_false(float_all_finite(x, 36));
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(lookup_equals_naive),
                                          cmocka_unit_test(lookup_survives_many_batches),
                                          cmocka_unit_test(gradient_rows_have_places),
                                          cmocka_unit_test(rows_sleep_until_their_first_update),
                                          cmocka_unit_test(initial_values_are_normal),
                                          cmocka_unit_test(logistic_is_accurate),
                                          cmocka_unit_test(logistic_has_equal_bits_on_every_cpu),
                                          cmocka_unit_test(finite_is_told)};
TEST_MAIN(tests)

/* Exact sums: against integers, against the order of addition, against cancellation that a double loses. */
#include "engine/eval/exact_sum.h"
#include "lib/test.h"

#include <float.h>
#include <math.h>

#include "base/rng.h"

static struct exact_sum sum;

static void small_numbers_add_up(void **state)
{
    (void)state;
    sum = (struct exact_sum){0};
    assert_true(exact_sum_value(&sum) == 0);
    for (int i = 0; i < 5000; i++) exact_sum_add(&sum, 0.5); /* more than the carries may wait */
    exact_sum_add(&sum, -0.25);
    assert_true(exact_sum_value(&sum) == 2499.75);
    for (int i = 0; i < 5001; i++) exact_sum_add(&sum, -0.5);
    assert_true(exact_sum_value(&sum) == -0.75);
    exact_sum_add(&sum, 0.75);
    assert_true(exact_sum_value(&sum) == 0);
}

static void nothing_is_lost_in_cancellation(void **state)
{
    (void)state;
    const double huge[] = {DBL_MAX / 2, 1e300, 1e20, 1}, tiny[] = {DBL_MIN, 4.9e-324, 1e-300, 1e-20};
    for (size_t i = 0; i < 4; i++) {
        sum = (struct exact_sum){0};
        exact_sum_add(&sum, huge[i]);
        exact_sum_add(&sum, tiny[i]);
        exact_sum_add(&sum, -huge[i]);
        assert_true(exact_sum_value(&sum) == tiny[i]);
        exact_sum_add(&sum, -2 * tiny[i]);
        assert_true(exact_sum_value(&sum) == -tiny[i]);
    }
}

/* Multiples of 2^-30 below 2^30 fit 128-bit integers, which say what the sum is. */
static void equals_integers_in_any_order_and_any_lanes(void **state)
{
    (void)state;
    enum { N = 20000, LANES = 3 };
    static double values[N];
    static struct exact_sum lanes[LANES];
    for (unsigned set = 0; set < 20; set++) {
        struct rng rng = rng_at(3, RNG_TEST, 1, set);
        __int128 want = 0;
        for (size_t i = 0; i < N; i++) {
            int64_t whole = (int64_t)(rng_u64(&rng) >> (11 + rng_below(&rng, 50))) * (set % 2 && rng_u32(&rng) % 2 ? -1 : 1);
            values[i] = (double)whole * 0x1p-30;
            want += whole;
        }
        double got[2];
        for (int order = 0; order < 2; order++) {
            for (int l = 0; l < LANES; l++) lanes[l] = (struct exact_sum){0};
            for (size_t i = 0; i < N; i++) exact_sum_add(&lanes[order ? i % LANES : i * 7 % 5 % LANES], values[order ? N - 1 - i : i]);
            sum = (struct exact_sum){0};
            for (int l = 0; l < LANES; l++) exact_sum_merge(&sum, &lanes[order ? LANES - 1 - l : l]);
            got[order] = exact_sum_value(&sum);
        }
        assert_memory_equal(&got[0], &got[1], sizeof got[0]);
        assert_close(got[0], (double)want * 0x1p-30, 1e-15, 0);
    }
}

static void merging_keeps_what_is_merged(void **state)
{
    (void)state;
    struct exact_sum part = {0};
    exact_sum_add(&part, 3.5);
    sum = (struct exact_sum){0};
    exact_sum_merge(&sum, &part);
    exact_sum_merge(&sum, &part);
    assert_true(exact_sum_value(&sum) == 7 && exact_sum_value(&part) == 3.5);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(small_numbers_add_up),
    cmocka_unit_test(nothing_is_lost_in_cancellation),
    cmocka_unit_test(equals_integers_in_any_order_and_any_lanes),
    cmocka_unit_test(merging_keeps_what_is_merged),
};
TEST_MAIN(tests)

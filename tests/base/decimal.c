/* Against printf, character by character: random doubles of every size, ties, powers of ten and their neighbours. */
#include "base/decimal.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "lib/test.h"

static void same_as_printf(double x)
{
    char got[DECIMAL_SIZE + 1], want[64];
    size_t size = decimal_text(got, x);
    assert_true(size < sizeof got);
    got[size] = 0;
    snprintf(want, sizeof want, "%.12g", x);
    if (strcmp(got, want) != 0) fail_msg("%a: got %s, want %s", x, got, want);
}

static void around(double x)
{
    double down = x, up = x;
    for (int i = 0; i < 40; i++) {
        same_as_printf(down), same_as_printf(up);
        down = nextafter(down, -1), up = nextafter(up, 2);
    }
}

static void text_is_printfs(void **state)
{
    (void)state;
    static const double odd[] = {0, -0.0, 1, 2, -0.5, 1e300, DBL_MIN, 4e-324, INFINITY, -INFINITY, NAN, 0.5, 0.25, 0.1, 1e-10, 9.99999999999e-11};
    struct rng rng = rng_at(5, RNG_TEST, 0, 0);
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) same_as_printf(odd[i]);
    for (int e = 0; e <= 12; e++) around(pow(10, -e)), around(0.999999999999 * pow(10, -e)), around(0.9999999999995 * pow(10, -e));
    for (int i = 0; i < 300000; i++) {
        double u = rng_unit(&rng);
        same_as_printf(u);
        same_as_printf(u * pow(10, -(double)rng_below(&rng, 12)));
        same_as_printf((double)rng_below(&rng, 1000) / 1000); /* short ones */
        same_as_printf((double)(2 * rng_below(&rng, 1u << 30) + 1) /
                       (double)(1ull << (31 + rng_below(&rng, 12)))); /* ties at the 13th digit among them */
    }
}

/* 2^-k has its last digit 5, so a tie at the 13th significant digit is possible for short ones alone; make some on purpose. */
static void ties_go_to_even(void **state)
{
    (void)state;
    int ties = 0;
    for (uint64_t n = 1; n < 1 << 13; n += 2) {
        char exact[64];
        double x = (double)n / (1 << 13); /* n / 2^13 = at most 13 decimals, the last a 5 */
        snprintf(exact, sizeof exact, "%.13f", x);
        if (exact[2] != '0') ties++;
        same_as_printf(x);
    }
    assert_true(ties > 3000);
}

static void counts_are_printfs(void **state)
{
    (void)state;
    struct rng rng = rng_at(6, RNG_TEST, 0, 0);
    for (int i = 0; i < 100000; i++) {
        char got[DECIMAL_COUNT_SIZE + 1], want[32];
        uint64_t n = i == 0 ? 0 : i == 1 ? UINT64_MAX : ((uint64_t)rng_u32(&rng) << 32 | rng_u32(&rng)) >> rng_below(&rng, 64);
        got[decimal_count(got, n)] = 0;
        snprintf(want, sizeof want, "%" PRIu64, n);
        assert_string_equal(got, want);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(text_is_printfs), cmocka_unit_test(ties_go_to_even), cmocka_unit_test(counts_are_printfs)};
TEST_MAIN(tests)

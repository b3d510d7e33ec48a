#include "engine/data/format/square_log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/rng.h"
#include "lib/test.h"

/* floor(ln(v)^2) in long double, unless it is too near an integer for long double to be sure. */
static void check(uint64_t v)
{
    long double l = logl((long double)v), square = l * l;
    if (fabsl(square - roundl(square)) < 1e-14L) return;
    uint32_t got = square_log_exact(v), want = (uint32_t)floorl(square);
    if (got != want) fail_msg("square_log_exact(%llu) is %u, want %u", (unsigned long long)v, got, want);
}

static void exact_agrees_with_long_double(void **state)
{
    (void)state;
    for (uint64_t v = 1; v < 200000; v++) check(v);
    for (uint64_t i = 0; i < 200000; i++) {
        struct rng rng = rng_at(11, RNG_TEST, 0, i);
        uint64_t draw = rng_u64(&rng);
        check((draw >> rng_below(&rng, 63)) | 1);
    }
    check(UINT64_MAX);
}

static void table_agrees_with_exact(void **state)
{
    (void)state;
    static struct square_log table;
    square_log_init(&table);
    for (uint64_t v = 1; v < 300000; v++) assert_int_equal(square_log(&table, v), square_log_exact(v));
    for (uint32_t cell = 0; cell < SQUARE_LOG_CELLS; cell++)
        for (int d = -1; d <= 1; d++) { /* at its border, which may lie in a later cell */
            uint64_t v = (table.cells[cell] >> 16) + (uint64_t)d;
            if (v <= UINT32_MAX) assert_int_equal(square_log_small(&table, v), square_log_exact(v));
        }
    for (uint32_t cell = 128; cell < SQUARE_LOG_CELLS; cell++) { /* its first and its last value */
        unsigned shift = cell / 64 - 1;
        uint64_t least = ((uint64_t)64 | cell % 64) << shift, most = least + ((uint64_t)1 << shift) - 1;
        assert_int_equal(square_log_small(&table, least), square_log_exact(least));
        assert_int_equal(square_log_small(&table, most), square_log_exact(most));
    }
    for (uint64_t i = 0; i < 200000; i++) {
        struct rng rng = rng_at(12, RNG_TEST, 0, i);
        uint64_t v = rng_u64(&rng) >> rng_below(&rng, 64) | 1;
        assert_int_equal(square_log(&table, v), square_log_exact(v));
    }
    assert_int_equal(square_log(&table, UINT32_MAX), SQUARE_LOG_CLASSES - 1);
}

/* A class is called by its first number and the one behind its last. */
static void names_are_the_classes(void **state)
{
    (void)state;
    char name[64], want[64];
    square_log_name(-3, name, sizeof name);
    assert_string_equal(name, "-3");
    for (int64_t first = 3, next; first < 100000; first = next) {
        for (next = first; square_log_exact((uint64_t)next) == square_log_exact((uint64_t)first);) next++;
        snprintf(want, sizeof want, next == first + 1 ? "%" PRId64 : ">= %" PRId64 ", < %" PRId64, first, next);
        for (int64_t v = first; v < next; v += 1 + (next - first) / 7) {
            square_log_name(v, name, sizeof name);
            assert_string_equal(name, want);
        }
    }
    uint64_t least, next;
    square_log_name(INT64_MAX, name, sizeof name);
    assert_int_equal(sscanf(name, ">= %" SCNu64 ", < %" SCNu64, &least, &next), 2);
    const uint32_t last = square_log_exact(INT64_MAX);
    assert_true(square_log_exact(least) == last && square_log_exact(least - 1) < last);
    assert_true(square_log_exact(next - 1) == last && square_log_exact(next) > last);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(exact_agrees_with_long_double),
    cmocka_unit_test(table_agrees_with_exact),
    cmocka_unit_test(names_are_the_classes),
};
TEST_MAIN(tests)

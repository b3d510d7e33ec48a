#include "engine/data/split/splits.h"

#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "lib/test.h"

struct holdout { /* params of the options given, the rest by default */
    void *params;
    struct splitter splitter;
};

static struct holdout holdout(const char *options)
{
    struct holdout h = {.params = mem_zero(split_holdout.kind.params_size, NULL)};
    struct faults *faults = mem_zero(sizeof *faults, NULL);
    json_t *json = json_loads(options, 0, NULL);
    options_read(&(struct option_set){split_holdout.kind.options, h.params}, 1, json, "/split", NULL, faults);
    assert_int_equal(faults->count, 0);
    mem_free(faults);
    json_decref(json);
    h.splitter = (struct splitter){.split = &split_holdout, .params = h.params};
    return h;
}

static void sides_have_their_sizes(void **state)
{
    (void)state;
    static const double fractions[][2] = {{0.1, 0}, {0.2, 0.1}, {0.5, 0.25}, {0, 0.01}, {0, 0}};
    const uint64_t rows = 200000;
    for (size_t i = 0; i < sizeof fractions / sizeof *fractions; i++)
        for (int seed = 0; seed < 5; seed++) {
            char options[200];
            uint64_t counts[SIDES] = {0};
            snprintf(options, sizeof options, "{\"test_fraction\": %g, \"validation_fraction\": %g, \"seed\": %d}", fractions[i][0], fractions[i][1],
                     seed);
            struct holdout h = holdout(options);
            splitter_count(&h.splitter, 0, rows, counts);
            assert_int_equal(counts[SIDE_TRAIN] + counts[SIDE_VALIDATION] + counts[SIDE_TEST], rows);
            for (int side = 1; side <= SIDE_TEST; side++) {
                double f = side == SIDE_TEST ? fractions[i][0] : fractions[i][1];
                assert_close(counts[side], f * (double)rows, 0, 5 * sqrt(f * (1 - f) * (double)rows)); /* five sigma */
            }
            mem_free(h.params);
        }
}

/* A larger test side contains a smaller one; another seed is another side, of the expected overlap. */
static void sides_nest_and_seeds_differ(void **state)
{
    (void)state;
    struct holdout small = holdout("{\"test_fraction\": 0.1}"), large = holdout("{\"test_fraction\": 0.3}"),
                   other = holdout("{\"test_fraction\": 0.1, \"seed\": 8}");
    double both = 0, rows = 100000;
    for (uint64_t row = 0; row < 100000; row++) {
        bool in = splitter_side(&small.splitter, row) == SIDE_TEST;
        if (in) assert_int_equal(splitter_side(&large.splitter, row), SIDE_TEST);
        both += in && splitter_side(&other.splitter, row) == SIDE_TEST;
    }
    assert_close(both, 0.01 * rows, 0, 5 * sqrt(0.01 * 0.99 * rows));
    mem_free(small.params), mem_free(large.params), mem_free(other.params);
}

/* No memory of neighbours: runs of test rows are as long as chance makes them. */
static void neighbours_are_independent(void **state)
{
    (void)state;
    struct holdout h = holdout("{\"test_fraction\": 0.5}");
    double changes = 0, n = 100000;
    for (uint64_t row = 1; row < 100000; row++) changes += splitter_side(&h.splitter, row) != splitter_side(&h.splitter, row - 1);
    assert_close(changes, n / 2, 0, 5 * sqrt(n / 4));
    mem_free(h.params);
}

/* The choice is part of every published result: these rows are the test side of seed 7 for ever. */
static void the_side_never_changes(void **state)
{
    (void)state;
    struct holdout h = holdout("{\"test_fraction\": 0.1}");
    uint64_t first[8], found = 0;
    for (uint64_t row = 0; found < 8; row++)
        if (splitter_side(&h.splitter, row) == SIDE_TEST) first[found++] = row;
    static const uint64_t want[8] = {0, 11, 38, 64, 66, 72, 85, 90};
    for (int i = 0; i < 8; i++) assert_int_equal(first[i], want[i]);
    mem_free(h.params);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(sides_have_their_sizes),
    cmocka_unit_test(sides_nest_and_seeds_differ),
    cmocka_unit_test(neighbours_are_independent),
    cmocka_unit_test(the_side_never_changes),
};
TEST_MAIN(tests)

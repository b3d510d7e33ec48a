/* Sortable keys, the radix sort and the walk over tie groups. */
#include "lib/test.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "engine/eval/parts.h"

static void key_keeps_order_and_value(void **state)
{
    (void)state;
    const float rising[] = {-FLT_MAX, -1e9f, -3, -1, -FLT_MIN, -1e-45f, 0, 1e-45f, FLT_MIN, 0.5f, 1, 1.0000001f, 3, 1e9f, FLT_MAX};
    for (size_t i = 0; i < sizeof rising / sizeof *rising; i++) {
        assert_true(rank_unkey(rank_key(rising[i])) == rising[i]);
        if (i) assert_true(rank_key(rising[i - 1]) < rank_key(rising[i]));
    }
    assert_int_equal(rank_key(-0.0f), rank_key(0.0f));
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void sort_equals_qsort(void **state)
{
    (void)state;
    enum { MAX = 3000 };
    static uint32_t keys[MAX], want[MAX], scratch[MAX];
    for (unsigned round = 0; round < 100; round++) {
        struct rng rng = rng_at(3, RNG_TEST, 1, round);
        size_t n = round < 5 ? round : rng_below(&rng, MAX);
        for (size_t i = 0; i < n; i++) keys[i] = want[i] = rng_u32(&rng) >> (round % 4) * 8; /* narrow ones tie */
        qsort(want, n, sizeof *want, compare);
        rank_sort(keys, scratch, n);
        assert_memory_equal(keys, want, n * sizeof *keys);
    }
}

static void walk_groups(const struct rank_groups *ranks, const struct rank_group *want, size_t count)
{
    struct rank_cursor cursor = {0};
    struct rank_group g;
    for (size_t i = 0; i < count; i++) {
        assert_true(rank_next(ranks, &cursor, &g));
        assert_int_equal(g.rows[1], want[i].rows[1]);
        assert_int_equal(g.rows[0], want[i].rows[0]);
        for (int y = 0; y < 2; y++) {
            assert_true(g.weight[y] == want[i].weight[y]);
            assert_true(g.square[y] == want[i].square[y]);
        }
    }
    assert_false(rank_next(ranks, &cursor, &g));
    assert_false(rank_next(ranks, &cursor, &g));
}

static void groups_of_keys_and_of_bins(void **state)
{
    (void)state;
    const uint32_t positives[] = {5, 5, 7, 9}, negatives[] = {1, 5, 7, 7, 8};
    const struct rank_groups exact = {.positives = 4, .negatives = 5, .positive_keys = positives, .negative_keys = negatives};
#define GROUP(positives, negatives) \
    { \
        .rows = {negatives, positives}, .weight = {negatives, positives}, .square = { negatives, positives } \
    }
    const struct rank_group want[] = {GROUP(0, 1), GROUP(2, 1), GROUP(1, 2), GROUP(0, 1), GROUP(1, 0)};
    walk_groups(&exact, want, 5);
    const uint64_t bins[][2] = {{0, 0}, {1, 0}, {1, 2}, {0, 0}, {2, 1}, {1, 0}, {0, 1}, {0, 0}};
    const struct rank_groups binned = {.positives = 4, .negatives = 5, .bins = bins, .bin_count = 8};
    walk_groups(&binned, want, 5);
    walk_groups(&(struct rank_groups){0}, NULL, 0);
}

static uint64_t weighted(uint32_t key, float weight)
{
    uint32_t bits;
    memcpy(&bits, &weight, sizeof bits);
    return (uint64_t)key << 32 | bits;
}

static void groups_of_weighted_keys_and_bins(void **state)
{
    (void)state;
    uint64_t positives[] = {weighted(9, 3), weighted(5, 0.5f), weighted(5, 0.25f)}, negatives[] = {weighted(9, 2), weighted(1, 4)}, scratch[3];
    rank_sort_weighted(positives, scratch, 3);
    rank_sort_weighted(negatives, scratch, 2);
    const struct rank_groups exact = {.positives = 3, .negatives = 2, .positive_weighted = positives, .negative_weighted = negatives};
    const struct rank_group want[] = {{.rows = {1, 0}, .weight = {4, 0}, .square = {16, 0}},
                                      {.rows = {0, 2}, .weight = {0, 0.75}, .square = {0, 0.3125}},
                                      {.rows = {1, 1}, .weight = {2, 3}, .square = {4, 9}}};
    walk_groups(&exact, want, 3);
    const uint64_t bins[][2] = {{1, 0}, {0, 0}, {0, 2}, {1, 1}};
    const struct weight_bin weights[] = {{.weight = {{4ull << 40, 0}}, .square = {{0, 16}}},
                                         {.weight = {{0, 0}}},
                                         {.weight = {{0, 0}, {3ull << 38, 0}}, .square = {{0, 0}, {5ull << 60, 0}}},
                                         {.weight = {{2ull << 40, 0}, {3ull << 40, 0}}, .square = {{0, 4}, {0, 9}}}};
    const struct rank_groups binned = {.positives = 3, .negatives = 2, .bins = bins, .weight_bins = weights, .bin_count = 4};
    walk_groups(&binned, want, 3);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(key_keeps_order_and_value),
    cmocka_unit_test(sort_equals_qsort),
    cmocka_unit_test(groups_of_keys_and_of_bins),
    cmocka_unit_test(groups_of_weighted_keys_and_bins),
};
TEST_MAIN(tests)

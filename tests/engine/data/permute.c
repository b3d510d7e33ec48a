#include "engine/data/permute.h"

#include <string.h>

#include "lib/test.h"

static void check_bijection(uint64_t n, uint32_t epoch)
{
    static uint8_t seen[1 << 16];
    struct permutation p = permutation_of(n, 42, epoch);
    memset(seen, 0, n);
    for (uint64_t i = 0; i < n; i++) {
        uint64_t at = permutation_at(&p, i);
        assert_true(at < n);
        if (seen[at]++) fail_msg("n %llu: %llu comes twice", (unsigned long long)n, (unsigned long long)at);
    }
}

static void every_number_comes_once(void **state)
{
    (void)state;
    for (uint64_t n = 1; n < 400; n++) check_bijection(n, (uint32_t)n);
    check_bijection(4096, 0);
    check_bijection(4097, 1);
    check_bijection(65535, 2);
}

static void epochs_and_seeds_differ(void **state)
{
    (void)state;
    struct permutation a = permutation_of(1000, 1, 0), b = permutation_of(1000, 1, 1), c = permutation_of(1000, 2, 0);
    unsigned ab = 0, ac = 0, identity = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        ab += permutation_at(&a, i) == permutation_at(&b, i);
        ac += permutation_at(&a, i) == permutation_at(&c, i);
        identity += permutation_at(&a, i) == i;
    }
    assert_true(ab < 12 && ac < 12 && identity < 12); /* one on average */
}

/* Where does the first number land? Uniformly over the range, as far as a chi-square over 16 cells and 4,000 keys tells. */
static void places_are_uniform(void **state)
{
    (void)state;
    double counts[16] = {0}, chi = 0;
    for (uint32_t epoch = 0; epoch < 4000; epoch++) {
        struct permutation p = permutation_of(160, 7, epoch);
        counts[permutation_at(&p, 0) / 10]++;
    }
    for (int c = 0; c < 16; c++) chi += (counts[c] - 250) * (counts[c] - 250) / 250;
    assert_true(chi < 44); /* 15 degrees of freedom, p = 1e-4 */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_number_comes_once),
    cmocka_unit_test(epochs_and_seeds_differ),
    cmocka_unit_test(places_are_uniform),
};
TEST_MAIN(tests)

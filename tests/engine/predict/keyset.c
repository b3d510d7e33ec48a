#include "engine/predict/keyset.h"

#include "base/mem.h"
#include "base/rng.h"
#include "lib/test.h"

enum { KEYS = 5000 };

static void equals_a_bitmap(void **state)
{
    (void)state;
    struct keyset set = {0};
    struct error err = {0};
    struct rng rng = rng_at(4, RNG_TEST, 0, 0);
    for (int round = 0; round < 3; round++) {
        static uint8_t there[KEYS];
        size_t count = 0;
        for (size_t i = 0; i < KEYS; i++) there[i] = 0;
        for (int i = 0; i < 3 * KEYS; i++) {
            uint64_t k = rng_below(&rng, KEYS), key = k << (round * 24); /* low, middle and high bits */
            assert_int_equal(keyset_add(&set, key, &err), !there[k]);
            count += !there[k];
            there[k] = 1;
            assert_int_equal(set.count, count);
        }
        keyset_clear(&set);
        assert_int_equal(set.count, 0);
    }
    assert_int_equal(keyset_add(&set, 0, &err), 1);
    assert_int_equal(keyset_add(&set, UINT64_MAX - 1, &err), 1);
    assert_int_equal(keyset_add(&set, 0, &err), 0);
    keyset_close(&set), keyset_close(&set);
}

static void failed_growth_keeps_the_set(void **state)
{
    (void)state;
    struct keyset set = {0};
    struct error err = {0};
    mem_fail_after(1);
    assert_int_equal(keyset_add(&set, 1, &err), -ERROR_NOMEM);
    error_clear(&err);
    for (uint64_t k = 0; k < 128; k++) assert_int_equal(keyset_add(&set, k, &err), 1);
    mem_fail_after(1);
    assert_int_equal(keyset_add(&set, 128, &err), -ERROR_NOMEM);
    mem_fail_after(0);
    error_clear(&err);
    for (uint64_t k = 0; k < 128; k++) assert_int_equal(keyset_add(&set, k, &err), 0);
    assert_int_equal(keyset_add(&set, 128, &err), 1);
    keyset_close(&set);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(equals_a_bitmap), cmocka_unit_test(failed_growth_keeps_the_set)};
TEST_MAIN(tests)

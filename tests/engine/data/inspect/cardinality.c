/* HyperLogLog against exact counts, from none to a million, over many hash seeds: error and bias as stated. */
#include "engine/data/inspect/cardinality.h"

#include <math.h>

#include "base/mem.h"
#include "lib/test.h"

enum { SEEDS = 24 };

static const uint32_t counts[] = {1, 2, 3, 5, 10, 30, 100, 300, 1000, 3000, 10000, 20000, 40000, 60000, 100000, 300000, 1000000};
enum { COUNTS = sizeof counts / sizeof *counts };

static void within_the_stated_error(void **state)
{
    double bias[COUNTS] = {0}, square[COUNTS] = {0};
    struct cardinality *c = mem_zero(sizeof *c, NULL);
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        *c = (struct cardinality){0};
        for (uint64_t i = 0, k = 0; k < COUNTS; i++) {
            cardinality_add(c, hash64(&i, sizeof i, seed));
            if (i % 3 == 0) cardinality_add(c, hash64(&i, sizeof i, seed)); /* again: nothing new */
            if (i + 1 != counts[k]) continue;
            double error = cardinality_count(c) / counts[k] - 1;
            if (fabs(error) > 5 * CARDINALITY_ERROR) fail_msg("seed %u: %u distinct, error %.4f", (unsigned)seed, counts[k], error);
            bias[k] += error / SEEDS;
            square[k] += error * error / SEEDS;
            k++;
        }
    }
    for (size_t k = 0; k < COUNTS; k++) {
        assert_close(bias[k], 0, 0, 4 * CARDINALITY_ERROR / sqrt(SEEDS)); /* of the mean of SEEDS counts: no bias anywhere */
        assert_true(sqrt(square[k]) < 1.6 * CARDINALITY_ERROR);
    }
    mem_free(c);
}

static void empty_is_zero_and_full_is_bounded(void **state)
{
    struct cardinality *c = mem_zero(sizeof *c, NULL);
    (void)state;
    assert_true(cardinality_count(c) == 0);
    cardinality_add(c, 0); /* the longest run of zeros that a hash has */
    assert_close(cardinality_count(c), 1, 0.01, 0);
    for (unsigned i = 0; i < CARDINALITY_REGISTERS; i++) c->registers[i] = 255; /* beyond what can be: hostile */
    assert_true(cardinality_count(c) > 1e15);
    assert_true(isinf(cardinality_of_keys(c)));
    mem_free(c);
}

static void merging_is_the_union(void **state)
{
    struct cardinality *parts = mem_array(3, 1, sizeof *parts, NULL);
    (void)state;
    for (uint64_t i = 0; i < 50000; i++) {
        uint64_t h = hash64(&i, sizeof i, 1);
        cardinality_add(&parts[2], h);
        if (i % 3) cardinality_add(&parts[0], h);
        if (i % 2 == 0) cardinality_add(&parts[1], h);
    }
    cardinality_merge(&parts[0], &parts[1]);
    for (uint64_t i = 0; i < 50000; i += 1)
        if (i % 3 == 0 && i % 2) cardinality_add(&parts[0], hash64(&i, sizeof i, 1)); /* what neither had */
    assert_memory_equal(&parts[0], &parts[2], sizeof parts[0]);
    mem_free(parts);
}

/* 2^17 keys out of a space of 2^32 hardly collide; that the count of keys is turned back into things shows in the formula. */
static void keys_are_corrected(void **state)
{
    struct cardinality *c = mem_zero(sizeof *c, NULL);
    (void)state;
    for (uint32_t i = 0; i < 1 << 17; i++) cardinality_add_key(c, i * 0x9E3779B1u);
    double keys = cardinality_count(c);
    assert_close(keys, 1 << 17, 5 * CARDINALITY_ERROR, 0);
    assert_close(0x1p32 * (1 - exp(-cardinality_of_keys(c) / 0x1p32)), keys, 1e-9, 0);
    mem_free(c);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(within_the_stated_error),
    cmocka_unit_test(empty_is_zero_and_full_is_bounded),
    cmocka_unit_test(merging_is_the_union),
    cmocka_unit_test(keys_are_corrected),
};
TEST_MAIN(tests)

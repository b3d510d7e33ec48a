#include "base/rng.h"
#include "lib/test.h"

#include <math.h>
#include <string.h>

/* Philox4x32-10 a second time, straight from the paper's figure 1: a bijection of two 64-bit halves, keys raised as a list. */
static void philox_by_the_paper(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    static const uint64_t multiplier[2] = {0xD2511F53, 0xCD9E8D57};
    static const uint32_t weyl[2] = {0x9E3779B9, 0xBB67AE85};
    uint32_t keys[10][2], left[2] = {counter[1], counter[3]}, right[2] = {counter[0], counter[2]};
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < 2; i++) keys[round][i] = key[i] + (uint32_t)round * weyl[i];
    for (int round = 0; round < 10; round++) {
        uint32_t high[2], low[2];
        for (int i = 0; i < 2; i++) {
            uint64_t product = multiplier[i] * right[i];
            high[i] = (uint32_t)(product >> 32);
            low[i] = (uint32_t)(product % 0x100000000u);
        }
        for (int i = 0; i < 2; i++) right[i] = high[1 - i] ^ keys[round][i] ^ left[i]; /* the S-boxes of the other half */
        left[0] = low[1];
        left[1] = low[0];
    }
    out[0] = right[0], out[1] = left[0], out[2] = right[1], out[3] = left[1];
}

/* kat_vectors of Random123, the paper's library. */
static void philox_known_answers(void **state)
{
    (void)state;
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } rows[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}, {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint32_t out[4];
        philox4x32(rows[i].counter, rows[i].key, out);
        assert_memory_equal(out, rows[i].out, sizeof out);
    }
}

static void philox_is_the_papers(void **state)
{
    (void)state;
    uint64_t x = 1;
    for (int i = 0; i < 10000; i++) {
        uint32_t in[6], a[4], b[4];
        for (int j = 0; j < 6; j++) in[j] = (uint32_t)((x = x * 6364136223846793005u + 1442695040888963407u) >> 32);
        philox4x32(in, in + 4, a);
        philox_by_the_paper(in, in + 4, b);
        assert_memory_equal(a, b, sizeof a);
    }
}

static void rng_is_a_function_of_its_place(void **state)
{
    (void)state;
    struct rng a = rng_at(7, RNG_SPLIT, 1, 1000), b = rng_at(7, RNG_SPLIT, 1, 1000);
    for (int i = 0; i < 100; i++) assert_true(rng_u64(&a) == rng_u64(&b));
    struct rng copy = a;
    assert_true(rng_u64(&a) == rng_u64(&copy));
    const struct rng others[] = {rng_at(8, RNG_SPLIT, 1, 1000),
                                 rng_at(7, RNG_SHUFFLE_ROWS, 1, 1000),
                                 rng_at(7, RNG_SPLIT, 2, 1000),
                                 rng_at(7, RNG_SPLIT, 1, 1001),
                                 rng_at(7, RNG_SPLIT, 1, 1000 + (UINT64_C(1) << 32)),
                                 rng_at(7 + (UINT64_C(1) << 32), RNG_SPLIT, 1, 1000)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct rng same = rng_at(7, RNG_SPLIT, 1, 1000), other = others[i];
        assert_true(rng_u64(&same) != rng_u64(&other));
    }
}

/* First numbers of one stream, written down: a change here changes every model that was ever trained. */
static void rng_streams_never_change(void **state)
{
    (void)state;
    struct rng rng = rng_at(1, RNG_SHUFFLE_ROWS, 2, 3);
    uint32_t counter[4] = {0, 2 ^ (uint32_t)RNG_SHUFFLE_ROWS << 24, 3, 0}, key[2] = {1, 0}, block[4];
    for (uint32_t draw = 0; draw < 3; draw++) {
        counter[0] = draw;
        philox_by_the_paper(counter, key, block);
        for (int i = 0; i < 4; i++) assert_int_equal(rng_u32(&rng), block[i]);
    }
    assert_true(RNG_SPLIT == 1 && RNG_SHUFFLE_BLOCKS == 2 && RNG_SHUFFLE_ROWS == 3 && RNG_INIT == 4 && RNG_CODEC == 5 && RNG_DATAGEN == 6 &&
                RNG_BOOTSTRAP == 7);
}

static void rng_below_is_uniform(void **state)
{
    (void)state;
    enum { N = 7, DRAWS = 70000 };
    struct rng rng = rng_at(3, RNG_TEST, 0, 0);
    unsigned counts[N] = {0};
    for (int i = 0; i < DRAWS; i++) counts[rng_below(&rng, N)]++;
    double chi2 = 0;
    for (int i = 0; i < N; i++) chi2 += (counts[i] - DRAWS / N) * ((double)counts[i] - DRAWS / N) / (DRAWS / N);
    assert_true(chi2 < 22.5); /* 6 degrees of freedom: one seed in a thousand */
    for (int i = 0; i < 100; i++) {
        assert_int_equal(rng_below(&rng, 1), 0);
        assert_true(rng_below(&rng, UINT64_MAX) < UINT64_MAX);
    }
    unsigned high = 0; /* 3/4 of 2^64: a plain remainder would give the lower third twice as often */
    const uint64_t n = UINT64_C(3) << 62;
    for (int i = 0; i < 30000; i++) high += rng_below(&rng, n) >= n / 3;
    assert_close(high / 30000.0, 2.0 / 3, 0, 0.012);
}

static void rng_unit_and_normal_have_their_moments(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    struct rng rng = rng_at(5, RNG_TEST, 0, 0);
    double unit = 0, normal = 0, square = 0;
    for (int i = 0; i < DRAWS; i++) {
        double u = rng_unit(&rng), z = rng_normal(&rng);
        assert_true(u >= 0 && u < 1 && isfinite(z));
        unit += u, normal += z, square += z * z;
    }
    assert_close(unit / DRAWS, 0.5, 0, 0.004);
    assert_close(normal / DRAWS, 0, 0, 0.014);
    assert_close(square / DRAWS, 1, 0, 0.02);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(philox_known_answers),     cmocka_unit_test(philox_is_the_papers), cmocka_unit_test(rng_is_a_function_of_its_place),
    cmocka_unit_test(rng_streams_never_change), cmocka_unit_test(rng_below_is_uniform), cmocka_unit_test(rng_unit_and_normal_have_their_moments),
};
TEST_MAIN(tests)

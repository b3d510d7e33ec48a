/* Weights of two bytes: each value means what the formats say, rounding is to a neighbour and right on the average, small steps add up where nearest
 * rounding stalls, and every instruction set gives the same bits. */
#include "engine/core/half.h"

#include <math.h>
#include <string.h>

#include "base/cpu.h"
#include "base/kernel.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/core/params.h"
#include "lib/test.h"

KERNEL_DECLARE(void, bf16_gather, (const struct half_rows *r, float *out));
KERNEL_DECLARE(void, fp16_gather, (const struct half_rows *r, float *out));
KERNEL_DECLARE(void, bf16_scatter, (const struct half_rows *r, const float *from, uint64_t stream));
KERNEL_DECLARE(void, fp16_scatter, (const struct half_rows *r, const float *from, uint64_t stream));

static const enum table_dtype both[] = {TABLE_FP16, TABLE_BF16};

/* What the format's definition says, in double. */
static double meaning(enum table_dtype dtype, uint16_t h)
{
    int digits = dtype == TABLE_BF16 ? 7 : 10, bias = dtype == TABLE_BF16 ? 127 : 15, all = (0x8000 >> digits) - 1;
    int exponent = (h & 0x7fff) >> digits, fraction = h & ((1 << digits) - 1);
    double sign = h & 0x8000 ? -1 : 1;
    if (exponent == all) return fraction ? NAN : sign * INFINITY;
    return sign * (exponent == 0 ? ldexp(fraction, 1 - bias - digits) : ldexp(fraction + (1 << digits), exponent - bias - digits));
}

static void every_value_means_what_the_format_says(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++)
        for (uint32_t h = 0; h < 0x10000; h++) {
            double want = meaning(both[d], (uint16_t)h), got = (double)half_float(both[d], (uint16_t)h);
            assert_true(isnan(want) ? isnan(got) : want == got);
            uint16_t one = (uint16_t)h;
            assert_int_equal(half_all_finite(both[d], &one, 1), isfinite(want) != 0);
            if (isfinite(want)) assert_int_equal(half_nearest(both[d], (float)want), h);
        }
}

static void one_row(enum table_dtype dtype, const float *from, size_t width, uint64_t stream, uint16_t *out)
{
    const uint32_t id = 0;
    half_scatter(dtype, &(struct half_rows){out, &id, 1, width}, from, stream);
}

static void rounding_is_to_a_neighbour_and_right_on_the_average(void **state)
{
    (void)state;
    enum { WIDTH = 4096 };
    struct rng rng = rng_at(4, RNG_TEST, 0, 0);
    float from[WIDTH];
    uint16_t got[WIDTH];
    for (int d = 0; d < 2; d++)
        for (int round = 0; round < 400; round++) {
            int most = both[d] == TABLE_BF16 ? 120 : 15, least = both[d] == TABLE_BF16 ? -120 : -26; /* below 2^-14 fp16's steps are even */
            double x = ldexp(1 + rng_unit(&rng), least + (int)rng_below(&rng, (uint64_t)(most - least))) * (round % 2 ? -1 : 1);
            if (fabs(x) > 65504 && both[d] == TABLE_FP16) continue;
            for (size_t i = 0; i < WIDTH; i++) from[i] = (float)x;
            one_row(both[d], from, WIDTH, (uint64_t)round, got);
            double down = 0, up = INFINITY, value = fabs((double)from[0]);
            for (uint32_t h = 0; h < 0x8000 && up == INFINITY; h++) {
                double v = meaning(both[d], (uint16_t)h);
                if (v <= value) down = v;
                else up = v;
            }
            double p = (value - down) / (up - down), ups = 0;
            for (size_t i = 0; i < WIDTH; i++) {
                double y = meaning(both[d], got[i]) * (x < 0 ? -1 : 1);
                assert_true(y == down || y == up);
                ups += y == up;
            }
            assert_close(ups / WIDTH, p, 0, 5 * sqrt(p * (1 - p) / WIDTH) + 1e-4);
        }
}

static void what_is_held_exactly_stays_and_what_is_too_large_saturates(void **state)
{
    (void)state;
    const float odd[] = {INFINITY, -INFINITY, NAN, 65504, 65520, 1e30f, -1e30f, 3.4028235e38f, -0.0f, 0};
    uint16_t got[10];
    for (int d = 0; d < 2; d++)
        for (uint64_t stream = 0; stream < 200; stream++) {
            double most = both[d] == TABLE_BF16 ? meaning(TABLE_BF16, 0x7f7f) : 65504;
            one_row(both[d], odd, 10, stream, got);
            for (int i = 0; i < 3; i++) assert_true(isnan(meaning(both[d], got[i])));
            for (int i = 3; i < 10; i++) assert_true(fabs(meaning(both[d], got[i])) <= most);
            if (both[d] == TABLE_FP16) assert_int_equal(got[3], 0x7bff);
            if (both[d] == TABLE_FP16) assert_int_equal(got[6], 0xfbff);
            assert_int_equal(got[7], both[d] == TABLE_BF16 ? 0x7f7f : 0x7bff);
            assert_int_equal(got[8], 0x8000);
            assert_int_equal(got[9], 0);
            for (uint32_t h = (uint32_t)stream; h < 0x7c00; h += 331) {
                float x = half_float(both[d], (uint16_t)h);
                one_row(both[d], &x, 1, stream, got);
                assert_int_equal(got[0], h);
            }
        }
}

static void fresh(struct params *p, enum table_dtype dtype, uint64_t seed)
{
    struct error err = {0};
    struct param_desc descs[] = {{.name = "linear", .table = true, .width = 1},
                                 {.name = "embedding", .table = true, .width = 16, .init = INIT_NORMAL, .init_scale = 0.1f},
                                 {.name = "bias", .width = 1}};
    const struct param_states one = {.count = 1, .desc = {{"n", STATE_WEIGHT}}, .initial = {0.25f}}, all[GROUPS] = {one, one, one};
    param_descs_form(descs, 3, (struct table_form){.dtype = dtype});
    assert_ok(params_init(p, descs, 3, 10, all, seed, &err), &err);
}

enum { ROWS = 64, WIDTH = 16, ALL = ROWS * WIDTH };

static const uint32_t *slots_all(void)
{
    static uint32_t slots[ROWS];
    for (uint32_t i = 0; i < ROWS; i++) slots[i] = i * 16 + 3;
    return slots;
}

/* algorithms.md §4: 10^4 updates of ulp / 100 move the mean by 100 ulp; to nearest, none moves at all. */
static void small_steps_add_up(void **state)
{
    (void)state;
    enum { STEPS = 10000 };
    for (int d = 0; d < 2; d++)
        for (int sign = -1; sign <= 1; sign += 2) {
            struct params p;
            float w[ALL], ulp = ldexpf(1, both[d] == TABLE_BF16 ? -7 : -10);
            double step = (double)(float)(1 + ulp / 100) - 1, sum = 0; /* what a float at 1 can take of it */
            fresh(&p, both[d], 7);
            params_wake(&p, slots_all(), ROWS);
            for (size_t i = 0; i < ALL; i++) w[i] = (float)sign;
            param_scatter(&p, 1, slots_all(), ROWS, w, 0);
            for (uint64_t t = 1; t <= STEPS; t++) {
                param_gather(&p, 1, slots_all(), ROWS, w);
                for (size_t i = 0; i < ALL; i++) w[i] += (float)(sign * step);
                param_scatter(&p, 1, slots_all(), ROWS, w, t);
            }
            param_gather(&p, 1, slots_all(), ROWS, w);
            double q = step / (double)ulp, sigma = sqrt(STEPS * q * (1 - q)); /* of one weight, in ulp */
            for (size_t i = 0; i < ALL; i++) {
                double moved = (sign * (double)w[i] - 1) / (double)ulp;
                assert_close(moved, STEPS * q, 0, 5.5 * sigma);
                sum += moved;
            }
            assert_close(sum / ALL, STEPS * q, 0, 5 * sigma / sqrt(ALL));
            assert_close(STEPS * q, 100, 0.01, 0);
            assert_true(half_nearest(both[d], (float)(1 + step)) == half_nearest(both[d], 1));
            params_close(&p);
        }
}

/* A draw is of this seed, step, table, slot and column: another one of any falls otherwise, half of the time. */
static void draws_are_a_function_of_seed_step_table_slot_and_column(void **state)
{
    (void)state;
    struct params p[2];
    float w[ALL], halfway = 1 + ldexpf(1, -8), first[ALL], got[ALL];
    for (size_t i = 0; i < ALL; i++) w[i] = halfway;
    for (size_t i = 0; i < 2; i++) {
        fresh(&p[i], TABLE_BF16, 7 + i);
        params_wake(&p[i], slots_all(), ROWS);
    }
    param_scatter(&p[0], 1, slots_all(), ROWS, w, 5);
    param_gather(&p[0], 1, slots_all(), ROWS, first);
    param_scatter(&p[0], 1, slots_all(), ROWS, w, 6);
    param_scatter(&p[0], 1, slots_all() + 9, 2, w, 5);
    param_gather(&p[0], 1, slots_all() + 9, 2, got);
    assert_memory_equal(got, first + 9 * WIDTH, 2 * WIDTH * sizeof *got); /* whatever else is in the call */
    int other_step = 0, other_seed = 0, other_table = 0, other_column = 0, other_row = 0, ups = 0;
    param_gather(&p[0], 1, slots_all() + 11, ROWS - 11, got);
    for (size_t i = 0; i < (ROWS - 11) * WIDTH; i++) other_step += got[i] != first[i + 11 * WIDTH];
    param_scatter(&p[1], 1, slots_all(), ROWS, w, 5);
    param_gather(&p[1], 1, slots_all(), ROWS, got);
    for (size_t i = 0; i < ALL; i++) other_seed += got[i] != first[i], ups += first[i] > halfway;
    param_scatter(&p[0], 0, slots_all(), ROWS, w, 5);
    param_gather(&p[0], 0, slots_all(), ROWS, got);
    for (size_t r = 0; r < ROWS; r++) other_table += got[r] != first[r * WIDTH];
    for (size_t i = 0; i + 1 < ALL; i++) other_column += first[i] != first[i + 1];
    for (size_t i = 0; i + WIDTH < ALL; i++) other_row += first[i] != first[i + WIDTH];
    assert_close(other_step / ((ROWS - 11.0) * WIDTH), 0.5, 0, 0.09);
    assert_close(other_seed / (double)ALL, 0.5, 0, 0.08);
    assert_close(ups / (double)ALL, 0.5, 0, 0.08);
    assert_close(other_table / (double)ROWS, 0.5, 0, 0.32);
    assert_close(other_column / (double)ALL, 0.5, 0, 0.08);
    assert_close(other_row / (double)ALL, 0.5, 0, 0.08);
    for (size_t i = 0; i < 2; i++) params_close(&p[i]);
}

static void rows_sleep_and_rest_as_in_floats(void **state)
{
    (void)state;
    for (int d = 0; d < 2; d++) {
        struct params p;
        float asleep[ALL], awake[ALL], exact[WIDTH], zeros[ALL] = {0};
        struct params f;
        fresh(&p, both[d], 3);
        fresh(&f, TABLE_FP32, 3);
        param_gather(&p, 1, slots_all(), ROWS, asleep);
        params_wake(&p, slots_all(), ROWS);
        param_gather(&p, 1, slots_all(), ROWS, awake);
        assert_memory_equal(asleep, awake, sizeof awake);
        param_initial(&f, 1, slots_all()[2], exact);
        for (size_t j = 0; j < WIDTH; j++) assert_close(awake[2 * WIDTH + j], exact[j], both[d] == TABLE_BF16 ? 0x1p-8 : 0x1p-11, 1e-7);
        assert_false(params_rest(&p, slots_all()[0])); /* embeddings do not start from zeros */
        param_scatter(&p, 1, slots_all(), ROWS, zeros, 1);
        param_gather(&p, 1, slots_all(), ROWS, awake);
        assert_memory_equal(awake, zeros, sizeof zeros);
        params_sleep(&p);
        param_gather(&p, 1, slots_all(), ROWS, awake);
        assert_memory_equal(asleep, awake, sizeof awake);
        params_close(&p);
        params_close(&f);
    }
}

static void two_bytes_halve_the_weights(void **state)
{
    (void)state;
    struct param_desc descs[] = {{.name = "embedding", .table = true, .width = 16}, {.name = "layer", .rows = 10, .width = 16}};
    uint64_t floats = params_bytes(descs, 2, 20, NULL);
    param_descs_form(descs, 2, (struct table_form){.dtype = TABLE_BF16});
    assert_int_equal(floats - params_bytes(descs, 2, 20, NULL), 2ull * 16 << 20);
}

static void kernels_give_equal_bits_on_every_cpu(void **state)
{
    (void)state;
    static void (*const gathers[2][CPU_LEVELS])(const struct half_rows *, float *) = {KERNEL_TABLE(fp16_gather), KERNEL_TABLE(bf16_gather)};
    static void (*const scatters[2][CPU_LEVELS])(const struct half_rows *, const float *, uint64_t) = {KERNEL_TABLE(fp16_scatter),
                                                                                                       KERNEL_TABLE(bf16_scatter)};
    static const size_t widths[] = {1, 3, 8, 15, 16, 17, 40};
    enum { COUNT = 50, MOST = COUNT * 40 };
    static uint16_t want[2 * MOST], got[2 * MOST];
    static float from[MOST], out[MOST], again[MOST];
    struct rng rng = rng_at(6, RNG_TEST, 0, 0);
    uint32_t ids[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) ids[i] = 2 * (COUNT - 1 - i);
    for (int d = 0; d < 2; d++)
        for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
            for (size_t i = 0; i < MOST; i++) {
                uint32_t bits = rng_u32(&rng); /* any float there is */
                if (i % 2) from[i] = (float)rng_normal(&rng) * ldexpf(1, (int)rng_below(&rng, 40) - 30);
                else memcpy(&from[i], &bits, sizeof bits);
            }
            struct half_rows rows = {want, ids, COUNT, widths[w]}, other = {got, ids, COUNT, widths[w]};
            scatters[d][0](&rows, from, 11);
            gathers[d][0](&rows, out);
            for (int level = 1; level <= (int)cpu_level(); level++) {
                scatters[d][level](&other, from, 11);
                assert_memory_equal(got, want, 2 * COUNT * widths[w] * sizeof *got);
                gathers[d][level](&other, again);
                assert_memory_equal(again, out, COUNT * widths[w] * sizeof *out);
            }
        }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(every_value_means_what_the_format_says),
                                          cmocka_unit_test(rounding_is_to_a_neighbour_and_right_on_the_average),
                                          cmocka_unit_test(what_is_held_exactly_stays_and_what_is_too_large_saturates),
                                          cmocka_unit_test(small_steps_add_up),
                                          cmocka_unit_test(draws_are_a_function_of_seed_step_table_slot_and_column),
                                          cmocka_unit_test(rows_sleep_and_rest_as_in_floats),
                                          cmocka_unit_test(two_bytes_halve_the_weights),
                                          cmocka_unit_test(kernels_give_equal_bits_on_every_cpu)};
TEST_MAIN(tests)

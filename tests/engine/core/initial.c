/* Initial values: what the definition says, number by number from the stream of seed, tensor and row, whatever is made together, in any part of a row
 * and on every instruction set; and normal enough. */
#include "engine/core/initial.h"

#include <math.h>
#include <stdlib.h>

#include "base/cpu.h"
#include "base/kernel.h"
#include "base/rng.h"
#include "lib/test.h"

KERNEL_DECLARE(void, initial_blocks, (const struct initial *what, const uint32_t *block, const uint32_t *row, float *out));

/* Four 16-bit uniforms a value, drawn one after the other. */
static void by_definition(const struct initial *what, uint32_t row, float *out)
{
    struct rng rng = rng_at(what->seed, RNG_INIT, what->tensor, row);
    for (size_t j = 0; j < what->first + what->width; j++) {
        int32_t sum = -2 * 65535;
        for (int k = 0; k < 2; k++) {
            uint32_t draw = rng_u32(&rng);
            sum += (int32_t)(draw & 0xffff) + (int32_t)(draw >> 16);
        }
        if (j >= what->first) out[j - what->first] = what->scale * ((float)sum * (1.7320508f / 65536.0f));
    }
}

static void rows_are_what_the_definition_says(void **state)
{
    (void)state;
    enum { ROWS = 37, WIDEST = 200 };
    static const size_t widths[] = {1, 2, 3, 4, 5, 16, 31, 32, 33, 64, 65, 156, WIDEST}, counts[] = {0, 1, 2, 15, 16, 17, ROWS};
    uint32_t rows[ROWS], at[ROWS];
    float *got = malloc(sizeof(float) * ROWS * WIDEST), want[WIDEST];
    assert_non_null(got);
    for (uint32_t i = 0; i < ROWS; i++) rows[i] = i * 0x9E3779B9u, at[i] = (i * 5 + 3) % ROWS;
    for (size_t w = 0; w < sizeof widths / sizeof *widths; w++)
        for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
            for (size_t first = 0; first <= 64; first += 62) {
                const struct initial what = {0x0123456789abcdef, 7, 0.25f, first, widths[w]};
                for (size_t i = 0; i < ROWS * WIDEST; i++) got[i] = 9;
                initial_normals(&what, rows, at, counts[c], got);
                size_t written = 0;
                for (size_t i = 0; i < counts[c]; i++) {
                    by_definition(&what, rows[i], want);
                    assert_memory_equal(got + at[i] * what.width, want, what.width * sizeof *want);
                }
                for (size_t i = 0; i < ROWS * WIDEST; i++) written += got[i] != 9;
                assert_int_equal(written, counts[c] * what.width);
            }
    free(got);
}

static void every_instruction_set_gives_the_same_bits(void **state)
{
    (void)state;
    enum { COUNT = INITIAL_BLOCKS * INITIAL_COLUMNS };
    static void (*const kernels[])(const struct initial *, const uint32_t *, const uint32_t *, float *) = KERNEL_TABLE(initial_blocks);
    const struct initial what = {11, 3, 0.01f, 0, COUNT};
    uint32_t block[INITIAL_BLOCKS], row[INITIAL_BLOCKS];
    for (uint32_t l = 0; l < INITIAL_BLOCKS; l++) block[l] = l * l, row[l] = UINT32_MAX - l;
    float want[COUNT], got[COUNT];
    kernels[0](&what, block, row, want);
    for (int level = 1; level <= (int)cpu_level(); level++) {
        kernels[level](&what, block, row, got);
        assert_memory_equal(got, want, sizeof got);
    }
}

static void they_are_normal_enough(void **state)
{
    (void)state;
    enum { WIDTH = 1 << 16 };
    static const uint32_t row = 5, here = 0;
    const struct initial what = {1, 2, 2, 0, WIDTH};
    float *x = malloc(sizeof(float) * WIDTH);
    assert_non_null(x);
    initial_normals(&what, &row, &here, 1, x);
    double sum = 0, squares = 0, beyond = 0;
    for (size_t i = 0; i < WIDTH; i++) {
        double z = (double)x[i] / 2;
        sum += z, squares += z * z, beyond += fabs(z) > 1.96;
    }
    assert_true(fabs(sum / WIDTH) < 5 / sqrt(WIDTH));
    assert_true(fabs(squares / WIDTH - 1) < 5 * sqrt(2.0 / WIDTH));
    assert_true(fabs(beyond / WIDTH - 0.05) < 0.01);
    free(x);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_what_the_definition_says),
                                          cmocka_unit_test(every_instruction_set_gives_the_same_bits), cmocka_unit_test(they_are_normal_enough)};
TEST_MAIN(tests)

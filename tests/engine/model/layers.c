/* The pieces of a dense network where gradient.c cannot see them: the same bits from every instruction set, and the law of dropout masks. */
#include "engine/model/layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "lib/test.h"

enum { ROWS = 9, WIDTH_MAX = 67, FLOATS = ROWS * WIDTH_MAX };

static void random_floats(float *x, size_t n, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0, 0);
    for (size_t i = 0; i < n; i++) x[i] = (float)(8 * rng_unit(&rng) - 4);
}

struct trace { /* what every piece makes of one input */
    float y[FLOATS], norm[FLOATS], applied[FLOATS], standard[FLOATS], back[FLOATS], relu[FLOATS], gelu[FLOATS], relu_back[FLOATS], gelu_back[FLOATS];
    float dropped[FLOATS], dx[FLOATS], mean[WIDTH_MAX], variance[WIDTH_MAX], inverse[WIDTH_MAX], grad[4][WIDTH_MAX], grad_w[WIDTH_MAX * WIDTH_MAX];
    float logit[ROWS];
};

static void trace(struct trace *t, size_t width)
{
    static float x[FLOATS], d[FLOATS], w[WIDTH_MAX * WIDTH_MAX], p[4][WIDTH_MAX];
    const struct batch batch = {.rows = ROWS, .first_row = 40};
    const struct norm norm = {p[0], p[1], p[2], p[3]};
    const struct dropout dropout = {.rate = 0.3f, .seed = 1, .step = 2, .layer = 3};
    struct norm_kept kept = {t->mean, t->variance, t->inverse, t->standard};
    size_t n = ROWS * width;
    memset(t, 0, sizeof *t);
    random_floats(x, n, 1), random_floats(d, n, 2), random_floats(w, width * width, 3), random_floats(p[0], sizeof p / sizeof(float), 4);
    for (size_t j = 0; j < width; j++) p[3][j] = fabsf(p[3][j]);
    linear_layer(ROWS, width, width, x, w, p[0], t->y);
    linear_layer_back(ROWS, width, width, x, w, d, t->grad_w, t->grad[0], t->dx, false);
    logit_layer(ROWS, width, x, p[0], t->logit);
    logit_layer_back(ROWS, width, x, p[0], t->logit, t->grad[1], t->dx);
    memcpy(t->norm, x, n * sizeof *x), memcpy(t->applied, x, n * sizeof *x), memcpy(t->back, d, n * sizeof *x), memcpy(t->dropped, x, n * sizeof *x);
    memcpy(t->relu_back, d, n * sizeof *x), memcpy(t->gelu_back, d, n * sizeof *x);
    norm_layer_train(ROWS, width, &norm, kept, t->norm);
    norm_layer_apply(ROWS, width, &norm, t->applied);
    norm_layer_back(ROWS, width, &norm, kept, t->back, t->grad[2], t->grad[3]);
    activation_layer(ACTIVATION_RELU, n, x, t->relu);
    activation_layer(ACTIVATION_GELU, n, x, t->gelu);
    activation_layer_back(ACTIVATION_RELU, n, x, t->relu_back);
    activation_layer_back(ACTIVATION_GELU, n, x, t->gelu_back);
    dropout_layer(&dropout, &batch, width, t->dropped);
}

static void kernels_agree_bit_for_bit(void **state)
{
    (void)state;
    static struct trace want, got;
    for (size_t width = 1; width <= WIDTH_MAX; width++) {
        setenv("TRAINYARD_CPU", "base", 1);
        trace(&want, width);
        for (int level = CPU_AVX2; level < CPU_LEVELS; level++) {
            setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
            trace(&got, width);
            assert_memory_equal(&got, &want, sizeof want);
        }
        unsetenv("TRAINYARD_CPU");
    }
}

/* One row has no variance: it is seen as it will be when it is judged, says the running statistics again, and its slopes are those of that. */
static void one_row_is_normalised_by_the_running_statistics(void **state)
{
    (void)state;
    enum { WIDTH = 5 };
    const float scale[WIDTH] = {1, -2, 0.5f, 3, 1}, shift[WIDTH] = {0, 1, -1, 0.25f, 2}, mean[WIDTH] = {0, 1, 2, 3, 4},
                variance[WIDTH] = {1, 4, 9, 0.25f, 0};
    const struct norm norm = {scale, shift, mean, variance};
    float x[WIDTH] = {3, 1, -4, 1, 5}, y[WIDTH], want[WIDTH], d[WIDTH] = {1, 1, 1, 1, 1}, grad_scale[WIDTH] = {0}, grad_shift[WIDTH] = {0}, m[WIDTH],
          v[WIDTH], inverse[WIDTH], standard[WIDTH];
    const struct norm_kept kept = {m, v, inverse, standard};
    memcpy(y, x, sizeof x), memcpy(want, x, sizeof x);
    norm_layer_train(1, WIDTH, &norm, kept, y);
    norm_layer_apply(1, WIDTH, &norm, want);
    norm_layer_back(1, WIDTH, &norm, kept, d, grad_scale, grad_shift);
    assert_memory_equal(m, mean, sizeof mean);
    assert_memory_equal(v, variance, sizeof variance);
    for (size_t j = 0; j < WIDTH; j++) {
        double root = sqrt((double)variance[j] + 1e-5);
        assert_close((double)y[j], (double)want[j], 1e-6, 0);
        assert_close((double)d[j], (double)scale[j] / root, 1e-6, 0);
        assert_close((double)grad_scale[j], ((double)x[j] - (double)mean[j]) / root, 1e-6, 0);
        assert_close((double)grad_shift[j], 1, 0, 0);
    }
}

static void gelu_is_near_its_definition(void **state)
{
    (void)state;
    for (int i = -1200; i <= 1200; i++) {
        float z = (float)i / 100, y;
        activation_layer(ACTIVATION_GELU, 1, &z, &y);
        assert_close(y, 0.5 * (double)z * (1 + tanh(0.7978845608028654 * ((double)z + 0.044715 * pow((double)z, 3)))), 1e-6, 1e-6);
        assert_close(y, 0.5 * (double)z * erfc(-(double)z / sqrt(2)), 0, 1e-3); /* the exact form, which the tanh form is within 5e-4 of */
    }
}

enum { MANY = 4000, UNITS = 50 };

static void mask_of(float *x, uint64_t seed, uint64_t step, uint32_t layer, uint64_t first_row, size_t rows)
{
    const struct dropout dropout = {.rate = 0.25f, .seed = seed, .step = step, .layer = layer};
    const struct batch batch = {.rows = rows, .first_row = first_row};
    for (size_t i = 0; i < rows * UNITS; i++) x[i] = 1;
    dropout_layer(&dropout, &batch, UNITS, x);
}

/* Kept with probability 3/4 and then scaled by 4/3; each unit, each row, and each pair of neighbours, within 5 sigma. */
static void dropout_keeps_the_mean(void **state)
{
    (void)state;
    static float x[MANY * UNITS];
    size_t kept = 0, unit[UNITS] = {0}, both = 0;
    mask_of(x, 1, 2, 3, 0, MANY);
    for (size_t r = 0; r < MANY; r++)
        for (size_t u = 0; u < UNITS; u++) {
            float m = x[r * UNITS + u];
            assert_true(m == 0 || m == 1 / (1 - 0.25f));
            kept += m > 0, unit[u] += m > 0, both += m > 0 && x[r * UNITS + (u + 1) % UNITS] > 0;
        }
    double n = MANY * UNITS;
    assert_close(kept / n, 0.75, 0, 5 * sqrt(0.1875 / n));
    assert_close(both / n, 0.5625, 0, 5 * sqrt(0.25 / n));
    for (size_t u = 0; u < UNITS; u++) assert_close((double)unit[u] / MANY, 0.75, 0, 5 * sqrt(0.1875 / MANY));
}

static void dropout_is_of_the_row_and_not_of_its_place(void **state)
{
    (void)state;
    static float whole[20 * UNITS], part[20 * UNITS], other[20 * UNITS];
    mask_of(whole, 1, 2, 3, 100, 20);
    mask_of(part, 1, 2, 3, 107, 5);
    assert_memory_equal(part, whole + 7 * UNITS, 5 * UNITS * sizeof(float));
    const uint64_t changed[][3] = {{2, 2, 3}, {1, 3, 3}, {1, 2, 4}};
    for (size_t i = 0; i < 3; i++) {
        mask_of(other, changed[i][0], changed[i][1], (uint32_t)changed[i][2], 100, 20);
        size_t different = 0;
        for (size_t u = 0; u < 20 * UNITS; u++) different += other[u] != whole[u];
        assert_in_range(different, 250, 500); /* 2 p (1 - p) = 3/8 of 1000 */
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(kernels_agree_bit_for_bit), cmocka_unit_test(gelu_is_near_its_definition),
                                          cmocka_unit_test(one_row_is_normalised_by_the_running_statistics), cmocka_unit_test(dropout_keeps_the_mean),
                                          cmocka_unit_test(dropout_is_of_the_row_and_not_of_its_place)};
TEST_MAIN(tests)

/* The layer on bags against bags and a layer, made one after the other in double: forward and every gradient, sum and mean, with and without values
 * and bias, compact rows that fields share, fields that are not there, several blocks of columns; and on every instruction set the same bits. */
#include "engine/model/bag_layer.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "lib/test.h"

enum { ROWS = 9, FEATURES = 60, DISTINCT = 7, FIELDS = 5, DIM = 5, INPUTS = FIELDS * DIM, OUTPUTS = 530 };

static struct scene {
    uint32_t offsets[ROWS + 1], local[FEATURES];
    uint16_t fields[FEATURES];
    float values[FEATURES], embedding[DISTINCT * DIM], w[OUTPUTS * INPUTS], bias[OUTPUTS], dy[ROWS * OUTPUTS];
    struct batch batch;
    struct model_call call;
} s;

static struct { /* what a layer gives, in double from the definition or in float from the layer */
    double y[ROWS * OUTPUTS], w[OUTPUTS * INPUTS], bias[OUTPUTS], embedding[DISTINCT * DIM];
} want;
static struct got {
    float y[ROWS * OUTPUTS], w[OUTPUTS * INPUTS], bias[OUTPUTS], embedding[DISTINCT * DIM];
} got, first;

static void fill(struct rng *rng, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)rng_unit(rng) - 0.5f;
}

static void scene_make(bool with_values)
{
    struct rng rng = rng_at(5, RNG_TEST, 0, 0);
    memset(&s, 0, sizeof s);
    for (size_t i = 0; i < FEATURES; i++) {
        s.local[i] = (uint32_t)rng_below(&rng, DISTINCT);
        s.fields[i] = i % 9 == 0 ? FIELD_UNKNOWN : (uint16_t)rng_below(&rng, FIELDS + 1); /* one field that training did not know */
    }
    for (size_t r = 0; r < ROWS; r++) s.offsets[r + 1] = r == 2 ? s.offsets[r] : r == ROWS - 1 ? FEATURES : s.offsets[r] + 6;
    fill(&rng, s.values, FEATURES), fill(&rng, s.embedding, DISTINCT * DIM), fill(&rng, s.w, OUTPUTS * INPUTS);
    fill(&rng, s.bias, OUTPUTS), fill(&rng, s.dy, ROWS * OUTPUTS);
    s.batch = (struct batch){.rows = ROWS, .features = FEATURES, .offsets = s.offsets, .fields = s.fields, .values = with_values ? s.values : NULL};
    s.call = (struct model_call){.shape = {.fields = FIELDS}, .batch = &s.batch, .local = s.local, .distinct = DISTINCT};
}

static double weight(size_t r, size_t i, bool mean)
{
    double count = 0;
    for (size_t k = s.offsets[r]; k < s.offsets[r + 1]; k++) count += s.fields[k] == s.fields[i];
    return (s.batch.values ? (double)s.values[i] : 1) / (mean ? count : 1);
}

static void define(size_t outputs, bool mean, bool with_bias)
{
    memset(&want, 0, sizeof want);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t o = 0; o < outputs; o++) {
            double slope = (double)s.dy[r * outputs + o], *y = &want.y[r * outputs + o];
            *y = with_bias ? (double)s.bias[o] : 0;
            want.bias[o] += slope;
            for (size_t i = s.offsets[r]; i < s.offsets[r + 1]; i++)
                for (size_t d = 0; s.fields[i] < FIELDS && d < DIM; d++) {
                    size_t at = o * INPUTS + s.fields[i] * DIM + d, row = s.local[i] * DIM + d;
                    double a = weight(r, i, mean);
                    *y += a * (double)s.w[at] * (double)s.embedding[row];
                    want.w[at] += slope * a * (double)s.embedding[row];
                    want.embedding[row] += slope * a * (double)s.w[at];
                }
        }
}

static void run(size_t outputs, bool mean, bool with_bias)
{
    const struct bags_options o = {.dim = DIM, .pooling = mean ? POOLING_MEAN : POOLING_SUM};
    const struct bag_layer l = {.bags = &o, .outputs = outputs, .embedding = s.embedding, .w = s.w, .bias = with_bias ? s.bias : NULL};
    float *scratch = mem_array(bag_layer_scratch(&o, s.call.shape, model_size(&s.call)), 1, sizeof *scratch, NULL);
    memset(&got, 0, sizeof got);
    bag_layer_forward(&l, &s.call, scratch, got.y);
    bag_layer_backward(&l, &s.call, scratch, s.dy, got.w, with_bias ? got.bias : NULL, got.embedding);
    mem_free(scratch);
}

static void all_close(const float *x, const double *y, size_t n)
{
    for (size_t i = 0; i < n; i++) assert_close(x[i], y[i], 2e-5, 2e-5);
}

static void equals_bags_and_a_layer(void **state)
{
    (void)state;
    static const size_t outputs[] = {1, 16, 37, 64, 83, OUTPUTS};
    for (int variant = 0; variant < 8; variant++)
        for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++) {
            bool mean = variant & 1, with_bias = variant & 4;
            scene_make(variant & 2);
            define(outputs[k], mean, with_bias);
            for (int level = CPU_BASE; level <= (int)cpu_level(); level++) {
                setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
                run(outputs[k], mean, with_bias);
                unsetenv("TRAINYARD_CPU");
                if (level == CPU_BASE) first = got;
                assert_memory_equal(&got, &first, sizeof got);
            }
            all_close(got.y, want.y, ROWS * outputs[k]);
            all_close(got.w, want.w, outputs[k] * INPUTS);
            all_close(got.embedding, want.embedding, DISTINCT * DIM);
            if (with_bias) all_close(got.bias, want.bias, outputs[k]);
        }
}

/* Prediction takes rows as they come: what one gives must not depend on those beside it. */
static void a_row_alone_gives_the_same(void **state)
{
    (void)state;
    scene_make(true);
    run(OUTPUTS, true, true);
    first = got;
    for (size_t r = 0; r < ROWS; r++) {
        const uint32_t offsets[] = {0, s.offsets[r + 1] - s.offsets[r]}, from = s.offsets[r];
        struct model_call all = s.call;
        const struct batch b = {.rows = 1, .features = offsets[1], .offsets = offsets, .fields = s.fields + from, .values = s.values + from};
        s.call.batch = &b, s.call.local = s.local + from;
        run(OUTPUTS, true, true);
        assert_memory_equal(got.y, first.y + r * OUTPUTS, OUTPUTS * sizeof *got.y);
        s.call = all;
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(equals_bags_and_a_layer), cmocka_unit_test(a_row_alone_gives_the_same)};
TEST_MAIN(tests)

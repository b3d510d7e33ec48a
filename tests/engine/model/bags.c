/* Embedding bags against their definition: every kernel bit for bit, sum and mean, several features of a field, none, and fields that are not there.
 */
#include "engine/model/bags.h"

#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/rng.h"
#include "lib/test.h"

enum { ROWS = 8, FEATURES = 40, DISTINCT = 6, FIELDS = 4, DIM_MAX = 37 };

static void equals_the_definition(void **state)
{
    (void)state;
    static uint32_t offsets[ROWS + 1], local[FEATURES];
    static uint16_t fields[FEATURES];
    static float values[FEATURES], table[DISTINCT * DIM_MAX], x[ROWS * FIELDS * DIM_MAX], want[ROWS * FIELDS * DIM_MAX];
    static float grad[DISTINCT * DIM_MAX], want_grad[DISTINCT * DIM_MAX], counts[FIELDS];
    struct rng rng = rng_at(1, RNG_TEST, 0, 0);
    for (size_t i = 0; i < FEATURES; i++) {
        local[i] = (uint32_t)rng_below(&rng, DISTINCT), values[i] = (float)rng_unit(&rng) - 0.5f;
        fields[i] = i % 9 == 0 ? FIELD_UNKNOWN : (uint16_t)rng_below(&rng, FIELDS + 1); /* one field that training did not know */
    }
    for (size_t i = 0; i < DISTINCT * DIM_MAX; i++) table[i] = (float)rng_unit(&rng) - 0.5f;
    for (size_t r = 0; r < ROWS; r++) offsets[r + 1] = r == 2 ? offsets[r] : offsets[r] + (r == 7 ? FEATURES - offsets[7] : 5);
    for (int level = CPU_BASE; level < CPU_LEVELS; level++)
        for (size_t dim = 1; dim <= DIM_MAX; dim++)
            for (int variant = 0; variant < 4; variant++) {
                const struct bags_options o = {.dim = (int64_t)dim, .pooling = variant & 1 ? POOLING_MEAN : POOLING_SUM};
                const struct batch b = {
                    .rows = ROWS, .features = FEATURES, .offsets = offsets, .fields = fields, .values = variant & 2 ? values : NULL};
                const struct model_call c = {.shape = {.fields = FIELDS}, .batch = &b, .tensor = {table}, .local = local};
                setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
                memset(want, 0, sizeof want), memset(want_grad, 0, sizeof want_grad), memset(grad, 0, sizeof grad);
                for (size_t r = 0; r < ROWS; r++)
                    for (size_t i = offsets[r]; i < offsets[r + 1]; i++) {
                        float count = 0, factor = variant & 2 ? values[i] : 1;
                        for (size_t o2 = offsets[r]; o2 < offsets[r + 1]; o2++) count += fields[o2] == fields[i];
                        if (variant & 1) factor /= count;
                        for (size_t j = 0; fields[i] < FIELDS && j < dim; j++)
                            want[(r * FIELDS + fields[i]) * dim + j] += table[local[i] * dim + j] * factor;
                    }
                bags_forward(&o, &c, 0, counts, x);
                assert_memory_equal(x, want, ROWS * FIELDS * dim * sizeof *x);
                for (size_t r = 0; r < ROWS; r++)
                    for (size_t i = offsets[r]; i < offsets[r + 1]; i++) {
                        float count = 0, factor = variant & 2 ? values[i] : 1;
                        for (size_t o2 = offsets[r]; o2 < offsets[r + 1]; o2++) count += fields[o2] == fields[i];
                        if (variant & 1) factor /= count;
                        for (size_t j = 0; fields[i] < FIELDS && j < dim; j++)
                            want_grad[local[i] * dim + j] += x[(r * FIELDS + fields[i]) * dim + j] * factor;
                    }
                bags_backward(&o, &c, x, counts, grad);
                assert_memory_equal(grad, want_grad, sizeof grad);
            }
    unsetenv("TRAINYARD_CPU");
}

static void data_without_fields_is_refused(void **state)
{
    (void)state;
    const struct bags_options o = {.dim = 16};
    struct error err = {0};
    assert_int_equal(bags_check("mlp", &o, (struct model_shape){.fields = 0}, &err), -ERROR_INVALID);
    assert_string_equal(err.field, "/model/kind");
    assert_non_null(strstr(err.msg, "libffm"));
    err = (struct error){0};
    assert_int_equal(bags_check("mlp", &o, (struct model_shape){.fields = 4097}, &err), -ERROR_INVALID);
    assert_string_equal(err.field, "/model/embedding_dim");
    err = (struct error){0};
    assert_ok(bags_check("mlp", &o, (struct model_shape){.fields = 4096}, &err), &err);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(equals_the_definition), cmocka_unit_test(data_without_fields_is_refused)};
TEST_MAIN(tests)

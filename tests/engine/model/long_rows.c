/* Rows of more features than a tile of pairs holds. */
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/model/model.h"
#include "lib/test.h"

enum { LONG = 300, LONG_DISTINCT = 50, FIELDS = 3 };

/* One row of LONG features: each instruction set gives the same bits, and ffm's tiles give what its pairs do. */
static void long_rows_score_alike_on_all_instruction_sets(void **state)
{
    (void)state;
    for (const struct model *const *m = models; *m; m++) {
        const struct model_shape shape = {.fields = FIELDS};
        uint32_t offsets[] = {0, LONG}, local[LONG], keys[LONG] = {0};
        uint16_t fields[LONG];
        float values[LONG], labels[] = {1}, logit[2], first_logit[2] = {0}, delta[2] = {0.75f, -0.5f};
        struct rng rng = rng_at(77, RNG_TEST, 0, 0);
        for (size_t i = 0; i < LONG; i++) {
            local[i] = (uint32_t)rng_below(&rng, LONG_DISTINCT);
            values[i] = (float)(2 * rng_unit(&rng) - 1);
            fields[i] = (uint16_t)rng_below(&rng, FIELDS + 1);
        }
        const struct batch batch = {
            .rows = 1, .features = LONG, .offsets = offsets, .keys = keys, .values = values, .fields = fields, .labels = labels};
        void *params = mem_zero((*m)->kind.params_size, NULL);
        options_default((*m)->kind.options, params);
        struct param_desc descs[TENSORS_MAX];
        size_t count = (*m)->describe(params, shape, descs);
        float *w[TENSORS_MAX], *grad[TENSORS_MAX], *first_grad[TENSORS_MAX],
            *scratch = mem_array((*m)->scratch(params, shape, (struct model_size){1, LONG, LONG_DISTINCT}) + 1, 1, 4, NULL);
        struct model_call call = {
            .params = params, .shape = shape, .batch = &batch, .local = local, .distinct = LONG_DISTINCT, .scratch = scratch, .training = true};
        size_t floats[TENSORS_MAX];
        for (size_t t = 0; t < count; t++) {
            floats[t] = (descs[t].table ? LONG_DISTINCT : descs[t].rows ? descs[t].rows : 1) * (size_t)descs[t].width;
            w[t] = mem_array(floats[t], 1, sizeof(float), NULL);
            grad[t] = mem_array(floats[t], 1, sizeof(float), NULL);
            first_grad[t] = mem_array(floats[t], 1, sizeof(float), NULL);
            for (size_t i = 0; i < floats[t]; i++) w[t][i] = (float)(0.2 * (rng_unit(&rng) - 0.5));
            call.tensor[t] = w[t];
        }
        for (int level = 0; level <= (int)cpu_level(); level++) {
            setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
            for (size_t t = 0; t < count; t++) memset(grad[t], 0, floats[t] * sizeof(float));
            logit[1] = 0;
            (*m)->forward(&call, logit);
            (*m)->backward(&call, delta, grad);
            unsetenv("TRAINYARD_CPU");
            if (level == 0) memcpy(first_logit, logit, sizeof logit);
            assert_memory_equal(logit, first_logit, sizeof logit);
            for (size_t t = 0; t < count; t++) {
                if (level == 0) memcpy(first_grad[t], grad[t], floats[t] * sizeof(float));
                assert_memory_equal(grad[t], first_grad[t], floats[t] * sizeof(float));
            }
        }
        if (*m == &model_ffm) {
            size_t k = descs[0].width / FIELDS;
            double z = (double)w[1][0];
            for (size_t i = 0; i < LONG; i++) {
                z += (double)w[2][local[i]] * (double)values[i];
                for (size_t j = i + 1; j < LONG; j++)
                    for (size_t f = 0; f < k && fields[i] < FIELDS && fields[j] < FIELDS; f++)
                        z += (double)w[0][local[i] * descs[0].width + fields[j] * k + f] *
                             (double)w[0][local[j] * descs[0].width + fields[i] * k + f] * (double)values[i] * (double)values[j];
            }
            assert_close(logit[0], z, 1e-4, 1e-4);
        }
        for (size_t t = 0; t < count; t++) mem_free(w[t]), mem_free(grad[t]), mem_free(first_grad[t]);
        mem_free(scratch);
        mem_free(params);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(long_rows_score_alike_on_all_instruction_sets)};
TEST_MAIN(tests)

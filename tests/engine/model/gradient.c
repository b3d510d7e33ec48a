/* Every family in models[]: scores against the textbook's (tests/lib/textbook.h), and gradients of every tensor against central differences of
 * those. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/core/logistic.h"
#include "lib/test.h"
#include "lib/textbook.h"

/* The logistic loss of every output, whatever the model's own: backward must carry any delta. */
static double loss_of(textbook_score *score, size_t outputs, const void *params, struct textbook *s, double *const tensor[])
{
    double loss = 0;
    for (size_t i = 0; i < ROWS * outputs; i++) {
        size_t r = i / outputs;
        s->output = i % outputs;
        double z = score(params, s, r, tensor);
        loss += fmax(z, 0) - z * (double)s->labels[r] + log1p(exp(-fabs(z)));
    }
    return loss;
}

static size_t tensor_floats(const struct param_desc *desc) { return (desc->table ? DISTINCT : desc->rows ? desc->rows : 1) * (size_t)desc->width; }

enum { OUTPUTS_MAX = 7 };
static size_t outputs_of(const struct model *model, const void *params) { return model->outputs ? model->outputs(params) : 1; }

/* The running statistics put to those of the batch, evaluation scores what training did: the two ways through a batch norm are one. */
static void check_evaluation(const struct textbook *s, const struct model *model, struct model_call call, float *const w[], const float *logits)
{
    float again[ROWS * OUTPUTS_MAX];
    for (size_t t = 0; t < s->tensors; t++)
        for (size_t i = 0; s->descs[t].statistic_rate > 0 && i < s->descs[t].width; i++) w[t][i] = (float)(s->statistics[t][i] / ROWS);
    call.training = false;
    call.scratch = mem_array(model->scratch(call.params, call.shape, (struct model_size){ROWS, call.batch->features, DISTINCT}) + 1, 1, sizeof(float),
                             NULL);
    model->forward(&call, again);
    for (size_t r = 0; r < ROWS * outputs_of(model, call.params); r++) assert_close(again[r], logits[r], 1e-4, 1e-4);
    mem_free(call.scratch);
}

/* What was compared: tensors by model, options and name; and single derivatives, statistics included. */
static struct {
    char block[2048][256];
    size_t blocks, derivatives;
} compared;

static void compared_add(const struct model *model, const struct variant *variant, const char *tensor, size_t floats)
{
    char block[256];
    snprintf(block, sizeof block, "%s %.180s %s", model->kind.name, variant->options, tensor);
    compared.derivatives += floats;
    for (size_t i = 0; i < compared.blocks; i++)
        if (strcmp(compared.block[i], block) == 0) return;
    assert_true(compared.blocks < sizeof compared.block / sizeof *compared.block);
    memcpy(compared.block[compared.blocks++], block, sizeof block);
}

static void check_model(const struct model *model, const struct variant *variant, void *params, uint64_t seed, bool with_values, bool with_fields)
{
    static struct textbook s;
    struct model_call call = {.params = params, .batch = &s.batch, .local = s.local, .distinct = DISTINCT, .training = true, .seed = seed};
    float *w[TENSORS_MAX], *grad[TENSORS_MAX], logits[ROWS * OUTPUTS_MAX], labels[ROWS * OUTPUTS_MAX], delta[ROWS * OUTPUTS_MAX];
    const size_t outputs = outputs_of(model, params);
    double *exact[TENSORS_MAX];
    textbook_score *score = textbook_of(model->kind.name);
    textbook_batch(&s, seed, with_values, with_fields);
    s.variant = variant, s.mask_seed = seed;
    const struct model_shape shape = s.shape;
    const size_t count = s.tensors = model->describe(params, shape, s.descs);
    struct rng rng = rng_at(seed, RNG_TEST, 1, 0);
    for (size_t t = 0; t < count; t++) {
        size_t n = tensor_floats(&s.descs[t]);
        w[t] = mem_array(n, 1, sizeof(float), NULL);
        grad[t] = mem_array(n, 1, sizeof(float), NULL);
        exact[t] = mem_array(n, 1, sizeof(double), NULL);
        for (size_t i = 0; i < n; i++) exact[t][i] = (double)(w[t][i] = (float)(rng_unit(&rng) - 0.5));
        call.tensor[t] = w[t];
    }
    float *scratch = mem_array(model->scratch(params, shape, (struct model_size){ROWS, s.batch.features, DISTINCT}) + 1, 1, sizeof(float), NULL);
    call.shape = shape, call.scratch = scratch;
    model->forward(&call, logits);
    for (size_t i = 0; i < ROWS * outputs; i++) {
        s.output = i % outputs;
        assert_close(logits[i], score(params, &s, i / outputs, exact), 1e-5, 1e-5);
        labels[i] = s.labels[i / outputs];
    }
    logistic_delta(logits, labels, delta, ROWS * outputs);
    model->backward(&call, delta, grad);
    if (variant->dropout == 0) check_evaluation(&s, model, call, w, logits);
    for (size_t t = 0; t < count; t++) {
        compared_add(model, s.variant, s.descs[t].name, tensor_floats(&s.descs[t]));
        for (size_t i = 0; i < tensor_floats(&s.descs[t]); i++) {
            if (s.descs[t].statistic_rate > 0) {
                assert_close(grad[t][i], s.statistics[t][i], 1e-5, 1e-5);
                continue;
            }
            double at = exact[t][i], h = 1e-5;
            exact[t][i] = at + h;
            double up = loss_of(score, outputs, params, &s, exact);
            exact[t][i] = at - h;
            double down = loss_of(score, outputs, params, &s, exact), want = (up - down) / (2 * h);
            exact[t][i] = at;
            if (fabs((double)grad[t][i] - want) > 1e-4 * fmax(1, fabs(want)))
                fail_msg("%s: d loss / d %s[%zu] is %.9g, central difference %.9g (seed %llu)", model->kind.name, s.descs[t].name, i,
                         (double)grad[t][i], want, (unsigned long long)seed);
        }
    }
    for (size_t t = 0; t < count; t++) mem_free(w[t]), mem_free(grad[t]), mem_free(exact[t]);
    mem_free(scratch);
}

static void read_options(const struct model *model, const char *text, void *params)
{
    static struct faults faults;
    struct option_set set = {model->kind.options, params};
    json_t *json = json_read(text, strlen(text), "test", NULL);
    faults.count = 0;
    options_read(&set, model->kind.options ? 1 : 0, json, "/model", NULL, &faults);
    assert_int_equal(faults.count, 0);
    json_decref(json);
}

static void models_score_and_gradient(void **state)
{
    (void)state;
    for (const struct model *const *m = models; *m; m++)
        for (uint64_t seed = 1; seed <= 40; seed++) {
            void *params = mem_zero((*m)->kind.params_size, NULL);
            size_t variants = 0;
            while (textbook_variants((*m)->kind.name)[variants].options) variants++;
            const struct variant *variant = &textbook_variants((*m)->kind.name)[seed % variants];
            read_options(*m, variant->options, params);
            if (*m == &model_fm || *m == &model_ffm || *m == &model_fwfm) { /* widths around the vector sizes */
                static const int64_t dims[] = {1, 4, 8, 15, 16, 17, 33};
                *(int64_t *)params = dims[seed % 7];
            }
            if (*m == &model_ffm) {
                struct ffm_options *o = params;
                o->linear = seed % 4 < 3, o->normalise = seed % 3 == 0;
            }
            if (*m == &model_softmax) *(int64_t *)params = 2 + (int64_t)seed % (OUTPUTS_MAX - 1);
            const struct model_shape fieldless = {.fields = 0};
            check_model(*m, variant, params, seed, seed % 2, true);
            if (!(*m)->check || (*m)->check(params, fieldless, NULL) == 0) check_model(*m, variant, params, seed, seed % 2, false);
            mem_free(params);
        }
    size_t families = 0;
    while (models[families]) families++;
    print_message("%zu models: %zu blocks (model, options, tensor), %zu derivatives against central differences in double\n", families,
                  compared.blocks, compared.derivatives);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(models_score_and_gradient)};
TEST_MAIN(tests)

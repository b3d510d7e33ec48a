/* Learning row by row: every optimiser that can, against a model of the first order in double that takes one feature after the other, also where one
 * stands twice in a row or four have two slots; the same bits on every instruction set and however the rows are cut. */
#include "lib/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/faults.h"
#include "base/json.h"
#include "base/rng.h"
#include "engine/core/loss.h"
#include "engine/optim/learn.h"
#include "engine/optim/optimizer.h"

enum { ROWS = 400, FEATURES_MAX = 23, SHIFT = 28, SLOTS = 1 << (32 - SHIFT) };

struct log {
    uint32_t offsets[ROWS + 1], keys[ROWS * FEATURES_MAX];
    float values[ROWS * FEATURES_MAX], labels[ROWS], weights[ROWS];
};

/* Sixteen slots for up to 22 features: most rows have some twice, side by side or apart. */
static void log_make(struct log *log)
{
    uint32_t at = 0;
    for (uint64_t r = 0; r < ROWS; r++) {
        struct rng rng = rng_at(5, RNG_TEST, 0, r);
        uint32_t count = (uint32_t)rng_below(&rng, FEATURES_MAX);
        log->offsets[r] = at;
        for (uint32_t f = 0; f < count; f++, at++) {
            log->keys[at] = (uint32_t)rng_below(&rng, UINT32_MAX);
            log->values[at] = (float)(rng_unit(&rng) * 2 - 0.5);
        }
        log->labels[r] = rng_unit(&rng) < 0.4;
        log->weights[r] = r % 7 ? (float)rng_unit(&rng) * 2 : 0;
    }
    log->offsets[ROWS] = at;
}

struct exact { /* a weight and what its optimiser keeps, in double */
    double w, a, b;
};

struct rates {
    double lr, l1, l2;
};

static double penalised_exact(const struct exact *x, double g, struct rates r) { return g + r.l2 * x->w + (x->w > 0 ? r.l1 : x->w < 0 ? -r.l1 : 0); }

static void sgd_exact(struct exact *x, double g, struct rates r) { x->w -= r.lr * penalised_exact(x, g, r); }

static void adagrad_exact(struct exact *x, double g, struct rates r)
{
    g = penalised_exact(x, g, r);
    x->a += g * g;
    x->w -= r.lr * g / (sqrt(x->a) + 1e-8);
}

static void ftrl_exact(struct exact *x, double g, struct rates r)
{
    static const double l1 = 0.05, l2 = 0.2, beta = 1;
    g = penalised_exact(x, g, r);
    double sigma = (sqrt(x->b + g * g) - sqrt(x->b)) / r.lr;
    x->a += g - sigma * x->w;
    x->b += g * g;
    x->w = fabs(x->a) <= l1 ? 0 : -(x->a - (x->a > 0 ? l1 : -l1)) / ((beta + sqrt(x->b)) / r.lr + l2);
}

static const struct tried {
    const struct optimizer *optimizer;
    const char *options;
    void (*exact)(struct exact *x, double g, struct rates r);
    size_t states;
    double initial; /* of a */
} tries[] = {{&optimizer_sgd, "{}", sgd_exact, 0, 0},
             {&optimizer_adagrad, "{\"initial_accumulator\": 0.5}", adagrad_exact, 1, 0.5},
             {&optimizer_ftrl, "{\"l1\": 0.05, \"l2\": 0.2}", ftrl_exact, 2, 0}};

static const struct loss *const learnt[] = {&loss_logistic, &loss_squared};

static double delta_exact(const struct loss *loss, double z, double y)
{
    float exact_z = (float)z, exact_y = (float)y, delta;
    if (loss == &loss_logistic) return 1 / (1 + exp(-z)) - y;
    loss->delta(&exact_z, &exact_y, &delta, 1, 1);
    return (double)delta;
}

struct learning {
    float table[SLOTS * LEARN_STRIDE_MAX], bias[LEARN_STRIDE_MAX], logits[ROWS];
};

/* All rows, in calls of so many. */
static void learn(struct learning *l, const struct log *log, const struct tried *t, const void *params, const struct loss *loss, bool values,
                  bool weights, float smoothing, size_t cut)
{
    const size_t stride = learn_stride(t->states);
    memset(l, 0, sizeof *l);
    for (size_t s = 0; t->states == 1 && s < SLOTS; s++) l->table[s * stride + 1] = (float)t->initial;
    if (t->states == 1) l->bias[1] = (float)t->initial;
    for (size_t from = 0; from < ROWS; from += cut) {
        size_t rows = ROWS - from < cut ? ROWS - from : cut;
        const struct learn_rows call = {.rows = rows,
                                        .offsets = log->offsets + from,
                                        .keys = log->keys,
                                        .values = values ? log->values : NULL,
                                        .labels = log->labels + from,
                                        .weights = weights ? log->weights + from : NULL,
                                        .rows_there = ROWS - from,
                                        .shift = SHIFT,
                                        .table = l->table,
                                        .bias = l->bias,
                                        .delta = loss == &loss_logistic ? NULL : loss->delta,
                                        .smoothing = smoothing,
                                        .lr = 0.05f,
                                        .l1 = 0.003f,
                                        .l2 = 0.02f,
                                        .logits = l->logits + from};
        t->optimizer->learn(params, &call);
    }
}

static void learn_exact(struct exact *table, struct exact *bias, double *logits, const struct log *log, const struct tried *t,
                        const struct loss *loss, bool values, bool weights, double smoothing)
{
    const struct rates rates = {0.05, 0.003, 0.02}, free_rates = {0.05, 0, 0};
    for (size_t s = 0; s < SLOTS; s++) table[s] = (struct exact){.a = t->initial};
    *bias = (struct exact){.a = t->initial};
    for (size_t r = 0; r < ROWS; r++) {
        double z = bias->w, y = (double)log->labels[r], weight = weights ? (double)log->weights[r] : 1;
        for (uint32_t i = log->offsets[r]; i < log->offsets[r + 1]; i++) z += table[log->keys[i] >> SHIFT].w * (values ? (double)log->values[i] : 1);
        logits[r] = z;
        if (weight == 0) continue;
        double delta = (delta_exact(loss, z, y) + smoothing * (y - 0.5)) * weight;
        for (uint32_t i = log->offsets[r]; i < log->offsets[r + 1]; i++)
            t->exact(&table[log->keys[i] >> SHIFT], delta * (values ? (double)log->values[i] : 1), rates);
        t->exact(bias, delta, free_rates);
    }
}

static void params_read(const struct tried *t, void *params)
{
    struct faults faults = {0};
    struct error err = {0};
    json_t *json = json_read(t->options, strlen(t->options), "options", &err);
    assert_non_null(json);
    options_read(&(struct option_set){t->optimizer->kind.options, params}, 1, json, "", NULL, &faults);
    assert_int_equal(faults.count, 0);
    json_decref(json);
}

static void as_in_double(void **state)
{
    (void)state;
    static struct log log;
    static struct learning l, cut;
    static double logits[ROWS];
    struct exact table[SLOTS], bias;
    log_make(&log);
    for (size_t i = 0; i < sizeof tries / sizeof *tries * 2 * 8; i++) {
        const struct tried *t = &tries[i / 16];
        const struct loss *loss = learnt[i / 8 % 2];
        bool values = i & 1, weights = i & 2;
        float smoothing = i & 4 ? 0.1f : 0;
        _Alignas(16) char params[256] = {0};
        params_read(t, params);
        learn_exact(table, &bias, logits, &log, t, loss, values, weights, (double)smoothing);
        for (int level = 0; level < CPU_LEVELS; level++) {
            setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
            learn(&cut, &log, t, params, loss, values, weights, smoothing, level == 0 ? ROWS : 7);
            if (level == 0) l = cut;
            assert_memory_equal(&cut, &l, sizeof l);
        }
        unsetenv("TRAINYARD_CPU");
        for (size_t r = 0; r < ROWS; r++) assert_close((double)l.logits[r], logits[r], 2e-3, 2e-3);
        for (size_t s = 0; s < SLOTS; s++) assert_close((double)l.table[s * learn_stride(t->states)], table[s].w, 2e-3, 2e-3);
        assert_close((double)l.bias[0], bias.w, 2e-3, 2e-3);
    }
}

/* At a rate of 0 nothing moves, ftrl's z included, and rows are scored all the same. */
static void a_rate_of_nothing_scores(void **state)
{
    (void)state;
    static struct log log;
    static struct learning l;
    log_make(&log);
    _Alignas(16) char params[256] = {0};
    params_read(&tries[2], params);
    l.table[0] = 0.5f, l.table[1] = -1;
    struct learn_rows call = {.rows = ROWS,
                              .offsets = log.offsets,
                              .keys = log.keys,
                              .labels = log.labels,
                              .rows_there = ROWS,
                              .shift = SHIFT,
                              .table = l.table,
                              .bias = l.bias,
                              .logits = l.logits};
    tries[2].optimizer->learn(params, &call);
    assert_true(l.table[0] == 0.5f && l.table[1] == -1 && l.table[2] == 0 && l.table[LEARN_STRIDE_MAX] == 0);
    size_t scored = 0;
    for (size_t r = 0; r < ROWS; r++) scored += l.logits[r] > 0;
    assert_true(scored > ROWS / 4);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(as_in_double), cmocka_unit_test(a_rate_of_nothing_scores)};
TEST_MAIN(tests)

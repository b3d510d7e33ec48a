/* Every optimiser in optimizers[] against a reference in double, the row form against the dense form, and the published equivalences. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/optim/optimizer.h"

struct coordinate { /* one weight in double */
    double w, a, b;
};

static void sgd_exact(struct coordinate *c, double g, double lr, uint64_t t) { (void)t, c->w -= lr * g; }

static void adagrad_exact(struct coordinate *c, double g, double lr, uint64_t t)
{
    (void)t;
    c->a += g * g;
    c->w -= lr * g / (sqrt(c->a) + 1e-8);
}

static void adam_exact(struct coordinate *c, double g, double lr, uint64_t t)
{
    c->a = 0.9 * c->a + 0.1 * g;
    c->b = 0.999 * c->b + 0.001 * g * g;
    c->w -= lr * (c->a / (1 - pow(0.9, (double)t))) / (sqrt(c->b / (1 - pow(0.999, (double)t))) + 1e-8);
}

static void ftrl_exact(struct coordinate *c, double g, double lr, uint64_t t)
{
    (void)t;
    double sigma = (sqrt(c->b + g * g) - sqrt(c->b)) / lr;
    c->a += g - sigma * c->w;
    c->b += g * g;
    c->w = -c->a / ((1 + sqrt(c->b)) / lr);
}

static const struct {
    const char *name;
    void (*exact)(struct coordinate *c, double g, double lr, uint64_t t);
    double first_a; /* state before the first gradient */
} references[] = {{"sgd", sgd_exact, 0}, {"adagrad", adagrad_exact, 1e-4}, {"adam", adam_exact, 0}, {"ftrl", ftrl_exact, 0}};

enum { STEPS = 60, WIDTH = 5 };

static void optimizer_follows_reference(void **state)
{
    (void)state;
    for (const struct optimizer *const *o = optimizers; *o; o++) {
        size_t r = 0;
        while (r < 4 && strcmp(references[r].name, (*o)->kind.name) != 0) r++;
        if (r == 4) fail_msg("optimiser %s has no reference in this test; write one", (*o)->kind.name);
        void *params = mem_zero((*o)->kind.params_size, NULL);
        options_default((*o)->kind.options, params);
        float initial[STATES_MAX] = {0}, w[WIDTH] = {0}, s0[WIDTH], s1[WIDTH], g[WIDTH], *states[STATES_MAX] = {s0, s1};
        struct coordinate exact[WIDTH];
        if ((*o)->initial) (*o)->initial(params, initial);
        for (size_t j = 0; j < WIDTH; j++) s0[j] = initial[0], s1[j] = initial[1], exact[j] = (struct coordinate){0, references[r].first_a, 0};
        struct rng rng = rng_at(7, RNG_TEST, 0, 0);
        for (uint64_t t = 1; t <= STEPS; t++) {
            struct optim_step step = {.t = t, .lr = (float)optim_lr(*o, params, t)};
            for (size_t j = 0; j < WIDTH; j++) {
                g[j] = (float)(rng_unit(&rng) - 0.4);
                references[r].exact(&exact[j], (double)g[j], optim_lr(*o, params, t), t);
            }
            (*o)->update(params, &step, w, states, NULL, 1, WIDTH, g);
        }
        for (size_t j = 0; j < WIDTH; j++) assert_close(w[j], exact[j].w, 2e-4, 1e-6);
        mem_free(params);
    }
}

/* Rows named by id move exactly as the same rows without ids; others do not move. */
static void optimizer_rows_equal_dense(void **state)
{
    (void)state;
    for (const struct optimizer *const *o = optimizers; *o; o++) {
        void *params = mem_zero((*o)->kind.params_size, NULL);
        options_default((*o)->kind.options, params);
        float table[6] = {1, 2, 3, 4, 5, 6}, t0[6], t1[6], rows[4] = {5, 6, 1, 2}, r0[4], r1[4], g[4] = {.1f, -.2f, .3f, .4f};
        float *table_states[] = {t0, t1}, *row_states[] = {r0, r1};
        for (size_t i = 0; i < 6; i++) t0[i] = t1[i] = 0.5f;
        for (size_t i = 0; i < 4; i++) r0[i] = r1[i] = 0.5f;
        const uint32_t ids[] = {2, 0};
        struct optim_step step = {.t = 3, .lr = 0.1f, .l1 = 0.01f, .l2 = 0.02f};
        (*o)->update(params, &step, table, table_states, ids, 2, 2, g);
        (*o)->update(params, &step, rows, row_states, NULL, 2, 2, g);
        assert_memory_equal(table + 4, rows, 2 * sizeof(float));
        assert_memory_equal(table, rows + 2, 2 * sizeof(float));
        assert_true(table[2] == 3 && table[3] == 4);
        mem_free(params);
    }
}

/* With l1 = l2 = 0, beta = 0, n = 0, from w = 0, FTRL is AdaGrad with eps = 0 (McMahan 2011). */
static void ftrl_is_adagrad_without_penalty(void **state)
{
    (void)state;
    struct {
        double lr, beta, l1, l2;
    } ftrl = {0.1, 0, 0, 0};
    double w = 0, n = 0;
    float fw = 0, z = 0, fn = 0, *states[] = {&z, &fn};
    struct rng rng = rng_at(3, RNG_TEST, 0, 0);
    for (uint64_t t = 1; t <= 50; t++) {
        float g = (float)(rng_unit(&rng) - 0.3);
        struct optim_step step = {.t = t, .lr = 0.1f};
        optimizer_ftrl.update(&ftrl, &step, &fw, states, NULL, 1, 1, &g);
        n += (double)g * (double)g;
        w -= 0.1 * (double)g / sqrt(n);
    }
    assert_close(fw, w, 1e-4, 1e-6);
}

static void ftrl_l1_gives_exact_zero(void **state)
{
    (void)state;
    struct {
        double lr, beta, l1, l2;
    } ftrl = {0.1, 1, 0.5, 0};
    float w = 0, z = 0, n = 0, *states[] = {&z, &n}, g = 0.2f;
    struct optim_step step = {.t = 1, .lr = 0.1f};
    optimizer_ftrl.update(&ftrl, &step, &w, states, NULL, 1, 1, &g);
    assert_true(w == 0 && fabsf(z) <= 0.5f);
    for (int i = 0; i < 4; i++) optimizer_ftrl.update(&ftrl, &step, &w, states, NULL, 1, 1, &g);
    assert_true(w < 0);
}

/* A row that starts away from 0 (embeddings) must not jump at its first gradient. */
static void ftrl_respects_initial_values(void **state)
{
    (void)state;
    struct {
        double lr, beta, l1, l2;
    } ftrl = {0.1, 1, 0, 0};
    float w = 0.02f, z = 0, n = 0, *states[] = {&z, &n}, g = 1e-4f;
    struct optim_step step = {.t = 1, .lr = 0.1f};
    optimizer_ftrl.update(&ftrl, &step, &w, states, NULL, 1, 1, &g);
    assert_close(w, 0.02, 0.01, 0);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(optimizer_follows_reference), cmocka_unit_test(optimizer_rows_equal_dense),
                                          cmocka_unit_test(ftrl_is_adagrad_without_penalty), cmocka_unit_test(ftrl_l1_gives_exact_zero),
                                          cmocka_unit_test(ftrl_respects_initial_values)};
TEST_MAIN(tests)

/* Every optimiser in optimizers[] against a reference of its own in double, on a matrix and by rows; rows named by id against all rows; slices
 * against one piece; and the published equivalences. */
#include "lib/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "engine/optim/optimizer.h"

enum { STEPS = 60, ROWS = 6, WIDTH = 5, CELLS = ROWS * WIDTH };

/* ---- references: w, a, b, c of a whole matrix in double; g too; defaults of the options as numbers of their own ---- */

struct exact {
    double w[CELLS], a[CELLS], b[CELLS], c, lr;
    uint64_t t;
};

#define EACH(i) for (size_t i = 0; i < CELLS; i++)

static void sgd_exact(struct exact *x, const double *g) { EACH(i) x->w[i] -= x->lr * g[i]; }

static void momentum_exact(struct exact *x, const double *g) { EACH(i) x->w[i] -= x->lr * (x->a[i] = 0.9 * x->a[i] + g[i]); }

static void nesterov_exact(struct exact *x, const double *g)
{
    EACH(i)
    {
        x->a[i] = 0.9 * x->a[i] + g[i];
        x->w[i] -= x->lr * (g[i] + 0.9 * x->a[i]);
    }
}

static void adagrad_exact(struct exact *x, const double *g)
{
    EACH(i)
    {
        if (x->t == 1) x->a[i] = 1e-4;
        x->a[i] += g[i] * g[i];
        x->w[i] -= x->lr * g[i] / (sqrt(x->a[i]) + 1e-8);
    }
}

static void rowwise_adagrad_exact(struct exact *x, const double *g)
{
    for (size_t r = 0; r < ROWS; r++) {
        double square = 0;
        for (size_t j = 0; j < WIDTH; j++) square += g[r * WIDTH + j] * g[r * WIDTH + j];
        x->a[r] += square / WIDTH;
        for (size_t j = 0; j < WIDTH; j++) x->w[r * WIDTH + j] -= x->lr * g[r * WIDTH + j] / (sqrt(x->a[r]) + 1e-8);
    }
}

static void rmsprop_exact(struct exact *x, const double *g)
{
    EACH(i)
    {
        x->a[i] = 0.9 * x->a[i] + 0.1 * g[i] * g[i];
        x->w[i] -= x->lr * g[i] / sqrt(x->a[i] + 1e-8);
    }
}

static double adam_direction(struct exact *x, const double *g, size_t i, double epsilon)
{
    x->a[i] = 0.9 * x->a[i] + 0.1 * g[i];
    x->b[i] = 0.999 * x->b[i] + 0.001 * g[i] * g[i];
    return x->a[i] / (1 - pow(0.9, (double)x->t)) / (sqrt(x->b[i] / (1 - pow(0.999, (double)x->t))) + epsilon);
}

static void adam_exact(struct exact *x, const double *g) { EACH(i) x->w[i] -= x->lr * adam_direction(x, g, i, 1e-8); }

static void adamw_exact(struct exact *x, const double *g)
{
    EACH(i)
    {
        x->w[i] *= 1 - x->lr * 0.01;
        x->w[i] -= x->lr * adam_direction(x, g, i, 1e-8);
    }
}

static void ftrl_exact(struct exact *x, const double *g)
{
    EACH(i)
    {
        if (x->t == 1) x->a[i] = -x->w[i] / x->lr; /* the z that gives w */
        double more = x->b[i] + g[i] * g[i];
        x->a[i] += g[i] - (sqrt(more) - sqrt(x->b[i])) / x->lr * x->w[i];
        x->b[i] = more;
        x->w[i] = -x->a[i] / ((1 + sqrt(more)) / x->lr);
    }
}

static void lamb_exact(struct exact *x, const double *g)
{
    double r[CELLS], weights = 0, directions = 0;
    EACH(i)
    {
        r[i] = adam_direction(x, g, i, 1e-6) + 0.01 * x->w[i];
        weights += x->w[i] * x->w[i];
        directions += r[i] * r[i];
    }
    EACH(i) x->w[i] -= x->lr * (weights > 0 && directions > 0 ? sqrt(weights / directions) : 1) * r[i];
}

static void adafactor_exact(struct exact *x, const double *g)
{
    double keep = 1 - pow((double)x->t, -0.8), mean = 0, u[CELLS], square = 0;
    for (size_t r = 0; r < ROWS; r++) {
        double sum = 0;
        for (size_t j = 0; j < WIDTH; j++) sum += g[r * WIDTH + j] * g[r * WIDTH + j] + 1e-30;
        x->a[r] = keep * x->a[r] + (1 - keep) * sum / WIDTH;
        mean += x->a[r] / ROWS;
    }
    for (size_t j = 0; j < WIDTH; j++) {
        double sum = 0;
        for (size_t r = 0; r < ROWS; r++) sum += g[r * WIDTH + j] * g[r * WIDTH + j] + 1e-30;
        x->b[j] = keep * x->b[j] + (1 - keep) * sum / ROWS;
    }
    EACH(i)
    {
        u[i] = g[i] / sqrt(x->a[i / WIDTH] * x->b[i % WIDTH] / mean);
        square += u[i] * u[i];
    }
    double rms = sqrt(square / CELLS);
    EACH(i) x->w[i] -= x->lr * u[i] / (rms > 1 ? rms : 1);
}

/* The greatest |x| of row r's features in a batch. */
static double peak_of(size_t r, uint64_t t) { return (double)(1 + (r + 2) * t % 7) / (double)(1 + r); }

static void nag_exact(struct exact *x, const double *g)
{
    double sum = 0;
    for (size_t r = 0; r < ROWS; r++) {
        double peak = peak_of(r, x->t);
        if (peak > x->a[r]) x->a[r] = peak;
        sum += 3 * peak / x->a[r] * (peak / x->a[r]); /* three features a row, each of the greatest value */
    }
    x->c += sum / ROWS;
    EACH(i)
    {
        x->b[i] += g[i] * g[i];
        x->w[i] -= x->lr * sqrt((double)x->t / x->c) * g[i] / (x->a[i / WIDTH] * sqrt(x->b[i]));
    }
}

static const struct reference {
    const char *name;
    void (*exact)(struct exact *x, const double *g);
} references[] = {{"adafactor", adafactor_exact},
                  {"adagrad", adagrad_exact},
                  {"adam", adam_exact},
                  {"adamw", adamw_exact},
                  {"ftrl", ftrl_exact},
                  {"lamb", lamb_exact},
                  {"momentum", momentum_exact},
                  {"nag", nag_exact},
                  {"nesterov", nesterov_exact},
                  {"rmsprop", rmsprop_exact},
                  {"rowwise_adagrad", rowwise_adagrad_exact},
                  {"sgd", sgd_exact}};

static const struct reference *reference_of(const struct optimizer *o)
{
    for (size_t i = 0; i < sizeof references / sizeof *references; i++)
        if (strcmp(references[i].name, o->kind.name) == 0) return &references[i];
    fail_msg("optimiser %s has no reference in this test; write one", o->kind.name);
    return NULL;
}

/* ---- one tensor and its state ---- */

struct learnt {
    const struct optimizer *o;
    void *params;
    struct param_states states;
    float w[CELLS], store[STATES_MAX][CELLS], *state[STATES_MAX];
    double scale_row_2; /* of that row's features; 0: 1 */
};

static void learnt_open(struct learnt *t, const struct optimizer *o, bool table, const float w[CELLS])
{
    *t = (struct learnt){.o = o, .params = mem_zero(o->kind.params_size, NULL)};
    options_default(o->kind.options, t->params);
    t->states = optimizer_states(o, t->params);
    if (w) memcpy(t->w, w, sizeof t->w);
    for (size_t k = 0; k < t->states.count; k++) {
        t->state[k] = table && t->states.desc[k].shape == STATE_COLUMN ? NULL : t->store[k];
        for (size_t i = 0; i < CELLS; i++) t->store[k][i] = t->states.initial[k];
    }
}

/* One step on the rows ids (NULL: the first `count`), in `pieces` slices whose sums are added. */
static void learnt_step(struct learnt *t, uint64_t step, const uint32_t *ids, size_t count, const float *g, size_t pieces)
{
    static const uint32_t all[ROWS] = {0, 1, 2, 3, 4, 5};
    struct optim_step s = {.t = step, .rows = count, .decays = true};
    float features[2 * ROWS];
    for (size_t i = 0; i < count; i++) {
        size_t r = ids ? ids[i] : i;
        features[2 * i] = (float)(peak_of(r, step) * (t->scale_row_2 && r == 2 ? t->scale_row_2 : 1));
        features[2 * i + 1] = 3;
    }
    if (!ids && pieces > 1) ids = all;
    for (unsigned pass = 0; pass <= t->o->measures; pass++) {
        double sums[ROWS][CELLS] = {{0}};
        for (size_t p = 0; p < pieces; p++) {
            size_t from = count * p / pieces, to = count * (p + 1) / pieces;
            struct update_rows rows = {
                t->w, t->state, ids ? ids + from : NULL, to - from, WIDTH, g + from * WIDTH, (float)optim_rate(t->params, step, 0), 0, 0};
            if (pass < t->o->measures && t->o->by_features) rows.g = features + 2 * from, rows.w = NULL;
            if (pass < t->o->measures) t->o->measure(t->params, &s, pass, &rows, sums[p]);
            else t->o->update(t->params, &s, &rows);
        }
        if (pass == t->o->measures) return;
        assert_true(optimizer_sums(t->o, WIDTH) <= CELLS);
        for (size_t p = 1; p < pieces; p++)
            for (size_t i = 0; i < optimizer_sums(t->o, WIDTH); i++) sums[0][i] += sums[p][i];
        t->o->conclude(t->params, &s, pass, sums[0], t->state, WIDTH);
    }
}

static void draw(float *x, size_t n, uint64_t row, double from)
{
    struct rng rng = rng_at(7, RNG_TEST, 0, row);
    for (size_t i = 0; i < n; i++) x[i] = (float)(rng_unit(&rng) - from);
}

static void optimizer_follows_reference(void **state)
{
    (void)state;
    for (const struct optimizer *const *o = optimizers; *o; o++) {
        if ((*o)->whole) continue; /* no rule for a step: tests/engine/train/lbfgs.c */
        const struct reference *reference = reference_of(*o);
        float w[CELLS], g[CELLS];
        draw(w, CELLS, 1000, 0.5);
        struct learnt t;
        learnt_open(&t, *o, false, w);
        struct exact exact = {.lr = optim_rate(t.params, 1, 0)};
        EACH(i) exact.w[i] = (double)w[i];
        for (exact.t = 1; exact.t <= STEPS; exact.t++) {
            double wide[CELLS];
            draw(g, CELLS, exact.t, 0.4);
            EACH(i) wide[i] = (double)g[i];
            reference->exact(&exact, wide);
            learnt_step(&t, exact.t, NULL, ROWS, g, 1);
        }
        EACH(i)
        {
            if (fabs((double)t.w[i] - exact.w[i]) > 2e-4 * fabs(exact.w[i]) + 2e-6)
                fail_msg("%s: weight %zu is %.9g, want %.9g", (*o)->kind.name, i, (double)t.w[i], exact.w[i]);
        }
        mem_free(t.params);
    }
}

/* All rows by their ids move exactly as without ids, in any number of slices to the last bits of a sum; one row of many leaves the others alone. */
static void optimizer_rows_equal_dense(void **state)
{
    (void)state;
    static const uint32_t all[ROWS] = {0, 1, 2, 3, 4, 5}, one[1] = {4};
    for (const struct optimizer *const *o = optimizers; *o; o++) {
        if ((*o)->whole) continue; /* no rule for a step: tests/engine/train/lbfgs.c */
        float w[CELLS], g[CELLS], before[CELLS];
        struct learnt dense, sparse, cut;
        draw(w, CELLS, 2000, 0.5);
        learnt_open(&dense, *o, false, w), learnt_open(&sparse, *o, false, w), learnt_open(&cut, *o, false, w);
        for (uint64_t t = 1; t <= 5; t++) {
            draw(g, CELLS, t, 0.4);
            learnt_step(&dense, t, NULL, ROWS, g, 1);
            learnt_step(&sparse, t, all, ROWS, g, 1);
            learnt_step(&cut, t, NULL, ROWS, g, 3);
        }
        assert_memory_equal(dense.w, sparse.w, sizeof dense.w);
        assert_memory_equal(dense.store, sparse.store, sizeof dense.store);
        EACH(i) assert_close(cut.w[i], dense.w[i], 1e-6, 1e-7);
        memcpy(before, dense.w, sizeof before);
        struct learnt table;
        learnt_open(&table, *o, true, w);
        learnt_step(&table, 6, one, 1, g, 1);
        EACH(i) assert_true(i / WIDTH == 4 ? table.w[i] != w[i] : table.w[i] == w[i]);
        mem_free(dense.params), mem_free(sparse.params), mem_free(cut.params), mem_free(table.params);
    }
}

/* Every instruction set gives the same bits, at widths around the lanes. */
static void optimizer_kernels_agree_bit_for_bit(void **state)
{
    (void)state;
    enum { MOST = 3 * 37 };
    static const size_t widths[] = {1, 4, 15, 16, 17, 37};
    for (const struct optimizer *const *o = optimizers; *o; o++)
        for (size_t i = 0; i < sizeof widths / sizeof *widths && !(*o)->whole; i++) {
            float first[4][MOST] = {{0}};
            void *params = mem_zero((*o)->kind.params_size, NULL);
            options_default((*o)->kind.options, params);
            for (int level = 0; level <= (int)cpu_level(); level++) {
                static const uint32_t ids[] = {0, 2};
                float now[4][MOST] = {{0}}, g[MOST], *kept[STATES_MAX] = {now[1], now[2], now[3]};
                draw(now[0], MOST, 50, 0.5);
                setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
                for (uint64_t t = 1; t <= 5; t++) {
                    double sums[MOST + 1];
                    struct optim_step step = {.t = t, .rows = 2, .decays = true};
                    struct update_rows rows = {now[0], kept, ids, 2, widths[i], g, 0.01f, 1e-3f, 1e-2f};
                    draw(g, MOST, t, 0.5);
                    for (unsigned pass = 0; pass < (*o)->measures; pass++) {
                        memset(sums, 0, sizeof sums);
                        (*o)->measure(params, &step, pass, &rows, sums);
                        (*o)->conclude(params, &step, pass, sums, kept, widths[i]);
                    }
                    (*o)->update(params, &step, &rows);
                }
                unsetenv("TRAINYARD_CPU");
                if (level == 0) memcpy(first, now, sizeof first);
                if (memcmp(first, now, sizeof first) != 0)
                    fail_msg("%s of width %zu has other bits by %s", (*o)->kind.name, widths[i], cpu_level_name((enum cpu_level)level));
            }
            mem_free(params);
        }
}

/* ---- equivalences ---- */

static void set(struct learnt *t, const char *option, double value)
{
    for (const struct option *o = t->o->kind.options; o->name; o++)
        if (strcmp(o->name, option) == 0) {
            memcpy((char *)t->params + o->offset, &value, sizeof value);
            return;
        }
    fail_msg("%s has no option %s", t->o->kind.name, option);
}

/* With l1 = l2 = 0, beta = 0, n = 0, from w = 0, FTRL is AdaGrad with eps = 0 (McMahan 2011). */
static void ftrl_is_adagrad_without_penalty(void **state)
{
    (void)state;
    struct learnt ftrl, adagrad;
    float g[CELLS];
    learnt_open(&ftrl, &optimizer_ftrl, false, NULL), learnt_open(&adagrad, &optimizer_adagrad, false, NULL);
    set(&ftrl, "lr", 0.1), set(&ftrl, "beta", 0), set(&adagrad, "lr", 0.1), set(&adagrad, "epsilon", 0);
    memset(adagrad.store, 0, sizeof adagrad.store);
    for (uint64_t t = 1; t <= 50; t++) {
        draw(g, CELLS, t, 0.3);
        learnt_step(&ftrl, t, NULL, ROWS, g, 1);
        learnt_step(&adagrad, t, NULL, ROWS, g, 1);
    }
    EACH(i) assert_close(ftrl.w[i], adagrad.w[i], 1e-4, 1e-6);
    mem_free(ftrl.params), mem_free(adagrad.params);
}

/* The same where alpha falls: weights stay where they are instead of following it to 0; at 0 nothing moves. */
static void ftrl_keeps_its_weights_when_the_rate_falls(void **state)
{
    (void)state;
    struct learnt ftrl, adagrad;
    float g[CELLS], before[CELLS];
    learnt_open(&ftrl, &optimizer_ftrl, false, NULL), learnt_open(&adagrad, &optimizer_adagrad, false, NULL);
    set(&ftrl, "beta", 0), set(&adagrad, "epsilon", 0);
    memset(adagrad.store, 0, sizeof adagrad.store);
    for (uint64_t t = 1; t <= 50; t++) {
        draw(g, CELLS, t, 0.3);
        set(&ftrl, "lr", 1 / (double)t), set(&adagrad, "lr", 1 / (double)t);
        learnt_step(&ftrl, t, NULL, ROWS, g, 1);
        learnt_step(&adagrad, t, NULL, ROWS, g, 1);
    }
    EACH(i) assert_close(ftrl.w[i], adagrad.w[i], 1e-4, 1e-6);
    memcpy(before, ftrl.w, sizeof before);
    set(&ftrl, "lr", 0);
    learnt_step(&ftrl, 51, NULL, ROWS, g, 1);
    assert_memory_equal(ftrl.w, before, sizeof before);
    mem_free(ftrl.params), mem_free(adagrad.params);
}

static void ftrl_l1_gives_exact_zero(void **state)
{
    (void)state;
    struct learnt t;
    float g[CELLS];
    learnt_open(&t, &optimizer_ftrl, false, NULL);
    set(&t, "l1", 0.5);
    EACH(i) g[i] = 0.2f;
    learnt_step(&t, 1, NULL, ROWS, g, 1);
    EACH(i) assert_true(t.w[i] == 0 && fabsf(t.store[0][i]) <= 0.5f);
    for (uint64_t step = 2; step <= 5; step++) learnt_step(&t, step, NULL, ROWS, g, 1);
    EACH(i) assert_true(t.w[i] < 0);
    mem_free(t.params);
}

/* A row that starts away from 0 (embeddings) must not jump at its first gradient. */
static void ftrl_respects_initial_values(void **state)
{
    (void)state;
    struct learnt t;
    float w[CELLS], g[CELLS];
    EACH(i) w[i] = 0.02f, g[i] = 1e-4f;
    learnt_open(&t, &optimizer_ftrl, false, w);
    learnt_step(&t, 1, NULL, ROWS, g, 1);
    EACH(i) assert_close(t.w[i], 0.02, 0.01, 0);
    mem_free(t.params);
}

/* A bias does not decay; adamw without decay is adam, to the bit. */
static void adamw_decays_what_penalties_touch(void **state)
{
    (void)state;
    struct learnt adam, adamw;
    float w[CELLS], g[CELLS];
    draw(w, CELLS, 1, 0.5), draw(g, CELLS, 2, 0.5);
    learnt_open(&adam, &optimizer_adam, false, w), learnt_open(&adamw, &optimizer_adamw, false, w);
    struct optim_step step = {.t = 1, .decays = false};
    for (int i = 0; i < 2; i++) {
        struct learnt *t = i ? &adamw : &adam;
        struct update_rows rows = {t->w, t->state, NULL, ROWS, WIDTH, g, 0.001f, 0, 0};
        t->o->update(t->params, &step, &rows);
    }
    assert_memory_equal(adam.w, adamw.w, sizeof adam.w);
    mem_free(adam.params), mem_free(adamw.params);
}

/* Of a table only the rows of a step move: moments of the others wait as they are, no decay is caught up, and t is everybody's. In double, row by
 * row; the dense form, whose rows have gradients of 0 meanwhile, comes to other weights. */
static void adam_of_a_row_waits_with_it(void **state)
{
    (void)state;
    const struct optimizer *const lazy[] = {&optimizer_adam, &optimizer_adamw};
    for (size_t o = 0; o < 2; o++) {
        float w[CELLS], g[CELLS];
        struct learnt t;
        struct exact rows = {.lr = 0.01}, dense = {.lr = 0.01};
        draw(w, CELLS, 9, 0.5);
        learnt_open(&t, lazy[o], true, w);
        set(&t, "lr", 0.01);
        EACH(i) rows.w[i] = dense.w[i] = (double)w[i];
        for (uint64_t step = 1; step <= 2 * STEPS; step++) {
            uint32_t ids[ROWS];
            size_t count = 0;
            double all[CELLS] = {0};
            for (uint32_t r = 0; r < ROWS; r++)
                if (step % (3 * r + 1) == 0) ids[count++] = r;
            draw(g, CELLS, step, 0.4);
            rows.t = dense.t = step;
            for (size_t i = 0; i < count * WIDTH; i++) {
                size_t at = ids[i / WIDTH] * WIDTH + i % WIDTH;
                all[at] = (double)g[i];
                if (o == 1) rows.w[at] *= 1 - rows.lr * 0.01;
                double square = rows.b[at] = 0.999 * rows.b[at] + 0.001 * all[at] * all[at];
                rows.a[at] = 0.9 * rows.a[at] + 0.1 * all[at];
                rows.w[at] -= rows.lr * rows.a[at] / (1 - pow(0.9, (double)step)) / (sqrt(square / (1 - pow(0.999, (double)step))) + 1e-8);
            }
            (o == 0 ? adam_exact : adamw_exact)(&dense, all);
            learnt_step(&t, step, ids, count, g, 1);
        }
        EACH(i) assert_close(t.w[i], rows.w[i], 2e-4, 2e-6);
        size_t apart = 0;
        EACH(i) apart += fabs(rows.w[i] - dense.w[i]) > 1e-3;
        assert_true(apart > CELLS / 2);
        mem_free(t.params);
    }
}

/* A column of data times c has gradients times c; its row of weights comes out by 1/c, so w x is the same (Ross et al. 2013, s. 3). */
static void nag_does_not_see_the_scale_of_a_feature(void **state)
{
    (void)state;
    for (double scale = 1e-6; scale < 1e7; scale *= 1e12) {
        struct learnt plain, scaled;
        float g[CELLS], other[CELLS];
        learnt_open(&plain, &optimizer_nag, false, NULL), learnt_open(&scaled, &optimizer_nag, false, NULL);
        scaled.scale_row_2 = scale;
        for (uint64_t t = 1; t <= 30; t++) {
            draw(g, CELLS, t, 0.4);
            EACH(i) other[i] = (float)((double)g[i] * (i / WIDTH == 2 ? scale : 1));
            learnt_step(&plain, t, NULL, ROWS, g, 1);
            learnt_step(&scaled, t, NULL, ROWS, other, 1);
        }
        EACH(i) assert_close((double)scaled.w[i] * (i / WIDTH == 2 ? scale : 1), plain.w[i], 1e-4, 0);
        mem_free(plain.params), mem_free(scaled.params);
    }
}

/* A tensor of one row, or of one column, is not factored: adafactor is then a plain second moment. */
static void adafactor_of_a_vector_is_not_factored(void **state)
{
    (void)state;
    struct learnt t;
    float g[CELLS];
    double v[WIDTH] = {0};
    learnt_open(&t, &optimizer_adafactor, false, NULL);
    set(&t, "clip", 1e6);
    double w[WIDTH] = {0}, lr = optim_rate(t.params, 1, 0);
    for (uint64_t step = 1; step <= 30; step++) {
        double keep = 1 - pow((double)step, -0.8);
        draw(g, WIDTH, step, 0.4);
        learnt_step(&t, step, NULL, 1, g, 1);
        for (size_t j = 0; j < WIDTH; j++) {
            v[j] = keep * v[j] + (1 - keep) * (double)g[j] * (double)g[j];
            w[j] -= lr * (double)g[j] / sqrt(v[j]);
        }
    }
    for (size_t j = 0; j < WIDTH; j++) assert_close(t.w[j], w[j], 1e-4, 1e-6);
    mem_free(t.params);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(optimizer_follows_reference),
                                          cmocka_unit_test(optimizer_rows_equal_dense),
                                          cmocka_unit_test(optimizer_kernels_agree_bit_for_bit),
                                          cmocka_unit_test(ftrl_is_adagrad_without_penalty),
                                          cmocka_unit_test(ftrl_keeps_its_weights_when_the_rate_falls),
                                          cmocka_unit_test(ftrl_l1_gives_exact_zero),
                                          cmocka_unit_test(ftrl_respects_initial_values),
                                          cmocka_unit_test(adamw_decays_what_penalties_touch),
                                          cmocka_unit_test(adam_of_a_row_waits_with_it),
                                          cmocka_unit_test(nag_does_not_see_the_scale_of_a_feature),
                                          cmocka_unit_test(adafactor_of_a_vector_is_not_factored)};
TEST_MAIN(tests)

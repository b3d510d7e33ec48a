/* An optimiser that works on rows of two bytes a weight through a window does what it does on a table of floats: the same state, bit for bit, and
 * weights that are a neighbour of what the floats became. */
#include "engine/train/row_window.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "engine/optim/optimizer.h"
#include "lib/test.h"

enum { ROWS = 600, WIDTH = 16, BITS = 12 };

static void fresh(struct params *p, enum table_dtype dtype, const struct optimizer *o, const void *params)
{
    struct error err = {0};
    struct param_desc desc = {.name = "embedding", .table = true, .width = WIDTH, .init = INIT_ONE};
    const struct param_states one = optimizer_states(o, params), all[GROUPS] = {one, one, one};
    param_descs_form(&desc, 1, (struct table_form){.dtype = dtype});
    assert_ok(params_init(p, &desc, 1, BITS, all, 5, &err), &err);
}

static void optimisers_do_the_same_through_a_window(void **state)
{
    (void)state;
    static float g[ROWS * WIDTH], w[ROWS * WIDTH];
    static uint32_t ids[ROWS];
    struct error err = {0};
    struct rng rng = rng_at(1, RNG_TEST, 0, 0);
    for (size_t i = 0; i < ROWS * WIDTH; i++) g[i] = (float)rng_normal(&rng);
    for (uint32_t i = 0; i < ROWS; i++) ids[i] = 6 * i + 1;
    assert_true(row_window_rows(WIDTH) < ROWS && ROWS % row_window_rows(WIDTH) != 0);
    for (const struct optimizer *const *at = optimizers; *at; at++) {
        const struct optimizer *o = *at;
        if (o->whole) continue;
        _Alignas(16) char params[1024];
        struct params f, h;
        struct row_window window = {0};
        if (o->measures > 0) continue;
        assert_true(o->kind.params_size <= sizeof params);
        options_default(o->kind.options, params);
        fresh(&f, TABLE_FP32, o, params);
        fresh(&h, TABLE_FP16, o, params);
        params_wake(&f, ids, ROWS), params_wake(&h, ids, ROWS);
        const struct optim_step step = {.t = 1, .decays = true};
        struct update_rows all = {f.tensor[0].w, f.tensor[0].state, ids, ROWS, WIDTH, g, 0.01f, 0, 1e-3f};
        o->update(params, &step, &all);
        all.w = NULL, all.state = h.tensor[0].state;
        for (size_t from = 0, count; from < ROWS; from += count) {
            struct update_rows some;
            count = ROWS - from < row_window_rows(WIDTH) ? ROWS - from : row_window_rows(WIDTH);
            assert_ok(row_window_open(&window, &h, 0, &all, from, count, &some, &err), &err);
            o->update(params, &step, &some);
            row_window_store(&window, &h, 0, &all, from, count, true, 1);
        }
        param_gather(&h, 0, ids, ROWS, w);
        for (size_t i = 0; i < ROWS; i++) {
            size_t row = (size_t)ids[i] * WIDTH;
            for (size_t j = 0; j < WIDTH; j++) {
                if (!(fabsf(w[i * WIDTH + j] - f.tensor[0].w[row + j]) < 0x1p-10f)) fail_msg("%s: a weight is not a neighbour", o->kind.name);
                for (size_t k = 0; k < h.tensor[0].states.count; k++) {
                    struct param_values want = params_values(&f, 0, k + 1), got = params_values(&h, 0, k + 1);
                    if (!want.data) continue;
                    if (memcmp((char *)want.data + ids[i] * want.row_bytes, (char *)got.data + ids[i] * got.row_bytes, got.row_bytes) != 0)
                        fail_msg("%s: state %zu differs", o->kind.name, k);
                }
            }
        }
        row_window_close(&window);
        params_close(&f);
        params_close(&h);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(optimisers_do_the_same_through_a_window)};
TEST_MAIN(tests)

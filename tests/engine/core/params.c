/* Dense tensors have rows like tables: each in one slice, never more slices than there are, each row its own initial value. */
#include "engine/core/params.h"

#include "lib/test.h"

static void rows_of_dense_tensors_lie_in_slices(void **state)
{
    (void)state;
    static const uint32_t rows[] = {0, 1, 2, 63, 64, 65, 400, 4097};
    for (uint32_t bits = 1; bits <= 16; bits += 5)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct error err = {0};
            struct params p;
            const struct param_desc desc[2] = {{.name = "layer", .rows = rows[i], .width = 3, .init = INIT_NORMAL, .init_scale = 1},
                                               {.name = "gain", .width = 5, .init = INIT_ONE}};
            const struct param_states one = {.count = 1, .desc = {{"n", STATE_WEIGHT}}, .initial = {0.5f}}, states[GROUPS] = {one, one, one};
            assert_ok(params_init(&p, desc, 2, bits, states, 7, &err), &err);
            const struct param *t = &p.tensor[0];
            uint64_t count = param_rows(&p, t);
            assert_int_equal(count, rows[i] ? rows[i] : 1);
            assert_true(t->slices >= 1 && t->slices <= p.slices);
            assert_int_equal((count - 1) >> t->slice_bits, t->slices - 1);
            for (uint64_t r = 0; r < count; r++) {
                float want[3];
                param_initial(&p, 0, r, want);
                assert_memory_equal(t->w + r * 3, want, sizeof want);
                if (r > 0) assert_true(t->w[r * 3] != t->w[r * 3 - 3]);
                assert_true(t->state[0][r * 3 + 2] == 0.5f);
            }
            for (int j = 0; j < 5; j++) assert_true(p.tensor[1].w[j] == 1);
            params_close(&p);
        }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(rows_of_dense_tensors_lie_in_slices)};
TEST_MAIN(tests)

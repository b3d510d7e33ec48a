/* Rows of factors: every slot has a pair of its own, composed rows are the products, gradients reach both factors, and the tables are as small as
 * promised. */
#include "engine/core/factors.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "lib/test.h"

enum { WIDTH = 5, FEATURES = 900 };

static void fresh(struct params *p, uint32_t hash_bits, unsigned remainder_bits, enum table_dtype dtype)
{
    struct error err = {0};
    struct param_desc descs[] = {{.name = "linear", .table = true, .width = 1},
                                 {.name = "embedding", .table = true, .width = WIDTH, .init = INIT_NORMAL, .init_scale = 0.1f}};
    const struct param_states one = {.count = 1, .desc = {{"n", STATE_WEIGHT}}, .initial = {0.25f}}, all[GROUPS] = {one, one, one};
    param_descs_form(descs, 2, (struct table_form){.dtype = dtype, .remainder_bits = remainder_bits});
    assert_ok(params_init(p, descs, 2, hash_bits, all, 3, &err), &err);
}

static const struct {
    uint32_t hash_bits;
    unsigned remainder_bits;
} shapes[] = {{2, 1}, {8, 1}, {8, 7}, {12, 2}, {12, 6}, {13, 9}};
enum { SHAPES = sizeof shapes / sizeof *shapes };

static void every_slot_has_a_pair_of_its_own(void **state)
{
    (void)state;
    for (size_t s = 0; s < SHAPES; s++) {
        struct params p;
        uint32_t bits = shapes[s].hash_bits, m = 1u << shapes[s].remainder_bits;
        fresh(&p, bits, shapes[s].remainder_bits, TABLE_FP32);
        uint8_t *seen = mem_array(p.slots * m, 1, 1, NULL);
        for (uint32_t slot = 0; slot < 1u << bits; slot++) {
            uint32_t q = factors_quotient(&p, slot), r = factors_remainder(&p, slot);
            assert_true(q < p.slots / 2 && q == slot / m);
            assert_true(r >= p.slots / 2 && r < p.slots && r - p.slots / 2 == slot % m);
            assert_int_equal(seen[q * m + (r - p.slots / 2)]++, 0);
        }
        mem_free(seen);
        params_close(&p);
    }
}

static void tables_are_as_small_as_promised(void **state)
{
    (void)state;
    struct param_desc desc = {.name = "embedding", .table = true, .width = 16};
    param_descs_form(&desc, 1, (struct table_form){.remainder_bits = 4});
    uint64_t rows = (1u << 18) + (1u << 4), live_bits = (1u << 19) / 8;
    assert_int_equal(params_bytes(&desc, 1, 22, NULL), rows * 16 * sizeof(float) + live_bits);
}

static void keys_draw(uint32_t *keys)
{
    struct rng rng = rng_at(8, RNG_TEST, 0, 0);
    for (size_t i = 0; i < FEATURES; i++) keys[i] = i % 3 ? rng_u32(&rng) : (uint32_t)rng_below(&rng, 9) * 0x1C71C71Du;
}

/* Some rows have been learnt, others sleep. */
static void rows_draw(struct params *p)
{
    struct rng rng = rng_at(9, RNG_TEST, 0, 0);
    for (uint32_t row = 0; row < p->slots; row++) {
        float w[WIDTH];
        if (rng_u32(&rng) & 1) continue;
        params_wake(p, &row, 1);
        for (size_t t = 0; t < 2; t++) {
            for (size_t j = 0; j < WIDTH; j++) w[j] = (float)rng_unit(&rng) - 0.5f;
            param_scatter(p, t, &row, 1, w, 1);
        }
    }
}

static void rows_are_products_and_gradients_reach_both(void **state)
{
    (void)state;
    struct factors f = {0};
    struct lookup rows = {0};
    uint32_t keys[FEATURES];
    struct error err = {0};
    keys_draw(keys);
    const struct batch batch = {.rows = 1, .features = FEATURES, .keys = keys};
    for (size_t s = 0; s < SHAPES; s++)
        for (int how = 0; how < 4; how++) {
            struct params p;
            enum table_dtype dtype = how / 2 ? TABLE_BF16 : TABLE_FP32;
            fresh(&p, shapes[s].hash_bits, shapes[s].remainder_bits, dtype);
            rows_draw(&p);
            assert_ok(factors_lookup(&f, &rows, &batch, &p, how % 2 ? LOOKUP_ASCENDING : LOOKUP_OCCURRENCE, &err), &err);
            size_t n = f.slots.count;
            for (size_t i = 0; i < FEATURES; i++) assert_int_equal(f.slots.slots[f.slots.local[i]], keys[i] >> (32 - p.hash_bits));
            for (size_t i = 0; i < rows.count; i++) {
                uint32_t q = rows.slots[rows.by_slice[i]] >> p.slice_bits;
                assert_true(i >= rows.slice_start[q] && i < rows.slice_start[q + 1]);
                if (how % 2 && i > 0) assert_true(rows.slots[i] > rows.slots[i - 1]);
            }
            float *values = mem_array(rows.count, WIDTH, sizeof(float), NULL), *composed = mem_array(n, WIDTH, sizeof(float), NULL);
            float *g = mem_array(n, WIDTH, sizeof(float), NULL), *split = mem_array(rows.count, WIDTH, sizeof(float), NULL);
            double *want = mem_array(p.slots, WIDTH, sizeof(double), NULL);
            param_gather(&p, 1, rows.slots, rows.count, values);
            factors_compose(&f, &rows, WIDTH, values, composed);
            for (size_t i = 0; i < n * WIDTH; i++) g[i] = (float)(i % 17) - 8;
            factors_split(&f, &rows, WIDTH, values, g, split);
            for (size_t i = 0; i < n; i++) {
                uint32_t slot = f.slots.slots[i], q = factors_quotient(&p, slot), r = factors_remainder(&p, slot);
                float quotient[WIDTH], remainder[WIDTH], row[WIDTH], room[WIDTH];
                param_gather(&p, 1, &q, 1, quotient);
                param_gather(&p, 1, &r, 1, remainder);
                factors_row(&p, 1, slot, row, room);
                assert_memory_equal(row, composed + i * WIDTH, sizeof row);
                for (size_t j = 0; j < WIDTH; j++) {
                    assert_true(row[j] == quotient[j] * remainder[j]);
                    want[q * WIDTH + j] += (double)g[i * WIDTH + j] * (double)remainder[j];
                    want[r * WIDTH + j] += (double)g[i * WIDTH + j] * (double)quotient[j];
                }
            }
            for (size_t i = 0; i < rows.count; i++)
                for (size_t j = 0; j < WIDTH; j++) assert_close(split[i * WIDTH + j], want[rows.slots[i] * WIDTH + j], 1e-4, 1e-4);
            mem_free(values), mem_free(composed), mem_free(g), mem_free(split), mem_free(want);
            params_close(&p);
        }
    factors_close(&f);
    lookup_close(&rows);
}

/* Products begin as rows of the table would, and waking changes none; what is zero in a table of factors does not fall asleep again. */
static void products_begin_as_rows_do(void **state)
{
    (void)state;
    for (int half = 0; half < 2; half++) {
        struct params p;
        float row[WIDTH], again[WIDTH], room[WIDTH], quotient[WIDTH];
        fresh(&p, 12, 3, half ? TABLE_FP16 : TABLE_FP32);
        uint32_t slot = 1234, pair[] = {factors_quotient(&p, slot), factors_remainder(&p, slot)};
        param_initial(&p, 1, pair[0], quotient);
        factors_row(&p, 1, slot, row, room);
        assert_memory_equal(row, quotient, sizeof row);
        assert_true(row[0] != 0);
        factors_row(&p, 0, slot, again, room);
        assert_true(again[0] == 0);
        params_wake(&p, pair, 2);
        factors_row(&p, 1, slot, again, room);
        assert_memory_equal(row, again, sizeof row);
        float one;
        param_gather(&p, 0, pair + 1, 1, &one);
        assert_true(one == 1);
        assert_false(params_rest(&p, pair[0]));
        params_close(&p);
    }
}

static void memory_that_fails_is_told(void **state)
{
    (void)state;
    uint32_t keys[FEATURES];
    unsigned failures = 0;
    struct params p;
    keys_draw(keys);
    fresh(&p, 12, 3, TABLE_FP32);
    const struct batch batch = {.rows = 1, .features = FEATURES, .keys = keys};
    for (unsigned k = 1;; k++) {
        struct factors f = {0};
        struct lookup rows = {0};
        struct error err = {0};
        mem_fail_after(k);
        int rc = factors_lookup(&f, &rows, &batch, &p, false, &err);
        bool fired = mem_fail_after(0);
        factors_close(&f);
        lookup_close(&rows);
        assert_int_equal(rc, fired ? -ERROR_NOMEM : 0);
        if (!fired) break;
        failures++;
    }
    assert_true(failures >= 10);
    params_close(&p);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(every_slot_has_a_pair_of_its_own), cmocka_unit_test(tables_are_as_small_as_promised),
                                          cmocka_unit_test(rows_are_products_and_gradients_reach_both), cmocka_unit_test(products_begin_as_rows_do),
                                          cmocka_unit_test(memory_that_fails_is_told)};
TEST_MAIN(tests)

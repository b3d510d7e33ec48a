/* Transforms: bins and distances of single features, fields by name wherever a reader has them, tensors there and back, hostile ones refused. */
#include "engine/core/transform.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/data/format/feature.h"
#include "lib/tensors.h"
#include "lib/test.h"

enum { SEED = 5 };
static const float edges[] = {-2, 0, 0.5f, 10};

static const char *name_of(const void *names, size_t field)
{
    const char *const *list = names;
    return list[field];
}
static const char *const usual[] = {"age", "color", "price", NULL}, *const moved[] = {"price", "age", NULL}, *const lacking[] = {"age", NULL};

/* price: bins by edges; age: mean 40, deviation 8. */
static void fitted(struct transforms *t)
{
    struct error err = {0};
    *t = (struct transforms){0};
    assert_ok(transforms_add(t, "price", TRANSFORM_QUANTILE, 5, &err), &err);
    assert_ok(transforms_add(t, "age", TRANSFORM_NORMALISED, 0, &err), &err);
    t->list[0].edges = mem_zero(sizeof edges, &err);
    memcpy(t->list[0].edges, edges, sizeof edges);
    t->list[0].edge_count = 4;
    t->list[1].mean = 40, t->list[1].deviation = 8;
}

static void a_number_at_an_edge_is_below_it(void **state)
{
    static const struct {
        float x;
        uint32_t bin;
    } cases[] = {{-FLT_MAX, 0}, {-2, 0}, {-1.9999999f, 1}, {0, 1}, {-0.0f, 1}, {0.1f, 2}, {0.5f, 2}, {10, 3}, {10.000001f, 4}, {FLT_MAX, 4}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) assert_int_equal(transform_bin(edges, 4, cases[i].x), cases[i].bin);
    assert_int_equal(transform_bin(edges, 0, 7), 0);
}

static void fields_go_by_name(void **state)
{
    struct transforms t;
    struct transform_map map, other;
    struct transformed out = {0};
    struct error err = {0};
    const uint64_t price = feature_seed("price", SEED), age = feature_seed("age", SEED);
    (void)state;
    fitted(&t);
    assert_ok(transform_map_init(&map, &t, SEED, &(struct field_names){usual, name_of}, &err), &err);
    assert_int_equal(map.fields[2].value_key, feature_key_value(price)); /* what the data room gives such features */
    assert_int_equal(map.fields[2].bins[3], feature_key("#3", 2, price));
    const uint32_t offsets[] = {0, 3, 6},
                   keys[] = {feature_key_value(age), 77, feature_key_value(price), feature_key("", 0, age), 78, feature_key_value(price)};
    const float values[] = {48, 1, 0.25f, 1, 1, 99};
    const uint16_t fields[] = {0, 1, 2};
    const struct batch b = {.rows = 2, .features = 6, .offsets = offsets, .keys = keys, .values = values, .fields = fields, .same_fields = true};
    assert_ok(transform_apply(&map, &b, &out, &err), &err);
    assert_int_equal(out.batch.keys[0], keys[0]);
    assert_close(out.batch.values[0], 1, 0, 0);
    assert_int_equal(out.batch.keys[1], 77);
    assert_int_equal(out.batch.keys[2], feature_key("#2", 2, price));
    assert_close(out.batch.values[2], 1, 0, 0);
    assert_int_equal(out.batch.keys[3], keys[3]); /* missing: as it is */
    assert_close(out.batch.values[3], 1, 0, 0);
    assert_int_equal(out.batch.keys[5], feature_key("#4", 2, price));
    assert_ok(transform_map_init(&other, &t, SEED, &(struct field_names){moved, name_of}, &err), &err);
    uint32_t key = feature_key_value(price);
    float value = 0.25f;
    transform_feature(&other, 0, &key, &value);
    assert_int_equal(key, out.batch.keys[2]);
    transform_feature(&other, 9, &key, &value); /* a field that there is not */
    assert_int_equal(key, out.batch.keys[2]);
    transform_map_close(&other);
    assert_int_equal(transform_map_init(&other, &t, SEED, &(struct field_names){lacking, name_of}, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "column \"price\"");
    transform_map_close(&map);
    transformed_close(&out);
    transforms_close(&t);
}

static void tensors_of(struct tensors_fake *fake, const struct transform_tensors *t)
{
    tensors_fake_init(fake);
    tensors_fake_add(fake, "transform.kinds", TENSOR_U32, t->count, 0, t->kinds);
    tensors_fake_add(fake, "transform.edge_counts", TENSOR_U32, t->count, 0, t->edge_counts);
    tensors_fake_add(fake, "transform.names", TENSOR_U8, t->name_bytes, 0, t->names);
    tensors_fake_add(fake, "transform.edges", TENSOR_F32, t->edge_total, 0, t->edges);
    tensors_fake_add(fake, "transform.moments", TENSOR_F64, 2 * t->count, 0, t->moments);
}

static void what_was_saved_is_loaded(void **state)
{
    struct transforms t, back = {0};
    struct transform_tensors flat;
    struct tensors_fake fake;
    struct error err = {0};
    (void)state;
    fitted(&t);
    assert_ok(transform_tensors_take(&flat, &t, &err), &err);
    tensors_of(&fake, &flat);
    struct tensor_file file = tensors_fake_file(&fake);
    for (int twice = 0; twice < 2; twice++) {
        assert_ok(transforms_load(&back, &file, &err), &err);
        assert_int_equal(back.count, 2);
        assert_string_equal(back.list[1].name, "age");
        assert_int_equal(back.list[0].kind, TRANSFORM_QUANTILE);
        assert_int_equal(back.list[0].edge_count, 4);
        assert_memory_equal(back.list[0].edges, edges, sizeof edges);
        assert_close(back.list[1].deviation, 8, 0, 0);
    }
    tensors_fake_find(&fake, "transform.kinds")->name[0] = 'X'; /* a model without any */
    assert_ok(transforms_load(&back, &file, &err), &err);
    assert_int_equal(back.count, 0);
    tensors_fake_close(&fake);
    transform_tensors_close(&flat);
    transforms_close(&t);
}

static void hostile_tensors_are_refused(void **state)
{
    struct transforms t, back = {0};
    struct transform_tensors flat;
    (void)state;
    fitted(&t);
    for (int damage = 0; damage < 13; damage++) {
        struct tensors_fake fake;
        struct error err = {0};
        assert_ok(transform_tensors_take(&flat, &t, &err), &err);
        tensors_of(&fake, &flat);
        switch (damage) {
        case 0: flat.kinds[0] = 0; break;
        case 1: flat.kinds[1] = 3; break;
        case 2: flat.edge_counts[0] = 5; break;
        case 3: flat.edge_counts[1] = UINT32_MAX; break;
        case 4: flat.edges[1] = NAN; break;
        case 5: flat.edges[1] = flat.edges[0]; break;
        case 6: flat.moments[3] = 0; break;
        case 7: flat.moments[2] = INFINITY; break;
        case 8: flat.names[flat.name_bytes - 1] = 'x'; break;
        case 9: tensors_fake_find(&fake, "transform.names")->shape[0] = 3; break;
        case 10: tensors_fake_find(&fake, "transform.moments")->shape[0] = 3; break;
        case 11: tensors_fake_find(&fake, "transform.edges")->dtype = TENSOR_F64; break;
        case 12: tensors_fake_find(&fake, "transform.edge_counts")->name[0] = 'X'; break;
        }
        struct tensor_file file = tensors_fake_file(&fake);
        if (transforms_load(&back, &file, &err) != -ERROR_DATA) fail_msg("damage %d was taken", damage);
        assert_int_equal(back.count, 0);
        tensors_fake_close(&fake);
        transform_tensors_close(&flat);
    }
    transforms_close(&t);
}

static void every_allocation_may_fail(void **state)
{
    struct transforms t;
    const struct batch b = {.rows = 1, .features = 1, .offsets = (const uint32_t[]){0, 1}, .keys = (const uint32_t[]){0}};
    (void)state;
    fitted(&t);
    for (unsigned k = 1;; k++) {
        struct transform_map map = {0};
        struct transformed out = {0};
        struct transform_tensors flat = {0};
        struct transforms back = {0};
        struct tensors_fake fake = {0};
        struct error err = {0};
        mem_fail_after(k);
        int rc = transform_map_init(&map, &t, SEED, &(struct field_names){usual, name_of}, &err);
        if (rc == 0) rc = transform_apply(&map, &b, &out, &err);
        if (rc == 0) rc = transform_tensors_take(&flat, &t, &err);
        bool fired = mem_fail_after(0);
        if (rc == 0) {
            tensors_of(&fake, &flat);
            struct tensor_file file = tensors_fake_file(&fake);
            if (k > 9) mem_fail_after(k - 9);
            rc = transforms_load(&back, &file, &err);
            fired = mem_fail_after(0);
            tensors_fake_close(&fake);
        }
        transforms_close(&back);
        transform_tensors_close(&flat);
        transformed_close(&out);
        transform_map_close(&map);
        if (!fired && k > 12) break;
        if (fired) assert_int_equal(rc, -ERROR_NOMEM);
    }
    transforms_close(&t);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_number_at_an_edge_is_below_it), cmocka_unit_test(fields_go_by_name),         cmocka_unit_test(what_was_saved_is_loaded),
    cmocka_unit_test(hostile_tensors_are_refused),     cmocka_unit_test(every_allocation_may_fail),
};
TEST_MAIN(tests)

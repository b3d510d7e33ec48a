#include "engine/predict/field_map.h"

#include <string.h>

#include "lib/test.h"

static const char *const moved[] = {"new", "c", "a", "other", "b", NULL}, *const usual[] = {"a", "b", "c", NULL}, *const few[] = {"b", NULL};

static const char *name_of(const void *context, size_t field) { return ((const char *const *)context)[field]; }

static struct field_names names_of(const char *const *names) { return (struct field_names){(const void *)names, name_of}; }

static json_t *known(void) { return json_pack("[s, s, s]", "a", "b", "c"); }

static int map_of(struct field_map *m, const char *const *names, struct error *err)
{
    json_t *fields = known();
    const struct field_names there = names_of(names);
    int rc = field_map_init(m, fields, &there, "the model", err);
    json_decref(fields);
    return rc;
}

static void what_is_as_it_was_stays(void **state)
{
    struct field_map m;
    struct error err = {0};
    (void)state;
    assert_ok(map_of(&m, usual, &err), &err);
    assert_null(m.to);
    assert_null(m.extra);
    field_map_close(&m);
    const struct field_names there = names_of(moved);
    assert_ok(field_map_init(&m, NULL, &there, "a model that names no fields", &err), &err);
    assert_null(m.to);
    field_map_close(&m);
}

static void all_that_is_lacking_is_named(void **state)
{
    struct field_map m;
    struct error err = {0};
    (void)state;
    assert_int_equal(map_of(&m, few, &err), -ERROR_DATA);
    assert_non_null(strstr(err.msg, "\"a\", \"c\", on which the model"));
}

/* Rows of the moved text: each the same columns, with values and without. */
static void columns_find_their_places(void **state)
{
    static const uint32_t offsets[] = {0, 5, 10}, keys[] = {90, 30, 10, 91, 20, 92, 31, 11, 93, 21}, want[] = {10, 20, 30, 11, 21, 31};
    static const float values[] = {0, 3, 1, 0, 2, 0, 3.5f, 1.5f, 0, 2.5f}, want_values[] = {1, 2, 3, 1.5f, 2.5f, 3.5f};
    static const uint16_t fields[] = {0, 1, 2, 3, 4};
    struct batch b = {.rows = 2, .features = 10, .offsets = offsets, .keys = keys, .values = values, .fields = fields, .same_fields = true};
    struct field_map m;
    struct field_mapped mapped = {.rows_max = 0};
    struct error err = {0};
    char shown[60];
    (void)state;
    assert_ok(map_of(&m, moved, &err), &err);
    assert_string_equal(field_names_shown(m.extra, shown, sizeof shown), "\"new\", \"other\"");
    assert_ok(field_map_apply(&m, &b, &mapped, &err), &err);
    assert_int_equal(mapped.batch.features, 6);
    assert_int_equal(mapped.batch.offsets[1], 3);
    assert_int_equal(mapped.batch.offsets[2], 6);
    assert_memory_equal(mapped.batch.keys, want, sizeof want);
    assert_memory_equal(mapped.batch.values, want_values, sizeof want_values);
    for (uint16_t f = 0; f < 3; f++) assert_int_equal(mapped.batch.fields[f], f);
    b.values = NULL;
    assert_ok(field_map_apply(&m, &b, &mapped, &err), &err);
    assert_null(mapped.batch.values);
    assert_memory_equal(mapped.batch.keys, want, sizeof want);
    field_mapped_close(&mapped);
    field_map_close(&m);
}

/* Fields that are numbers stay, and crosses come down behind those of the model; a feature of a field that it does not have stays, without one. */
static void crosses_of_numbers_settle(void **state)
{
    static const uint32_t offsets[] = {0, 4, 6}, keys[] = {1, 2, 3, 4, 5, 6};
    static const uint16_t fields[] = {4, 0, 6, FIELD_MAX, 9, FIELD_MAX - 1}, want[] = {4, 0, FIELD_UNKNOWN, 6, FIELD_UNKNOWN, 5};
    const struct batch b = {.rows = 2, .features = 6, .offsets = offsets, .keys = keys, .fields = fields};
    const struct field_map m = field_map_numbered(7, 2);
    struct field_mapped mapped = {.rows_max = 0};
    struct error err = {0};
    (void)state;
    assert_ok(field_map_apply(&m, &b, &mapped, &err), &err);
    assert_int_equal(mapped.batch.features, 6);
    assert_ptr_equal(mapped.batch.keys, keys);
    assert_memory_equal(mapped.batch.fields, want, sizeof want);
    field_mapped_close(&mapped);
}

/* Rows that differ in their features: lists keep their order. */
static void lists_keep_their_order(void **state)
{
    static const uint32_t offsets[] = {0, 4, 4, 5}, keys[] = {32, 31, 11, 12, 21}, want[] = {11, 12, 32, 31, 21};
    static const uint16_t fields[] = {1, 1, 2, 2, 4}, want_fields[] = {0, 0, 2, 2, 1};
    const struct batch b = {.rows = 3, .features = 5, .offsets = offsets, .keys = keys, .fields = fields};
    struct field_map m;
    struct field_mapped mapped = {.rows_max = 0};
    struct error err = {0};
    (void)state;
    assert_ok(map_of(&m, moved, &err), &err);
    assert_ok(field_map_apply(&m, &b, &mapped, &err), &err);
    assert_memory_equal(mapped.batch.offsets, offsets, sizeof offsets);
    assert_memory_equal(mapped.batch.keys, want, sizeof want);
    assert_memory_equal(mapped.batch.fields, want_fields, sizeof want_fields);
    field_mapped_close(&mapped);
    field_map_close(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_as_it_was_stays), cmocka_unit_test(all_that_is_lacking_is_named),
                                       cmocka_unit_test(crosses_of_numbers_settle), cmocka_unit_test(columns_find_their_places),
                                       cmocka_unit_test(lists_keep_their_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

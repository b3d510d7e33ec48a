/* Crosses by their definition, for rows of one shape and rows of any; what cannot be crossed; rows that would grow too large. */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "engine/data/format/crosses.h"
#include "lib/data_kit.h"
#include "lib/format_kit.h"
#include "lib/test.h"
#include "lib/threads.h"

static uint32_t key(const char *field, const char *value) { return (uint32_t)(hash64(value, strlen(value), hash64(field, strlen(field), 5)) >> 32); }

/* The definition of crosses.h. */
static uint32_t crossed(const char *name, const uint32_t *members, size_t count)
{
    return (uint32_t)(hash64(members, count * 4, hash64(name, strlen(name), 5)) >> 32);
}
static uint32_t pair(const char *name, uint32_t a, uint32_t b) { return crossed(name, (uint32_t[]){a, b}, 2); }

static struct format_kit opened(const char *format, const char *options, const char *crosses, const char *text)
{
    struct format_kit kit = {.format = format, .options = options, .context = {.hash_seed = 5, .crosses = crosses}};
    struct error err = {0};
    assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
    return kit;
}

static void rows_of_one_shape(void **state)
{
    (void)state;
    struct format_kit kit = opened("csv", NULL, "[[\"b\", \"a\"], [\"a\", \"b\", \"c\"]]", "label,a,b,c\n1,x,y,z\n0,,y,\n");
    const struct rows *rows = &kit.out.rows;
    assert_int_equal(rows->layout_size, 5);
    for (int f = 0; f < 5; f++) assert_int_equal(rows->layout[f], f);
    assert_int_equal(rows->features, 10);
    for (int r = 0; r < 2; r++) {
        const uint32_t *k = rows->keys + 5 * r;
        assert_int_equal(rows->ends[r], 5 * (r + 1));
        assert_int_equal(k[0], key("a", r ? "" : "x"));
        assert_int_equal(k[3], pair("b*a", k[1], k[0]));
        assert_int_equal(k[4], crossed("a*b*c", k, 3));
    }
    assert_string_equal(kit.kind->field_name(kit.state, 2), "c");
    assert_string_equal(kit.kind->field_name(kit.state, 3), "b*a");
    assert_string_equal(kit.kind->field_name(kit.state, 4), "a*b*c");
    assert_null(kit.kind->field_name(kit.state, 5));
    format_kit_close(&kit);
}

static void lists_give_every_combination(void **state)
{
    (void)state;
    struct format_kit kit = opened("csv", "{\"schema\": \"a:multi(|), b:multi(|) missing=skip, c:numeric\"}", "[[\"a\", \"b\"], [\"a\", \"c\"]]",
                                   "label,a,b,c\n1,x|y,p|q,2\n0,z,,-0.5\n");
    const struct rows *rows = &kit.out.rows;
    const uint32_t x = key("a", "x"), y = key("a", "y"), z = key("a", "z"), p = key("b", "p"), q = key("b", "q"), c = key("c", "#");
    const uint32_t keys[14] = {x,
                               y,
                               p,
                               q,
                               c,
                               pair("a*b", x, p),
                               pair("a*b", x, q),
                               pair("a*b", y, p),
                               pair("a*b", y, q),
                               pair("a*c", x, c),
                               pair("a*c", y, c),
                               z,
                               c,
                               pair("a*c", z, c)};
    const uint16_t fields[14] = {0, 0, 1, 1, 2, 3, 3, 3, 3, 4, 4, 0, 2, 4};
    const float values[14] = {1, 1, 1, 1, 2, 1, 1, 1, 1, 2, 2, 1, -0.5F, -0.5F};
    assert_int_equal(rows->count, 2);
    assert_int_equal(rows->features, 14);
    assert_int_equal(rows->ends[0], 11);
    assert_memory_equal(rows->keys, keys, sizeof keys);
    assert_memory_equal(rows->fields, fields, sizeof fields);
    assert_memory_equal(rows->values, values, sizeof values);
    format_kit_close(&kit);
}

static void products_stay_finite(void **state)
{
    (void)state;
    struct format_kit kit = opened("vw", NULL, "[[\"a\", \"b\"]]", "1 |a x:3e38 y:-3e38 |b z:3e38\n");
    assert_int_equal(kit.out.rows.features, 5);
    assert_true(kit.out.rows.values[3] > 3e38F && kit.out.rows.values[4] < -3e38F);
    assert_true(kit.out.rows.values[3] - kit.out.rows.values[3] == 0);
    format_kit_close(&kit);
}

static void fields_that_are_numbers(void **state)
{
    (void)state;
    struct format_kit kit = opened("libffm", NULL, "[[\"2\", \"7\"]]", "1 2:1:1 7:1:0.5 3:1:1\n0 2:1:1\n");
    const struct rows *rows = &kit.out.rows;
    assert_int_equal(rows->features, 5);
    assert_int_equal(rows->keys[3], pair("2*7", rows->keys[0], rows->keys[1]));
    assert_int_equal(rows->fields[3], FIELD_MAX);
    assert_close(rows->values[3], 0.5, 0, 0);
    assert_string_equal(kit.kind->field_name(kit.state, FIELD_MAX), "2*7");
    format_kit_close(&kit);
}

/* Of a data set they are the last fields, behind the highest of the text; of the text alone, and of more text, too. */
static void fields_that_are_numbers_settle(void **state)
{
    (void)state;
    static const char text[] = "1 2:1:1 7:1:0.5 3:1:1\n0 2:1:1\n1 9:1:1 7:2:1 2:2:1\n0 4:1:1\n";
    static const uint16_t want[] = {2, 7, 3, 11, 10, 2, 9, 7, 2, 11, 4};
    static const uint16_t more[] = {2, 9, 10, 11, 500, FIELD_MAX - CROSSES_MAX, FIELD_MAX - 1, FIELD_MAX, FIELD_UNKNOWN};
    static const uint16_t more_want[] = {2, 9, FIELD_UNKNOWN, FIELD_UNKNOWN, FIELD_UNKNOWN, FIELD_UNKNOWN, 10, 11, FIELD_UNKNOWN};
    char dir[PATH_SIZE], path[PATH_SIZE + 16];
    struct error err = {0};
    struct block block = {0};
    uint16_t got[9];
    char label[16];
    test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir);
    test_write_file(path, text, sizeof text - 1);
    struct kit kit = {.format = "libffm", .crosses = "[[\"2\", \"7\"], [\"7\", \"3\"]]", .path = path, .cache = dir};
    for (int cached = 0; cached < 2; cached++) {
        struct dataset *d = kit_open(&kit, &err);
        assert_non_null(d);
        assert_int_equal(dataset_info(d)->from_cache, cached);
        assert_int_equal(dataset_info(d)->fields, 12);
        assert_ok(dataset_read_block(d, 0, &block, &err), &err);
        if (block.batch.rows == 4) assert_memory_equal(block.batch.fields, want, sizeof want); /* else blocks are tiny */
        assert_int_equal(dataset_field_find(d, "9"), 9);
        assert_int_equal(dataset_field_find(d, "10"), -1);
        assert_int_equal(dataset_field_find(d, "2*7"), 11);
        assert_int_equal(dataset_field_find(d, "7*3"), 10);
        assert_int_equal(dataset_field_find(d, "7*"), -1);
        assert_string_equal(dataset_field_label(d, 11, label, sizeof label), "2*7");
        assert_string_equal(dataset_field_label(d, 10, label, sizeof label), "7*3");
        assert_string_equal(dataset_field_label(d, 10, label, 3), "7*");
        assert_string_equal(dataset_field_label(d, 9, label, sizeof label), "9");
        assert_int_equal(dataset_field_find(d, "3*7"), -1);
        dataset_free(d);
    }
    block_close(&block);
    crosses_settle(12, 2, more, 9, got);
    assert_memory_equal(got, more_want, sizeof got);
    const struct format *ffm = (const struct format *)kind_find((const struct kind *const *)formats, "libffm");
    assert_int_equal(crosses_numbered(ffm, kit.crosses), 2);
    assert_int_equal(crosses_numbered(ffm, ""), 0);
    assert_int_equal(crosses_numbered((const struct format *)kind_find((const struct kind *const *)formats, "csv"), kit.crosses), 0);
}

static void what_cannot_be_crossed(void **state)
{
    (void)state;
    static const struct {
        const char *format, *options, *crosses, *want, *group;
    } cases[] = {
        {"csv", NULL, "[[\"a\", \"b\"]]", "b is the group of a row (dataset.group), so it is no feature", "b"},
        {"csv", NULL, "[[\"a\", \"z\"]]", "no field \"z\"; the fields are a", "b"},
        {"csv", NULL, "[[\"a\", \"z\"]]", "no field \"z\"; the fields are a, b", NULL},
        {"csv", NULL, "[[\"a\", \"label\"]]", "no field \"label\"; the fields are a, b", NULL},
        {"csv", NULL, "[[\"a\", \"a\"]]", "a is crossed with itself", NULL},
        {"csv", NULL, "[[\"a\", \"b\"], [\"a\", \"b\"]]", "a*b stands twice in the list", NULL},
        {"csv", NULL, "[[\"a\"]]", "has two or three fields", NULL},
        {"csv", NULL, "[]", "must have 1 to 256 crosses", NULL},
        {"csv", "{\"schema\": \"a:quantile(4)\"}", "[[\"a\", \"b\"]]", "a is made of the training rows' statistics and cannot be crossed", NULL},
        {"libsvm", NULL, "[[\"1\", \"2\"]]", "format libsvm knows no fields that could be crossed", NULL},
        {"libffm", NULL, "[[\"1\", \"x\"]]", "x is no field; fields of this format are numbers", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct format_kit kit = {
            .format = cases[i].format, .options = cases[i].options, .context = {.crosses = cases[i].crosses, .group = cases[i].group}};
        struct error err = {0};
        assert_true(format_kit_open(&kit, "label,a,b\n1,2,3\n", 16, &err) < 0);
        assert_error(&err, ERROR_DATA, cases[i].want);
        assert_string_equal(err.field, "/features/crosses");
        format_kit_close(&kit);
    }
}

/* Rows with too many combinations are bad rows of their lines, among the format's own bad ones; whatever cuts the text. */
static void rows_that_would_be_too_large(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE + 16], cache[PATH_SIZE + 32];
    struct bytes text;
    bytes_init(&text, 1 << 20);
    assert_ok(bytes_add_text(&text, "label,a,b\n1,x,y\n", NULL), NULL);
    for (int r = 0; r < 3; r++) { /* lines 3 to 5: 64 * 64, 64 * 65, 65 * 64 combinations */
        assert_ok(bytes_add_text(&text, "0,", NULL), NULL);
        for (int i = 0; i < (r == 2 ? 65 : 64); i++) assert_ok(bytes_printf(&text, NULL, "%d|", i), NULL);
        assert_ok(bytes_add_text(&text, ",", NULL), NULL);
        for (int i = 0; i < (r == 1 ? 65 : 64); i++) assert_ok(bytes_printf(&text, NULL, "%d|", i), NULL);
        assert_ok(bytes_add_text(&text, "\n", NULL), NULL);
    }
    assert_ok(bytes_add_text(&text, "7,bad,bad\n1,p,q\n", NULL), NULL);
    test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir);
    test_write_file(path, bytes_text(&text), text.size);
    struct kit_rows first = {0};
    for (unsigned i = 0; i < 6; i++) {
        struct parallel parallel = threads_parallel(1 + i % 2);
        struct error err = {0};
        struct kit_rows rows;
        struct dataset_info info;
        snprintf(cache, sizeof cache, "%s/cache-%u", dir, i);
        struct kit kit = {.format = "csv",
                          .options = "{\"schema\": \"a:multi(|), b:multi(|)\"}",
                          .crosses = "[[\"a\", \"b\"]]",
                          .path = path,
                          .cache = cache,
                          .parallel = &parallel,
                          .chunk_bytes = (size_t[]){0, 400, 1}[i / 2],
                          .max_bad_rows = 3};
        assert_ok(kit_load(&kit, &rows, &info, &err), &err);
        assert_int_equal(info.rows, 3);
        assert_int_equal(info.bad_rows, 3);
        assert_int_equal(rows.features, 3 + 64 + 64 + 4096 + 3);
        assert_non_null(strstr(info.first_bad, "/f:4: cross a*b would make more than 4096 features of the row"));
        if (i == 0) first = rows;
        else {
            assert_true(kit_rows_equal(&rows, &first));
            kit_rows_close(&rows);
        }
    }
    kit_rows_close(&first);
    bytes_close(&text);
}

/* Other crosses are another entry of the cache, and the cache knows their fields by name. */
static void the_cache_knows_crosses(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE + 16];
    struct error err = {0};
    test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir);
    test_write_file(path, "label,a,b\n1,x,y\n", 16);
    static const char *const crosses[] = {NULL, "[[\"a\", \"b\"]]", "[[\"b\", \"a\"]]", "[[\"a\", \"b\"]]"};
    for (int i = 0; i < 4; i++) {
        struct kit kit = {.format = "csv", .crosses = crosses[i], .path = path, .cache = dir};
        struct dataset *d = kit_open(&kit, &err);
        assert_non_null(d);
        assert_true(dataset_info(d)->from_cache == (i == 3));
        assert_int_equal(dataset_field_find(d, "a*b"), i % 2 ? 2 : -1);
        dataset_free(d);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows_of_one_shape),
    cmocka_unit_test(lists_give_every_combination),
    cmocka_unit_test(products_stay_finite),
    cmocka_unit_test(fields_that_are_numbers),
    cmocka_unit_test(fields_that_are_numbers_settle),
    cmocka_unit_test(what_cannot_be_crossed),
    cmocka_unit_test(rows_that_would_be_too_large),
    cmocka_unit_test(the_cache_knows_crosses),
};
TEST_MAIN(tests)

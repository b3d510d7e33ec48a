/* What each type of column makes of a cell, by definition; what becomes of missing ones; lists; vocabularies. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/hash.h"
#include "engine/data/format/columns.h"
#include "lib/data_kit.h"
#include "lib/format_kit.h"
#include "lib/test.h"
#include "lib/world_sim.h"

static uint32_t key_of(const char *field, const char *value, size_t size)
{
    return (uint32_t)(hash64(value, size, hash64(field, strlen(field), 5)) >> 32);
}
static uint32_t key(const char *field, const char *value) { return key_of(field, value, strlen(value)); }

static struct format_kit opened(const char *options, const char *text)
{
    struct format_kit kit = {.format = "csv", .options = options, .context = {.hash_seed = 5}};
    struct error err = {0};
    assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
    if (kit.out.bad.count) fail_msg("%s", kit.out.bad.text);
    return kit;
}

/* Of the one column `a` of type `type`, the cell's key and value. */
static void check_cell(const char *type, const char *cell, const char *text, float value)
{
    char options[200], csv[200];
    snprintf(options, sizeof options, "{\"schema\": {\"a\": \"%s\"}}", type);
    snprintf(csv, sizeof csv, "label,a\n1,%s\n", cell);
    struct format_kit kit = opened(options, csv);
    const struct rows *rows = &kit.out.rows;
    assert_int_equal(rows->features, 1);
    if (rows->keys[0] != key("a", text)) fail_msg("%s of \"%s\" is not \"%s\"", type, cell, text);
    assert_close(rows->with & ROWS_VALUES ? rows->values[0] : 1, value, 0, 0);
    format_kit_close(&kit);
}

static void types_by_definition(void **state)
{
    (void)state;
    check_cell("categorical", "x y", "x y", 1);
    check_cell("categorical", "", "", 1);
    check_cell("numeric", " -2.5 ", "#", -2.5F);
    check_cell("numeric", "", "", 1);
    check_cell("quantile(4)", "7", "#", 7);
    check_cell("quantile(4)", " ", "", 1);
    check_cell("normalised", "1e3", "#", 1000);
    check_cell("log", "100", "21", 1);
    check_cell("log", "2.9", "SP2", 1);
    check_cell("log", "-64.5", "SP-65", 1);
    check_cell("log", "-63.5", "SP-64", 1);
    check_cell("log", "4294967296", "491", 1);
    check_cell("log", "1e30", "1906", 1);
    check_cell("log", "-1e30", "SP-9007199254740992", 1);
    static const char *const bins[][2] = {{"-1", "B0"}, {"0", "B1"}, {"9.99", "B1"}, {"10", "B2"}, {"99", "B2"}, {"100", "B3"}, {"1e300", "B3"}};
    for (size_t i = 0; i < sizeof bins / sizeof *bins; i++) check_cell("buckets(0; 10;100)", bins[i][0], bins[i][1], 1);
}

static void missing_cells(void **state)
{
    (void)state;
    static const char options[] =
        "{\"schema\": \"a:numeric missing=2.5, b:categorical missing='none', c:log missing=skip, d:buckets(1) missing=0, e:normalised\"}";
    struct format_kit kit = opened(options, "label,a,b,c,d,e\n1,,,,,\n0,1,x,3,4,5\n");
    const struct rows *rows = &kit.out.rows;
    assert_int_equal(rows->ends[0], 4);
    assert_int_equal(rows->ends[1], 9);
    const uint32_t keys[9] = {key("a", "#"), key("b", "none"), key("d", "B0"), key("e", ""), key("a", "#"),
                              key("b", "x"), key("c", "1"),    key("d", "B1"), key("e", "#")};
    const float values[9] = {2.5F, 1, 1, 1, 1, 1, 1, 1, 5};
    const uint16_t fields[9] = {0, 1, 3, 4, 0, 1, 2, 3, 4};
    assert_memory_equal(rows->keys, keys, sizeof keys);
    assert_memory_equal(rows->values, values, sizeof values);
    assert_memory_equal(rows->fields, fields, sizeof fields);
    assert_null(rows->layout);
    assert_string_equal(kit.kind->field_name(kit.state, 3), "d");
    format_kit_close(&kit);
}

static void a_constant_must_fit_its_type(void **state)
{
    (void)state;
    struct format_kit kit = {.format = "csv", .options = "{\"schema\": \"a:numeric missing=none\"}"};
    struct error err = {0};
    assert_true(format_kit_open(&kit, "label,a\n1,2\n", 12, &err) < 0);
    assert_error(&err, ERROR_DATA, "column a: missing=none is not a number, as type numeric wants");
    assert_string_equal(err.field, "/dataset/schema");
    format_kit_close(&kit);
}

static void lists(void **state)
{
    (void)state;
    struct format_kit kit = opened("{\"schema\": \"a:multi(|)\"}", "a,label,b\nx|y||x,1,q\n|,0,r\n,1,s\n\"p,q|z\",1,t\n");
    const struct rows *rows = &kit.out.rows;
    const uint32_t keys[11] = {key("a", "x"), key("a", "y"), key("a", "x"),   key("b", "q"), key("a", ""), key("b", "r"),
                               key("a", ""),  key("b", "s"), key("a", "p,q"), key("a", "z"), key("b", "t")};
    const uint16_t fields[11] = {0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1};
    assert_int_equal(rows->features, 11);
    assert_memory_equal(rows->keys, keys, sizeof keys);
    assert_memory_equal(rows->fields, fields, sizeof fields);
    assert_int_equal(rows->with & ROWS_VALUES, 0);
    format_kit_close(&kit);
}

/* A row of one very long list: room is made as it grows. */
static void a_long_list(void **state)
{
    (void)state;
    struct bytes text;
    bytes_init(&text, 1 << 20);
    assert_ok(bytes_add_text(&text, "label,a,b\n1,", NULL), NULL);
    for (int i = 0; i < 50000; i++) assert_ok(bytes_printf(&text, NULL, "%d|", i), NULL);
    assert_ok(bytes_add_text(&text, ",z\n", NULL), NULL);
    struct format_kit kit = opened("{\"schema\": \"a:multi(|)\"}", bytes_text(&text));
    assert_int_equal(kit.out.rows.features, 50001);
    assert_int_equal(kit.out.rows.keys[49999], key("a", "49999"));
    assert_int_equal(kit.out.rows.keys[50000], key("b", "z"));
    format_kit_close(&kit);
    bytes_close(&text);
}

static void fields_that_wait_for_statistics_are_marked(void **state)
{
    (void)state;
    struct format_kit kit = opened("{\"schema\": \"a:quantile(16), b:normalised\"}", "label,x,a,b\n1,q,2,3\n");
    struct field_kind a = kit.kind->field_kind(kit.state, 1), b = kit.kind->field_kind(kit.state, 2), x = kit.kind->field_kind(kit.state, 0);
    assert_true(x.fit == FIT_NONE && a.fit == FIT_QUANTILE && a.quantiles == 16 && b.fit == FIT_NORMALISED);
    assert_true(kit.kind->field_kind(kit.state, 3).fit == FIT_NONE);
    format_kit_close(&kit);
    /* ... and the cache keeps it. */
    char dir[PATH_SIZE], path[PATH_SIZE + 8];
    struct error err = {0};
    test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir);
    test_write_file(path, "label,x,a,b\n1,q,2,3\n", 20);
    struct kit data = {.format = "csv", .options = "{\"schema\": \"a:quantile(16), b:normalised\"}", .path = path, .cache = dir};
    for (int i = 0; i < 2; i++) { /* built, then found */
        struct dataset *d = kit_open(&data, &err);
        assert_non_null(d);
        assert_true(dataset_info(d)->from_cache == (i == 1));
        assert_true(dataset_field_kind(d, 0).fit == FIT_NONE && dataset_field_kind(d, 9).fit == FIT_NONE);
        assert_true(dataset_field_kind(d, 1).fit == FIT_QUANTILE && dataset_field_kind(d, 1).quantiles == 16);
        assert_true(dataset_field_kind(d, 2).fit == FIT_NORMALISED);
        dataset_free(d);
    }
}

/* A vocabulary's values are themselves, all others one; and another content of the file is another entry of the cache. */
static void vocabularies(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE + 8], words[PATH_SIZE + 8], options[PATH_SIZE + 80];
    struct error err = {0};
    struct kit_rows rows;
    struct dataset_info info;
    test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir), snprintf(words, sizeof words, "%s/words", dir);
    snprintf(options, sizeof options, "{\"schema\": {\"a\": \"vocab(%s)\"}}", words);
    test_write_file(path, "label,a\n1,x\n0,y\n1,z\n0,\n", 23);
    test_write_file(words, "x\r\n\nz\nx", 7);
    struct kit kit = {.format = "csv", .options = options, .path = path, .cache = dir, .hash_seed = 5};
    assert_ok(kit_load(&kit, &rows, &info, &err), &err);
    const uint32_t want[4] = {key("a", "x"), key_of("a", "\0other", 6), key("a", "z"), key("a", "")};
    assert_memory_equal(rows.keys, want, sizeof want);
    kit_rows_close(&rows);
    assert_ok(kit_load(&kit, &rows, &info, &err), &err);
    assert_true(info.from_cache);
    kit_rows_close(&rows);
    test_write_file(words, "y\n", 2);
    assert_ok(kit_load(&kit, &rows, &info, &err), &err);
    assert_false(info.from_cache);
    assert_int_equal(rows.keys[1], key("a", "y"));
    assert_int_equal(rows.keys[0], key_of("a", "\0other", 6));
    kit_rows_close(&rows);
    test_write_file(words, "\n\n", 2);
    assert_true(kit_load(&kit, &rows, &info, &err) < 0);
    assert_error(&err, ERROR_DATA, "words holds no value");
    assert_string_equal(err.field, "/dataset/schema/a");
    remove(words);
    assert_int_equal(mkfifo(words, 0600), 0); /* that nobody writes to: it must not be waited for */
    err = (struct error){0};
    assert_true(kit_load(&kit, &rows, &info, &err) < 0);
    assert_error(&err, ERROR_DATA, "no regular file");
    remove(words);
    err = (struct error){0};
    assert_true(kit_load(&kit, &rows, &info, &err) < 0);
    assert_error(&err, ERROR_DATA, "words");
}

/* As data files, vocabularies may be packed and begin with a byte order mark; what packs one makes no other entry of the cache. */
static void vocabularies_are_read_as_data_is(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        void (*pack)(struct bytes *out, const void *text, size_t size);
        bool known;
    } files[] = {{"\xEF\xBB\xBFx\nz\n", NULL, false},
                 {"x\nz\n", NULL, true},
                 {"\xEF\xBB\xBFx\nz\n", kit_gzip, true},
                 {"x\nz\nq\n", kit_gzip, false},
                 {"\xEF\xBB\xBFx\nz\np\n", kit_zstd, false}};
    char dir[PATH_SIZE], path[PATH_SIZE + 8], words[PATH_SIZE + 16], options[PATH_SIZE + 80];
    struct error err = {0};
    test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir), snprintf(words, sizeof words, "%s/words.gz", dir);
    snprintf(options, sizeof options, "{\"schema\": {\"a\": \"vocab(%s)\"}}", words);
    test_write_file(path, "label,a\n1,x\n0,y\n1,z\n", 20);
    struct kit kit = {.format = "csv", .options = options, .path = path, .cache = dir, .hash_seed = 5};
    const uint32_t want[3] = {key("a", "x"), key_of("a", "\0other", 6), key("a", "z")};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct kit_rows rows;
        struct dataset_info info;
        struct bytes packed;
        bytes_init(&packed, 1 << 16);
        if (files[i].pack) files[i].pack(&packed, files[i].text, strlen(files[i].text));
        else assert_ok(bytes_add_text(&packed, files[i].text, &err), &err);
        test_write_file(words, bytes_text(&packed), packed.size);
        assert_ok(kit_load(&kit, &rows, &info, &err), &err);
        assert_memory_equal(rows.keys, want, sizeof want);
        assert_int_equal(info.from_cache, files[i].known);
        kit_rows_close(&rows);
        bytes_close(&packed);
    }
    test_write_file(words, "PK\x03\x04 words", 10);
    struct kit_rows rows;
    assert_true(kit_load(&kit, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "words.gz is a zip archive, not text; give it as plain text, gzip or zstd");
    assert_string_equal(err.field, "/dataset/schema");
}

/* What only the columns can tell of a schema: told where a model is trained, and no hindrance to those that were. */
static void a_schema_meets_its_columns(void **state)
{
    (void)state;
    static const char text[] = "x,label,u,a\n1,1,2,3\n";
    static const struct {
        const char *options, *pointer, *says;
    } cases[] = {
        {"{\"schema\": \"1-9:numeric\"}", "/dataset/schema", "columns 1-9: the last one is number 3, counted from 0; end the range there"},
        {"{\"schema\": {\"1-9\": \"numeric\"}}", "/dataset/schema/1-9", "columns 1-9: the last one"},
        {"{\"schema\": \"1:numeric\"}", "/dataset/schema", "column label is the label, so it is no feature"},
        {"{\"label\": \"1\", \"schema\": \"label:numeric\"}", "/dataset/schema", "column label is the label"},
        {"{\"schema\": {\"2\": \"log\"}}", "/dataset/schema/2", "column u is the weight of a row (dataset.weight), so it is no feature"},
    };
    static const char *const good[] = {"{\"schema\": \"0-3:numeric, label:ignore, u:ignore\"}", "{\"schema\": \"*:numeric\"}"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int scoring = 0; scoring < 2; scoring++) {
            struct format_kit kit = {.format = "csv", .options = cases[i].options, .context = {.weight = "u", .scoring = scoring}};
            struct error err = {0};
            int rc = format_kit_open(&kit, text, sizeof text - 1, &err);
            format_kit_close(&kit);
            if (scoring) assert_ok(rc, &err);
            else assert_error(&err, ERROR_DATA, cases[i].says);
            if (!scoring) assert_string_equal(err.field, cases[i].pointer);
        }
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct format_kit kit = {.format = "csv", .options = good[i], .context = {.weight = "u"}};
        struct error err = {0};
        assert_ok(format_kit_open(&kit, text, sizeof text - 1, &err), &err);
        format_kit_close(&kit);
    }
}

static void rows_to_be_scored_need_no_label(void **state)
{
    (void)state;
    static const struct {
        const char *options, *with, *without;
    } cases[] = {
        {NULL, "label,a,b\n1,x,y\n0,z,\n", "a,b\nx,y\nz,\n"},
        {NULL, "label,a,b\n1,x,y\n0,z,\n", "label,a,b\n7,x,y\n,z,\n"}, /* there all the same, and not looked at */
        {"{\"label\": \"c\"}", "a,c,b\nx,1,y\nz,0,\n", "b,a\ny,x\n,z\n"},
        {"{\"header\": false}", "1,x,y\n0,z,\n", "x,y\nz,\n"},
        {"{\"header\": false, \"label\": \"1\", \"schema\": \"2:multi(|)\"}", "x,1,y\nz,0,\n", "x,y\nz,\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct format_kit with = opened(cases[i].options, cases[i].with);
        struct format_kit without = {.format = "csv", .options = cases[i].options, .context = {.hash_seed = 5, .no_labels = true}};
        struct error err = {0};
        assert_ok(format_kit_open(&without, cases[i].without, strlen(cases[i].without), &err), &err);
        assert_int_equal(without.out.rows.count, 2);
        assert_int_equal(without.out.rows.features, 4);
        for (int f = 0; f < 4; f++) /* the same keys, in whatever order the columns stand */
            assert_true(without.out.rows.keys[f] == with.out.rows.keys[f] || without.out.rows.keys[f] == with.out.rows.keys[f ^ 1]);
        format_kit_close(&with), format_kit_close(&without);
    }
}

/* The help of option `schema` names every type, and so does the message for one that is not there. */
static void the_help_names_every_type(void **state)
{
    (void)state;
    const struct format *csv = (const struct format *)kind_find((const struct kind *const *)formats, "csv");
    const struct option *o = csv->kind.options;
    while (strcmp(o->name, "schema") != 0) o++;
    for (const struct column_type *t = column_types; t->name; t++)
        if (!strstr(o->help, t->name)) fail_msg("%s", t->name);
    for (size_t i = 0; columns_types[i]; i++) assert_null(column_type_find(columns_types[i])->argument);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(types_by_definition),
    cmocka_unit_test(missing_cells),
    cmocka_unit_test(a_constant_must_fit_its_type),
    cmocka_unit_test(lists),
    cmocka_unit_test(a_long_list),
    cmocka_unit_test(fields_that_wait_for_statistics_are_marked),
    cmocka_unit_test(vocabularies),
    cmocka_unit_test(vocabularies_are_read_as_data_is),
    cmocka_unit_test(a_schema_meets_its_columns),
    cmocka_unit_test(rows_to_be_scored_need_no_label),
    cmocka_unit_test(the_help_names_every_type),
};
TEST_MAIN(tests)

/* csv, tsv and JSON lines: columns, their keys reckoned here from the definition, and what is told where they do not fit. */
#include <stdio.h>
#include <string.h>

#include "lib/data_kit.h"
#include "lib/format_kit.h"
#include "lib/test.h"

static void jsonl_by_definition(void **state)
{
    (void)state;
    static const char text[] = "{\"label\": true, \"user\": \"u\\u00e91\\ud83d\\ude00\\n\", \"age\": 31, \"on\": true, \"tags\": [\"a\", \"b\", 7]}\n"
                               "{\"tags\": [], \"age\": null, \"label\": 0, \"price\": 1.50}\n";
    struct format_kit kit = {
        .format = "jsonl", .options = "{\"schema\": {\"tags\": \"multi(,)\", \"price\": \"numeric\"}}", .context = {.hash_seed = 5}};
    struct error err = {0};
    assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
    const struct rows *rows = &kit.out.rows;
    if (kit.out.bad.count) fail_msg("%s", kit.out.bad.text);
    const uint32_t keys[12] = {kit_key("user", "u\xC3\xA9"
                                               "1\xF0\x9F\x98\x80\n"),
                               kit_key("age", "31"),
                               kit_key("on", "true"),
                               kit_key("tags", "a"),
                               kit_key("tags", "b"),
                               kit_key("tags", "7"),
                               kit_key("price", ""),
                               kit_key("user", ""),
                               kit_key("age", ""),
                               kit_key("on", ""),
                               kit_key("tags", ""),
                               kit_key("price", "#")};
    assert_int_equal(rows->features, 12);
    assert_int_equal(rows->ends[0], 7);
    assert_memory_equal(rows->keys, keys, sizeof keys);
    assert_close(rows->values[11], 1.5, 0, 0);
    assert_true(rows->labels[0] == 1 && rows->labels[1] == 0);
    assert_string_equal(kit.kind->field_name(kit.state, 4), "price");
    assert_null(kit.kind->field_name(kit.state, 5));
    format_kit_close(&kit);
}

/* The same cells as csv, tsv and jsonl give the same features. */
static void tables_agree(void **state)
{
    (void)state;
    static const char *const texts[][2] = {
        {"csv", "label,a,b,c\n1,x,3.5,\n0,\"y,z\",,7\n"},
        {"tsv", "label\ta\tb\tc\n1\tx\t3.5\t\n0\ty,z\t\t7\n"},
        {"jsonl", "{\"label\": 1, \"a\": \"x\", \"b\": 3.5, \"c\": \"\"}\n{\"c\": \"7\", \"a\": \"y,z\", \"label\": 0}\n"}};
    struct format_kit kits[3] = {0};
    for (int i = 0; i < 3; i++) {
        struct error err = {0};
        kits[i] = (struct format_kit){.format = texts[i][0], .options = "{\"schema\": \"b:numeric missing=0, c:log, a:multi(;)\"}"};
        assert_ok(format_kit_open(&kits[i], texts[i][1], strlen(texts[i][1]), &err), &err);
        assert_int_equal(kits[i].out.rows.count, 2);
        assert_memory_equal(kits[i].out.rows.keys, kits[0].out.rows.keys, 6 * sizeof(uint32_t));
        assert_memory_equal(kits[i].out.rows.values, kits[0].out.rows.values, 6 * sizeof(float));
    }
    for (int i = 0; i < 3; i++) format_kit_close(&kits[i]);
}

static void csv_columns_of_every_type(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBFuser;\"the \"\"label\"\"\";age;price;junk\nu1; 1 ;100;0.5;z\n\"a;b\";0;;;\r\nu3;-1; -5.5;-2;\"x\ny\"\n";
    static const char options[] = "{\"label\": \"the \\\"label\\\"\", \"delimiter\": \";\", \"schema\": \"age:log, price : numeric,junk:ignore\"}";
    struct error err = {0};
    struct kit_rows rows;
    assert_ok(kit_text("csv", options, text, strlen(text), 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, 3);
    assert_int_equal(rows.features, 9);
    const uint32_t want[9] = {kit_key("user", "u1"), kit_key("age", "21"),  kit_key("price", "#"),  kit_key("user", "a;b"), kit_key("age", ""),
                              kit_key("price", ""),  kit_key("user", "u3"), kit_key("age", "SP-6"), kit_key("price", "#")};
    for (int i = 0; i < 9; i++) assert_int_equal(rows.keys[i], want[i]);
    assert_close(rows.values[2], 0.5, 0, 0);
    assert_close(rows.values[5], 1, 0, 0);
    assert_close(rows.values[8], -2, 0, 0);
    assert_close(rows.labels[0] * 100 + rows.labels[1] * 10 + rows.labels[2], 100, 0, 0);
    kit_rows_close(&rows);
}

static void csv_columns_by_number(void **state)
{
    (void)state;
    static const char text[] = "a\tb\tc\tyes\nd\te\tf\tno\n";
    struct error err = {0};
    struct kit_rows rows;
    assert_ok(kit_text("csv", "{\"header\": false, \"delimiter\": \"tab\", \"label\": \"3\", \"positive\": \"yes\", \"schema\": \"0-1:ignore\"}",
                       text, strlen(text), 0, &rows, NULL, &err),
              &err);
    assert_int_equal(rows.features, 2);
    assert_int_equal(rows.keys[0], kit_key("2", "c"));
    assert_int_equal(rows.keys[1], kit_key("2", "f"));
    assert_close(rows.labels[0] * 10 + rows.labels[1], 10, 0, 0);
    kit_rows_close(&rows);
}

static void csv_options_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const cases[][3] = {
        {"{\"label\": \"click\"}", "/dataset/label", "no column \"click\"; the columns are y, a, b; name the label's in dataset.label"},
        {"{\"label\": \"3\"}", "/dataset/label", "no column \"3\""},
        {"{\"schema\": \"z:numeric\"}", "/dataset/schema", "no column \"z\"; the columns are y, a, b"},
        {"{\"schema\": \"a:numerik\"}", "/dataset/schema", "did you mean \"numeric\"?"},
        {"{\"schema\": \"a\"}", "/dataset/schema", "has no type; write it as COLUMN:TYPE"},
        {"{\"schema\": \"a:ignore, b:ignore\"}", "/dataset/schema", "no column is left to learn from"},
        {"{\"delimiter\": \"\"}", "/dataset/delimiter", "must be one byte"},
        {"{\"delimiter\": \"::\"}", "/dataset/delimiter", "must be one byte"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        struct kit_rows rows;
        assert_true(kit_text("csv", cases[i][0], "y,a,b\n1,2,3\n", 12, 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, cases[i][2]);
        assert_string_equal(err.field, cases[i][1]);
    }
    struct error err = {0};
    struct kit_rows rows;
    assert_true(kit_text("csv", NULL, "y,a,a\n1,2,3\n", 12, 0, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "f:1: two columns are called \"a\"");
    static const char *const blank[] = {"\ny,a,b\n1,2,3\n", "\r\ny,a,b\n1,2,3\n", " \t\ny,a,b\n1,2,3\n", ",,\n1,2,3\n"};
    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++) {
        err = (struct error){0};
        assert_true(kit_text("csv", "{\"label\": \"click\"}", blank[i], strlen(blank[i]), 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "f:1: the header is blank and names no column");
    }
}

/* Nobody said which column is the label, and the first one is none: the message tells what was looked for, what there is, and what to do. */
static void no_label_is_told_as_such(void **state)
{
    (void)state;
    static const struct {
        const char *format, *options, *text, *why;
    } cases[] = {
        {"csv", NULL, "user,item\nu7,3\n",
         "f:2: column 1 (user): \"u7\" is not a label; no column is called \"label\", so the first is taken; the columns are user, item; "},
        {"csv", "{\"header\": false}", "u7,3\n", "no column is called \"label\", so the first is taken; the columns are 0, 1; "},
        {"jsonl", NULL, "{\"user\": \"u7\"}\n", "f:1: no column \"label\"; the columns are user; "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct error err = {0};
        struct kit_rows rows;
        assert_true(kit_text(cases[i].format, cases[i].options, cases[i].text, strlen(cases[i].text), 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, cases[i].why);
        assert_error(&err, ERROR_DATA, "name the label's in dataset.label (\"label\" in --format); predict --no-labels needs none");
    }
    struct error err = {0};
    struct kit_rows rows; /* the label itself, where rows to be scored have none, and one column */
    assert_true(kit_text("csv", NULL, "user\nu7\n", 8, 0, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "no column is left to learn from (1 with the label); name the label's");
    error_clear(&err); /* a bad row is a bad row where the column was named */
    assert_true(kit_text("csv", "{\"label\": \"user\"}", "user,item\nu7,3\n", 15, 0, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "\"u7\" is not a label; it must be 0 or 1");
    assert_null(strstr(err.msg, "--no-labels"));
    char wide[8192] = "", *at = wide; /* many columns with long names: the advice is not cut off */
    for (int i = 0; i < 60; i++) at += sprintf(at, "%sa_column_with_a_rather_long_name_%d", i ? "," : "", i);
    at += sprintf(at, "\n");
    for (int i = 0; i < 60; i++) at += sprintf(at, "%sa cell whose text is long enough to be cut somewhere", i ? "," : "");
    at += sprintf(at, "\n");
    err = (struct error){0};
    assert_true(kit_text("csv", NULL, wide, strlen(wide), 0, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "needs none");
}

static void csv_files_share_their_header(void **state)
{
    (void)state;
    char dir[PATH_SIZE], a[PATH_SIZE + 16], b[PATH_SIZE + 16];
    struct error err = {0};
    struct kit_rows rows;
    test_dir(dir);
    snprintf(a, sizeof a, "%s/a", dir);
    snprintf(b, sizeof b, "%s/b", dir);
    test_write_file(a, "y,p\n1,x\n0,z", 11);
    test_write_file(b, "y,q\n1,x\n", 8);
    char *uris[] = {a, b};
    struct kit kit = {.format = "csv", .uris = uris, .uri_count = 2, .cache = dir};
    assert_true(kit_load(&kit, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "/b:1: column 2 is called \"q\", in the first file \"p\"");
    test_write_file(b, "y,p\n1,x\n7,7\n", 12);
    err = (struct error){0};
    assert_true(kit_load(&kit, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "/b:3: column 1 (y): \"7\" is not a label"); /* lines are counted in each file */
    kit.max_bad_rows = 1;
    err = (struct error){0};
    assert_ok(kit_load(&kit, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, 3);
    kit_rows_close(&rows);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(jsonl_by_definition),         cmocka_unit_test(tables_agree),
                                          cmocka_unit_test(csv_columns_of_every_type),   cmocka_unit_test(csv_columns_by_number),
                                          cmocka_unit_test(csv_options_that_do_not_fit), cmocka_unit_test(no_label_is_told_as_such),
                                          cmocka_unit_test(csv_files_share_their_header)};
TEST_MAIN(tests)

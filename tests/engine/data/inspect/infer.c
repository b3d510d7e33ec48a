/* The guess at format and schema: one log a case, and what must be said of it. */
#include "engine/data/inspect/infer.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "lib/data_kit.h"
#include "lib/test.h"

static char root[PATH_SIZE];
static struct label_rule labels; /* of the logs to come */

static int infer(const char *text, size_t size, const char *format, struct inferred *out, struct error *err)
{
    char path[PATH_SIZE], *uris[] = {path};
    struct source_list files;
    snprintf(path, sizeof path, "%.*s/log", 3000, root);
    test_write_file(path, text, size);
    *err = (struct error){0};
    assert_ok(source_list_open(&files, &world_real, uris, 1, err), err);
    int rc = infer_format(&files, (const struct format *)(format ? kind_find((const struct kind *const *)formats, format) : NULL), &labels, out, err);
    source_list_close(&files);
    return rc;
}

static bool has_format(const char *name) { return kind_find((const struct kind *const *)formats, name); }

static void formats_are_told_by_their_rows(void **state)
{
    static const struct {
        const char *text, *format;
    } cases[] = {
        {"1 3:0.5 7:1\n-1 2:1\n", "libsvm"},
        {"1 0:3:1 1:7:0.5\n0 0:1:1\n", "libffm"},
        {"label,a\n1,x\n0,y\n", "csv"},
        {"1;2;3\n0;4;5\n", "csv"},
        {"click\tuser\n1\tu7\n0\tu8\n", "tsv"},
        {"{\"label\": 1, \"a\": \"x\"}\n{\"label\": 0}\n", "jsonl"},
        {"1 |user u7 |item 5\n-1 |user u8\n", "vw"},
        {"1 2 'tag|f a:0.5 b\n", "vw"},
        {"1 0.5 u34|user u7\n-1 2 u35|user u8\n", "vw"}, /* a tag needs no quote if it touches the bar */
        {"1 |a b\n", "vw"},
        {"1|2|3\n0|4|5\n", "csv"}, /* delimiters: no blank behind the label */
        {"\xef\xbb\xbf"
         "1 3:0.5 7:1\n-1 2:1\n",
         "libsvm"},
    };
    struct inferred guess;
    struct error err;
    struct bytes text;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (!has_format(cases[i].format)) continue; /* not in this build */
        int rc = infer(cases[i].text, strlen(cases[i].text), NULL, &guess, &err);
        if (rc < 0 || strcmp(guess.format->kind.name, cases[i].format) != 0)
            fail_msg("%s: guessed %s; %s", cases[i].format, guess.format ? guess.format->kind.name : "nothing", err.msg);
        inferred_close(&guess);
    }
    bytes_init(&text, 1 << 20);
    kit_criteo(&text, 100, 1);
    assert_ok(infer((const char *)text.data, text.size, NULL, &guess, &err), &err);
    assert_string_equal(guess.format->kind.name, "criteo");
    inferred_close(&guess);
    bytes_close(&text);
}

/* Spark packs shards that got no row, too: the guess is from the first one with text. */
static void shards_without_text_say_nothing(void **state)
{
    char folder[PATH_SIZE], path[PATH_SIZE], *uris[] = {folder};
    struct source_list files;
    struct inferred guess;
    struct bytes packed;
    struct error err = {0};
    (void)state;
    snprintf(folder, sizeof folder, "%.*s/shards", 3000, root);
    assert_ok(path_mkdirs(&world_real, folder, &err), &err);
    bytes_init(&packed, 1 << 10);
    kit_gzip(&packed, "", 0);
    assert_ok(path_join(path, folder, "part-0.gz", &err), &err);
    test_write_file(path, packed.data, packed.size);
    assert_ok(path_join(path, folder, "part-1", &err), &err);
    test_write_file(path, "label,a\n1,x\n0,y\n", 16);
    assert_ok(source_list_open(&files, &world_real, uris, 1, &err), &err);
    assert_ok(infer_format(&files, NULL, &labels, &guess, &err), &err);
    assert_string_equal(guess.format->kind.name, "csv");
    inferred_close(&guess);
    source_list_close(&files);
    bytes_close(&packed);
}

/* A spreadsheet's export: the mark before the first name is no part of it. */
static void a_byte_order_mark_is_no_part_of_a_name(void **state)
{
    static const char text[] = "\xef\xbb\xbf"
                               "click,user\n1,a\n0,b\n1,b\n";
    struct inferred guess;
    struct error err;
    (void)state;
    assert_ok(infer(text, sizeof text - 1, NULL, &guess, &err), &err);
    assert_string_equal(json_string_value(json_object_get(guess.options, "label")), "click");
    inferred_close(&guess);
}

static const char *schema_of(const struct inferred *guess, const char *column)
{
    const char *type = json_string_value(json_object_get(json_object_get(guess->options, "schema"), column));
    return type ? type : "";
}

static bool listed(const struct inferred *guess, const char *part, const char *column)
{
    size_t i;
    json_t *name;
    json_array_foreach (json_object_get(guess->candidates, part), i, name)
        if (strcmp(json_string_value(name), column) == 0) return true;
    return false;
}

static void columns_of_a_table(void **state)
{
    struct inferred guess;
    struct error err;
    struct bytes text;
    (void)state;
    bytes_init(&text, 4 << 20);
    assert_ok(bytes_add_text(&text, "row_id,when,user_id,price,views,ad_code,tags,constant,clicked\n", &err), &err);
    for (uint64_t i = 0; i < 3000; i++) {
        struct rng rng = rng_at(1, RNG_TEST, 0, i);
        assert_ok(bytes_printf(&text, &err, "%u,2026-11-%02u 10:00:00,u%u,%.2f,%u,%u,t%u|t%u|t%u,same,%s\n", (unsigned)i, 1 + (unsigned)(i / 200),
                               (unsigned)rng_below(&rng, 300), 10 * rng_unit(&rng), (unsigned)rng_below(&rng, 1 + rng_below(&rng, 5000)),
                               (unsigned)rng_below(&rng, 900), (unsigned)rng_below(&rng, 12), (unsigned)rng_below(&rng, 12),
                               (unsigned)rng_below(&rng, 12), rng_unit(&rng) < 0.3 ? "yes" : "no"),
                  &err);
    }
    assert_ok(infer((const char *)text.data, text.size, NULL, &guess, &err), &err);
    assert_string_equal(guess.format->kind.name, "csv");
    assert_null(json_object_get(guess.options, "header")); /* as by default */
    assert_null(json_object_get(guess.options, "delimiter"));
    assert_string_equal(json_string_value(json_object_get(guess.options, "label")), "clicked");
    assert_string_equal(json_string_value(json_object_get(guess.options, "positive")), "yes");
    assert_string_equal(schema_of(&guess, "row_id"), "ignore");
    assert_string_equal(schema_of(&guess, "when"), "ignore");
    assert_string_equal(schema_of(&guess, "user_id"), "");
    assert_string_equal(schema_of(&guess, "price"), "quantile(32)");
    assert_string_equal(schema_of(&guess, "views"), "log");
    assert_string_equal(schema_of(&guess, "ad_code"), "");
    assert_string_equal(schema_of(&guess, "tags"), "multi(|)");
    assert_string_equal(schema_of(&guess, "constant"), "ignore");
    assert_string_equal(schema_of(&guess, "clicked"), "");
    assert_true(listed(&guess, "group", "user_id"));
    assert_true(listed(&guess, "time", "when"));
    assert_false(listed(&guess, "group", "ad_code"));
    inferred_close(&guess);
    bytes_close(&text);
}

/* Columns like Avazu's, of few rows and of many: numbers of ads and sizes are names, also where there are nearly as many as rows; what is counted
 * and what is paid is none, though it is as large. */
static void numbers_that_are_names(void **state)
{
    static const int sizes[] = {60, 300, 3000};
    static const char *const names[] = {"C1", "banner_pos", "C14", "C16", "C20"};
    (void)state;
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        struct inferred guess;
        struct error err;
        struct bytes text;
        bytes_init(&text, 4 << 20);
        assert_ok(bytes_add_text(&text, "click,C1,banner_pos,C14,C16,C20,paid,seen\n", &err), &err);
        for (int i = 0; i < sizes[s]; i++) {
            struct rng rng = rng_at(2, RNG_TEST, 0, (uint64_t)i);
            double u = rng_unit(&rng);
            bool rare = rng_unit(&rng) < 0.6;
            assert_ok(bytes_printf(&text, &err, "%d,%d,%d,%d,%d,%d,%d,%d\n", i % 5 == 0, 1000 + (int)(12 * u * u * u), (int)(8 * u * u * u),
                                   15000 + (int)(8000 * u * u * u * u), rng_unit(&rng) < 0.9 ? 50 : 250,
                                   rare ? -1 : 100000 + (int)(40 * u * u * u * u), 100 + (int)rng_below(&rng, 1000000),
                                   (int)(5000 * u * u * u * u * u * u * u * u)),
                      &err);
        }
        assert_ok(infer((const char *)text.data, text.size, NULL, &guess, &err), &err);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (*schema_of(&guess, names[i])) fail_msg("%d rows: %s is %s", sizes[s], names[i], schema_of(&guess, names[i]));
        assert_string_equal(schema_of(&guess, "paid"), "log");
        if (sizes[s] > 60) assert_string_equal(schema_of(&guess, "seen"), "log"); /* else there are few numbers yet */
        inferred_close(&guess);
        bytes_close(&text);
    }
}

static void headers_and_labels(void **state)
{
    static const struct {
        const char *text, *label, *delimiter;
        bool header;
    } cases[] = {
        {"label,a\n1,x\n0,y\n", "label", NULL, true},
        {"a,b\n1,x\n0,x\n", "a", NULL, true}, /* a column of numbers under a word */
        {"1,x\n0,x\n1,y\n", "0", NULL, false},
        {"x,1\ny,0\nx,1\n", "1", NULL, false},         /* the first row has a number */
        {"p,q\nx,no\ny,yes\nx,no\n", "q", NULL, true}, /* no cell of the first row comes again */
        {"x,no\ny,yes\nx,no\ny,yes\n", "1", NULL, false},
        {"f;Click\n5;1\n7;0\n", "Click", ";", true},
        {"f,g,y\n1,1,0\n0,1,1\n1,0,1\n", "y", NULL, true}, /* a known name before the first column of 0 and 1 */
        {"f,g\n5,7\n8,9\n", NULL, NULL, true},
    };
    struct inferred guess;
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(infer(cases[i].text, strlen(cases[i].text), NULL, &guess, &err), &err);
        const char *label = json_string_value(json_object_get(guess.options, "label")),
                   *d = json_string_value(json_object_get(guess.options, "delimiter"));
        if (json_is_false(json_object_get(guess.options, "header")) == cases[i].header) fail_msg("case %zu: the header", i);
        if (!label != !cases[i].label || (label && strcmp(label, cases[i].label) != 0)) fail_msg("case %zu: label %s", i, label ? label : "none");
        if (!d != !cases[i].delimiter || (d && strcmp(d, cases[i].delimiter) != 0)) fail_msg("case %zu: delimiter %s", i, d ? d : "none");
        inferred_close(&guess);
    }
}

static void what_is_no_log_is_told(void **state)
{
    struct inferred guess;
    struct error err;
    (void)state;
    assert_int_equal(infer("\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0", 20, NULL, &guess, &err), -ERROR_DATA); /* gzip of nothing */
    assert_error(&err, ERROR_DATA, "is empty");
    inferred_close(&guess);
    assert_int_equal(infer("just words\nin lines\n", 20, NULL, &guess, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "of no known format");
    inferred_close(&guess);
    assert_int_equal(infer("click,price,user\n", 17, NULL, &guess, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "a header alone");
    inferred_close(&guess);
    assert_int_equal(infer("label,a\r1,x\r0,y\r", 16, NULL, &guess, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "log: its lines end in CR alone");
    inferred_close(&guess);
    static const char zeros[64];
    assert_int_equal(infer(zeros, sizeof zeros, NULL, &guess, &err), -ERROR_DATA);
    inferred_close(&guess);
    assert_int_equal(infer("a\0b,c\n1,2\n", 10, "csv", &guess, &err), -ERROR_DATA);
    inferred_close(&guess);
}

/* Any bytes: a guess or an error, never more. */
static void noise_is_survived(void **state)
{
    static const char alphabet[] = "01,\t;|\"\n\r :-.eaN{}'\\\0\xff";
    char text[400];
    struct inferred guess;
    struct error err;
    (void)state;
    for (uint64_t seed = 0; seed < 1500; seed++) {
        struct rng rng = rng_at(6, RNG_TEST, 0, seed);
        size_t size = 1 + rng_below(&rng, sizeof text - 1);
        for (size_t i = 0; i < size; i++) text[i] = alphabet[rng_below(&rng, 1 + rng_below(&rng, sizeof alphabet - 1))];
        int rc = infer(text, size, seed % 3 ? NULL : "csv", &guess, &err);
        if (rc < 0 && err.code != ERROR_DATA) fail_msg("seed %u: code %d, %s", (unsigned)seed, err.code, err.msg);
        inferred_close(&guess);
    }
}

/* Told that labels are numbers, the guess looks for a column of numbers, and strict formats may have any. */
static void labels_of_numbers(void **state)
{
    static const struct {
        struct label_rule rule;
        const char *text, *format, *label;
    } cases[] = {{{LABELS_REAL, 0}, "a,label,c\nx,1.5,7\ny,-2,8\nz,0.25,9\n", "csv", "label"},
                 {{LABELS_COUNT, 0}, "clicks,user\n3,x\n0,y\n7,z\n", "csv", "clicks"},
                 {{LABELS_REAL, 0}, "2.5 1:1\n-7 2:1 3:0.5\n", "libsvm", NULL},
                 {{LABELS_CLASS, 3}, "2 0:1:1\n0 1:2:1\n", "libffm", NULL},
                 {{LABELS_REAL, 0}, "2.5 |a b\n-7 |a c\n", "vw", NULL}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct inferred got;
        struct error err;
        labels = cases[i].rule;
        assert_ok(infer(cases[i].text, strlen(cases[i].text), NULL, &got, &err), &err);
        assert_string_equal(got.format->kind.name, cases[i].format);
        const char *label = json_string_value(json_object_get(got.options, "label"));
        if (cases[i].label) assert_string_equal(label ? label : "", cases[i].label);
        inferred_close(&got);
    }
    labels = (struct label_rule){0};
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(shards_without_text_say_nothing), cmocka_unit_test(labels_of_numbers),  cmocka_unit_test(formats_are_told_by_their_rows),
    cmocka_unit_test(numbers_that_are_names),          cmocka_unit_test(columns_of_a_table), cmocka_unit_test(headers_and_labels),
    cmocka_unit_test(what_is_no_log_is_told),          cmocka_unit_test(noise_is_survived),  cmocka_unit_test(a_byte_order_mark_is_no_part_of_a_name),
};
int main(int argc, char **argv)
{
    test_dir(root);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

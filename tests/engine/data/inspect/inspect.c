/* data inspect against a naive count: every format, bad rows, several files and packings, pieces of any size, a limit of rows. */
#include "engine/data/inspect/inspect.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/data/format/csv.h"
#include "engine/data/format/format.h"
#include "lib/data_kit.h"
#include "lib/test.h"

static char root[PATH_SIZE];

static int inspect(const char *format, void *params, const char *path, size_t chunk_bytes, uint64_t rows_max, struct inspection *out,
                   struct error *err)
{
    char *uris[] = {(char *)path};
    struct inspect_config config = {.world = &world_real,
                                    .uris = uris,
                                    .uri_count = 1,
                                    .format = kind_find((const struct kind *const *)formats, format),
                                    .format_params = params,
                                    .chunk_bytes = chunk_bytes,
                                    .rows_max = rows_max};
    *err = (struct error){0};
    return inspect_run(&config, out, err);
}

static const char *write_file(const char *name, const char *text, size_t size)
{
    static char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/%s", 3000, root, name);
    test_write_file(path, text, size);
    return path;
}

static void sparse_features_are_counted_by_field(void **state)
{
    static const char text[] = "1 0:7:0.5 1:9:1\n"
                               "x 0:7:1\n"
                               "0 0:7:-2 0:8:1\n"
                               "0 1:9:4\n"
                               "1\n";
    struct inspection s;
    struct error err;
    const struct frequent_cell *top[4];
    (void)state;
    assert_ok(inspect("libffm", NULL, write_file("a.ffm", text, sizeof text - 1), 0, 0, &s, &err), &err);
    assert_int_equal(s.rows, 4);
    assert_int_equal(s.positives, 2);
    assert_int_equal(s.bad_rows, 1);
    assert_non_null(strstr(s.first_bad, "a.ffm:2: column 1: \"x\""));
    assert_int_equal(s.features, 5);
    assert_int_equal(s.text_bytes, sizeof text - 1);
    assert_int_equal(s.row_features_min, 0);
    assert_int_equal(s.row_features_max, 2);
    assert_true(s.whole);
    assert_int_equal(llround(cardinality_of_keys(&s.keys)), 3);
    assert_int_equal(s.count, 2);
    const struct inspected *zero = s.fields[0], *one = s.fields[1];
    assert_string_equal(zero->name, "0");
    assert_int_equal(zero->count, 3);
    assert_int_equal(zero->rows, 2);
    assert_int_equal(zero->numbers, 3);
    assert_close(zero->sum, -0.5, 0, 1e-9);
    assert_close(zero->min, -2, 0, 0);
    assert_close(zero->max, 1, 0, 0);
    assert_int_equal(frequent_top(&zero->frequent, top, 4), 2);
    assert_int_equal(top[0]->count, 2);
    assert_memory_equal(top[0]->text, "0:7", 3); /* the feature, whatever its value */
    assert_int_equal(one->count, 2);
    assert_int_equal(llround(cardinality_count(&one->distinct)), 1);
    inspection_close(&s);
}

/* vw: the text names the feature, as in libffm; the number beside it is the value. */
static void values_of_named_namespaces_are_numbers(void **state)
{
    static const char text[] = "1 |user 7:2 8 |item 5:0.5\n-1 |user 7:-3\n";
    struct inspection s;
    struct error err;
    (void)state;
    assert_ok(inspect("vw", NULL, write_file("a.vw", text, sizeof text - 1), 0, 0, &s, &err), &err);
    assert_int_equal(s.count, 2);
    const struct inspected *item = s.fields[0], *user = s.fields[1];
    assert_string_equal(user->name, "u");
    assert_int_equal(inspected_kind(user), TEXT_OTHER);
    assert_int_equal(user->numbers, 3);
    assert_close(user->min, -3, 0, 0);
    assert_close(user->max, 2, 0, 0);
    assert_close(user->sum, 0, 0, 1e-9);
    assert_close(item->sum, 0.5, 0, 1e-9);
    inspection_close(&s);
}

/* Columns that the schema ignores are told, and count nowhere else. */
static void ignored_columns_are_no_features(void **state)
{
    static const char text[] = "label,a,b,c\n1,x,5,p\n0,,6,q\n";
    struct inspection s;
    struct error err = {0};
    (void)state;
    const struct kind *csv = kind_find((const struct kind *const *)formats, "csv");
    struct csv_params *params = mem_zero(csv->params_size, &err);
    options_default(csv->options, params);
    snprintf(params->table.schema, sizeof params->table.schema, "a:ignore, b:ignore");
    assert_ok(inspect("csv", params, write_file("i.csv", text, sizeof text - 1), 0, 0, &s, &err), &err);
    assert_int_equal(s.count, 3);
    assert_int_equal(s.features, 2);
    assert_int_equal(s.row_features_max, 1);
    assert_int_equal(llround(cardinality_of_keys(&s.keys)), 2);
    assert_true(s.fields[0]->ignored && s.fields[1]->ignored && !s.fields[2]->ignored);
    assert_int_equal(s.fields[0]->rows, 1);
    assert_close(s.fields[1]->sum, 11, 0, 1e-9);
    inspection_close(&s);
    mem_free(params);
}

static void cells_of_a_table_are_told_by_kind(void **state)
{
    static const char text[] = "label,n,r,d,t,e\n"
                               "1,5,0.5,2026-11-27,a,\n"
                               "0,-3,1e3,2026-11-27T08:00:00Z,5,\n"
                               "0,,2,2026-11-28 09:00,\"x,y\",\n";
    struct inspection s;
    struct error err;
    void *params = NULL;
    (void)state;
    const struct kind *csv = kind_find((const struct kind *const *)formats, "csv");
    params = mem_zero(csv->params_size, &err);
    options_default(csv->options, params);
    assert_ok(inspect("csv", params, write_file("a.csv", text, sizeof text - 1), 0, 0, &s, &err), &err);
    assert_int_equal(s.count, 5);
    static const enum text_kind want[] = {TEXT_INTEGER, TEXT_REAL, TEXT_DATE, TEXT_OTHER, TEXT_NONE};
    for (size_t i = 0; i < 5; i++) assert_int_equal(inspected_kind(s.fields[i]), want[i]);
    assert_int_equal(s.fields[0]->rows, 2); /* one cell is empty */
    assert_int_equal(s.fields[4]->rows, 0);
    assert_close(s.fields[1]->sum, 1002.5, 0, 1e-9);
    inspection_close(&s);
    mem_free(params);
}

/* More texts than any memory of those that came by lately holds: each counts, and as the number that it is. */
static void many_texts_are_each_looked_at(void **state)
{
    enum { TEXTS = 10000 };
    struct bytes text;
    struct inspection s;
    struct error err = {0};
    (void)state;
    bytes_init(&text, 16 * TEXTS);
    assert_ok(bytes_add_text(&text, "label,n\n", &err), &err);
    for (unsigned i = 0; i < 2 * TEXTS; i++) assert_ok(bytes_printf(&text, &err, "%u,%u\n", i & 1, i / 2), &err);
    const struct kind *csv = kind_find((const struct kind *const *)formats, "csv");
    void *params = mem_zero(csv->params_size, &err);
    options_default(csv->options, params);
    assert_ok(inspect("csv", params, write_file("many.csv", bytes_text(&text), text.size), 0, 0, &s, &err), &err);
    assert_int_equal(s.fields[0]->numbers, 2 * TEXTS);
    assert_close(s.fields[0]->sum, (double)TEXTS * (TEXTS - 1), 1e-9, 0);
    assert_close(s.fields[0]->max, TEXTS - 1, 0, 0);
    assert_close(cardinality_count(&s.fields[0]->distinct), TEXTS, 0.05, 0);
    inspection_close(&s);
    mem_free(params);
    bytes_close(&text);
}

/* All but the clock is the same whatever the pieces. */
static void pieces_do_not_show(void **state)
{
    struct bytes text;
    struct inspection want, got;
    struct error err;
    (void)state;
    bytes_init(&text, 1 << 22);
    kit_criteo(&text, 3000, 4);
    const char *path = write_file("c.tsv", (const char *)text.data, text.size);
    assert_ok(inspect("criteo", NULL, path, 0, 0, &want, &err), &err);
    assert_int_equal(want.rows, 3000);
    assert_int_equal(want.count, 39);
    assert_ok(inspect("criteo", NULL, path, 777, 0, &got, &err), &err);
    assert_int_equal(got.rows, 3000);
    assert_int_equal(got.positives, want.positives);
    for (size_t f = 0; f < 39; f++) {
        const struct inspected *a = want.fields[f], *b = got.fields[f];
        assert_memory_equal(&a->distinct, &b->distinct, sizeof a->distinct);
        assert_memory_equal(&a->frequent, &b->frequent, sizeof a->frequent);
        assert_int_equal(a->rows, b->rows);
        assert_true(a->numbers == b->numbers && a->sum == b->sum);
        assert_true(a->numbers == 0 || magnitudes_quantile(&a->magnitudes, 0.3) == magnitudes_quantile(&b->magnitudes, 0.3));
    }
    assert_memory_equal(&want.keys, &got.keys, sizeof want.keys);
    inspection_close(&got);
    assert_ok(inspect("criteo", NULL, path, 777, 1234, &got, &err), &err);
    assert_int_equal(got.rows, 1234);
    assert_int_equal(got.features, 1234 * 39);
    assert_false(got.whole);
    assert_int_equal(got.fields[20]->count, 1234);
    inspection_close(&got);
    assert_ok(inspect("criteo", NULL, path, 0, 3000, &got, &err), &err); /* as many as there are */
    assert_int_equal(got.rows, 3000);
    inspection_close(&got);
    inspection_close(&want);
    bytes_close(&text);
}

static void what_cannot_be_read_is_told(void **state)
{
    struct inspection s;
    struct error err;
    (void)state;
    assert_int_equal(inspect("libsvm", NULL, write_file("bad.svm", "x\ny\n", 4), 0, 0, &s, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "bad.svm:1: column 1: \"x\"");
    inspection_close(&s);
    assert_true(inspect("libsvm", NULL, "/nowhere/at/all", 0, 0, &s, &err) < 0);
    inspection_close(&s);
}

static void more_fields_than_are_told(void **state)
{
    struct bytes text;
    struct inspection s;
    struct error err;
    (void)state;
    bytes_init(&text, 1 << 20);
    assert_ok(bytes_add_text(&text, "1", &err), &err);
    for (unsigned f = 0; f < FIELDS_TOLD + 10; f++) assert_ok(bytes_printf(&text, &err, " %u:1:1", f), &err);
    assert_ok(bytes_add_text(&text, "\n0 65000:1:1 65534:2:2\n", &err), &err);
    assert_ok(inspect("libffm", NULL, write_file("wide.ffm", (const char *)text.data, text.size), 0, 0, &s, &err), &err);
    assert_int_equal(s.count, FIELDS_TOLD);
    assert_int_equal(s.fields_untold, 12);
    assert_int_equal(s.features, FIELDS_TOLD + 12);
    inspection_close(&s);
    bytes_close(&text);
}

static void texts_have_kinds(void **state)
{
    static const struct {
        const char *text;
        enum text_kind kind;
    } cases[] = {{"", TEXT_NONE},           {"0", TEXT_INTEGER},         {"-12", TEXT_INTEGER},
                 {"+5", TEXT_INTEGER},      {"1.5", TEXT_REAL},          {".5", TEXT_REAL},
                 {"1e3", TEXT_REAL},        {"1e99", TEXT_OTHER},        {"99999999999999999999", TEXT_REAL},
                 {"nan", TEXT_OTHER},       {"inf", TEXT_OTHER},         {"0x10", TEXT_OTHER},
                 {"2026-11-27", TEXT_DATE}, {"2026-11-27T1", TEXT_DATE}, {"2026-11-2x", TEXT_OTHER},
                 {"user", TEXT_OTHER},      {"-", TEXT_OTHER},           {"1,5", TEXT_OTHER}};
    double number;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (text_kind_of(cases[i].text, strlen(cases[i].text), &number) != cases[i].kind) fail_msg("\"%s\" is of another kind", cases[i].text);
}

/* n features thrown into m slots, as the formula expects. */
static void collisions_are_as_expected(void **state)
{
    enum { BITS = 12, M = 1 << BITS };
    static const unsigned counts[] = {409, 2048, 4096};
    (void)state;
    for (size_t k = 0; k < 3; k++) {
        static uint32_t in[M];
        unsigned shared = 0;
        memset(in, 0, sizeof in);
        for (uint64_t i = 0; i < counts[k]; i++) in[hash_mix(i + 77 * k) >> (64 - BITS)]++;
        for (size_t s = 0; s < M; s++) shared += in[s] > 1 ? in[s] : 0;
        assert_close((double)shared / counts[k], hash_collisions(counts[k], BITS), 0, 0.04);
    }
    assert_close(hash_collisions(0.1 * M, BITS), 0.0952, 0.001, 0);
    assert_int_equal(hash_bits_wanted(1), 10);
    assert_int_equal(hash_bits_wanted(1e12), 30);
    assert_true(hash_collisions(5e6, hash_bits_wanted(5e6)) <= 0.1 && hash_collisions(5e6, hash_bits_wanted(5e6) - 1) > 0.1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(many_texts_are_each_looked_at),
    cmocka_unit_test(sparse_features_are_counted_by_field),
    cmocka_unit_test(values_of_named_namespaces_are_numbers),
    cmocka_unit_test(ignored_columns_are_no_features),
    cmocka_unit_test(cells_of_a_table_are_told_by_kind),
    cmocka_unit_test(pieces_do_not_show),
    cmocka_unit_test(what_cannot_be_read_is_told),
    cmocka_unit_test(more_fields_than_are_told),
    cmocka_unit_test(texts_have_kinds),
    cmocka_unit_test(collisions_are_as_expected),
};
int main(int argc, char **argv)
{
    test_dir(root);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

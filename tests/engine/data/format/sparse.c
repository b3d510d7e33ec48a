/* libsvm, libffm and Vowpal Wabbit text: keys and values reckoned here from the definition. */
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "lib/data_kit.h"
#include "lib/format_kit.h"
#include "lib/test.h"

/* A blank in front of a line sends it the thorough way; it must give the same row as the fast one. */
static void sparse_lines_both_ways(void **state)
{
    (void)state;
    static const char *const numbers[] = {"1",
                                          "0",
                                          "-1",
                                          "0.5",
                                          "0.18257",
                                          "12.5000000001",
                                          "1e-3",
                                          ".5",
                                          "5.",
                                          "+2",
                                          "-0",
                                          "123456.789",
                                          "0.1234567890123456789",
                                          "99999999999999999999",
                                          "1E5",
                                          "00.10",
                                          "3.14159265358979"};
    static const char *const whole[] = {"0",  "7", "12", "12345678", "123456789", "123456789012345", "1234567890123456", "18446744073709551615",
                                        "007"};
    static const char *const ends[] = {"\n", "\r\n", " \n", "\t\r\n", " # comment\n", "#\n"};
    static const char *const labels[] = {"0", "1", "-1", "+1", "1.0", "1e0"};
    for (int which = 0; which < 6; which++) { /* of both formats: with labels, with labels that are not used, without */
        bool ffm = which % 2, no_labels = which / 2 > 0, bare = which / 2 > 1;
        struct bytes fast, slow;
        bytes_init(&fast, 1 << 24), bytes_init(&slow, 1 << 24);
        for (uint64_t row = 0; row < 2000; row++) {
            struct rng rng = rng_at(23, RNG_TEST, (uint64_t)which, row);
            size_t before = fast.size;
            if (!bare) bytes_printf(&fast, NULL, "%s", labels[rng_below(&rng, row % 4 ? 2 : 6)]);
            for (uint64_t n = rng_below(&rng, 12) + bare; n > 0; n--) {
                if (!bare || fast.size > before) bytes_add_text(&fast, row % 7 ? " " : " \t ", NULL);
                if (ffm) bytes_printf(&fast, NULL, "%d:", (int)rng_below(&rng, row % 9 ? 40 : 65535));
                bytes_printf(&fast, NULL, "%s:%s", whole[rng_below(&rng, 9)], numbers[rng_below(&rng, sizeof numbers / sizeof *numbers)]);
            }
            bytes_add_text(&fast, ends[rng_below(&rng, row % 5 ? 2 : 6)], NULL);
            bytes_add_text(&slow, " ", NULL);
            bytes_add(&slow, fast.data + before, fast.size - before, NULL);
        }
        struct error err = {0};
        struct format_kit a = {.format = ffm ? "libffm" : "libsvm", .context = {.no_labels = no_labels}}, b = a;
        assert_ok(format_kit_open(&a, bytes_text(&fast), fast.size, &err), &err);
        assert_ok(format_kit_open(&b, bytes_text(&slow), slow.size, &err), &err);
        const struct rows *x = &a.out.rows, *y = &b.out.rows;
        assert_int_equal(a.out.bad.count, 0);
        assert_int_equal(b.out.bad.count, 0);
        assert_int_equal(x->count, 2000);
        assert_int_equal(y->count, 2000);
        assert_int_equal(x->features, y->features);
        assert_memory_equal(x->labels, y->labels, x->count);
        assert_memory_equal(x->ends, y->ends, x->count * sizeof *x->ends);
        assert_memory_equal(x->keys, y->keys, x->features * sizeof *x->keys);
        assert_memory_equal(x->values, y->values, x->features * sizeof *x->values);
        if (ffm) assert_memory_equal(x->fields, y->fields, x->features * sizeof *x->fields);
        format_kit_close(&a), format_kit_close(&b);
        bytes_close(&fast), bytes_close(&slow);
    }
}

static void sparse_keys_and_values(void **state)
{
    (void)state;
    struct error err = {0};
    struct kit_rows rows;
    static const char svm[] = "-1\t3:0.5  18446744073709551615:-2e3 #5:1\n+1 0:1\n", ffm[] = "1 0:7:1 1:7:0.25 65534:7:2\n";
    assert_ok(kit_text("libsvm", NULL, svm, strlen(svm), 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, 2);
    assert_int_equal(rows.ends[0], 2);
    assert_int_equal(rows.ends[1], 3);
    assert_close(rows.labels[0] * 10 + rows.labels[1], 1, 0, 0);
    assert_int_equal(rows.keys[0], kit_key_number("", 3));
    assert_int_equal(rows.keys[1], kit_key_number("", UINT64_MAX));
    assert_int_equal(rows.keys[2], kit_key_number("", 0));
    assert_close(rows.values[0], 0.5, 0, 0);
    assert_close(rows.values[1], -2000, 0, 0);
    kit_rows_close(&rows);
    assert_ok(kit_text("libffm", NULL, ffm, strlen(ffm), 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.keys[0], kit_key_number("0", 7));
    assert_int_equal(rows.keys[1], kit_key_number("1", 7));
    assert_int_equal(rows.keys[2], kit_key_number("65534", 7));
    assert_close(rows.values[2], 2, 0, 0);
    kit_rows_close(&rows);
}

/* Fields have 16 bits, of which one is for unknown ones, and with crosses some for these: a row with a higher one is a bad row that says so. */
static void fields_end_somewhere(void **state)
{
    (void)state;
    static const struct {
        const char *crosses, *text, *want;
    } cases[] = {
        {NULL, "1 65534:7:1\n", NULL},
        {NULL, "1 65535:7:1\n", "column 2: \"65535:7:1\" has a field beyond 65534, the highest there can be; number the fields from 0"},
        {NULL, "1 1:7:1 18446744073709551615:7:1\n", "has a field beyond 65534"},
        {"[[\"0\", \"1\"]]", "1 65278:7:1\n", NULL},
        {"[[\"0\", \"1\"]]", "1 65279:7:1\n", "has a field beyond 65278, the highest there can be with features.crosses"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct format_kit kit = {.format = "libffm", .context = {.crosses = cases[i].crosses}};
        struct error err = {0};
        assert_ok(format_kit_open(&kit, cases[i].text, strlen(cases[i].text), &err), &err);
        assert_int_equal(kit.out.bad.count, cases[i].want != NULL);
        assert_int_equal(kit.out.rows.count, cases[i].want == NULL);
        if (cases[i].want) assert_non_null(strstr(kit.out.bad.text, cases[i].want));
        format_kit_close(&kit);
    }
}

static void vw_by_definition(void **state)
{
    (void)state;
    static const char text[] = "1 |user id7 age:0.5 13:2e-2|ad:2 a3 b:-1.5\n-1 0.25 'g1|| x :3 :4 z:0\n0 2 0 g2|user:0.5 x |user y\n";
    struct format_kit kit = {.format = "vw", .context = {.hash_seed = 5, .group = "tag", .weight = "importance"}},
                      plain = {.format = "vw", .context = {.hash_seed = 5, .weight = "importance"}};
    struct error err = {0};
    assert_ok(format_kit_open(&plain, text, strlen(text), &err), &err);
    assert_int_equal(plain.out.bad.count, 0);
    const struct rows *rows = &plain.out.rows;
    const uint32_t keys[10] = {kit_key("user", "id7"), kit_key("user", "age"), kit_key("user", "13"), kit_key("ad", "a3"),  kit_key("ad", "b"),
                               kit_key("", "x"),       kit_key_number("", 0),  kit_key_number("", 1), kit_key("user", "x"), kit_key("user", "y")};
    const float values[10] = {1, 0.5F, 0.02F, 2, -3, 1, 3, 4, 0.5F, 1};
    const uint16_t fields[10] = {'u', 'u', 'u', 'a', 'a', ' ', ' ', ' ', 'u', 'u'};
    assert_int_equal(rows->count, 3);
    assert_int_equal(rows->features, 10);
    assert_int_equal(rows->ends[0], 5);
    assert_int_equal(rows->ends[1], 8);
    assert_memory_equal(rows->keys, keys, sizeof keys);
    assert_memory_equal(rows->values, values, sizeof values);
    assert_memory_equal(rows->fields, fields, sizeof fields);
    assert_true(rows->labels[0] == 1 && rows->labels[1] == 0 && rows->labels[2] == 0);
    assert_true(rows->weights[0] == 1 && rows->weights[1] == 0.25F && rows->weights[2] == 2);
    assert_string_equal(plain.kind->field_name(plain.state, 'u'), "u");
    assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
    assert_int_equal(kit.out.rows.count, 2); /* the first has no tag */
    assert_true(kit.out.rows.groups[0] == hash64("g1", 2, 0) && kit.out.rows.groups[1] == hash64("g2", 2, 0));
    assert_non_null(strstr(kit.out.bad.text, "has no tag, which is the row's group"));
    format_kit_close(&plain), format_kit_close(&kit);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(sparse_lines_both_ways), cmocka_unit_test(sparse_keys_and_values),
                                          cmocka_unit_test(fields_end_somewhere), cmocka_unit_test(vw_by_definition)};
TEST_MAIN(tests)

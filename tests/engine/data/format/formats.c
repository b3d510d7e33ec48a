/* Every format of the table: what each bad row is told, and that all kernels read the same. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/mem.h"
#include "base/rng.h"
#include "lib/data_kit.h"
#include "lib/format_kit.h"
#include "lib/test.h"

struct bad_case {
    const char *format, *options, *text, *want; /* text: one good row, then a bad one on line 2 (csv: 3), then a good one */
};

#define TABS12 "\t\t\t\t\t\t\t\t\t\t\t\t"
#define TABS26 TABS12 TABS12 "\t\t"
#define GOOD "1\t5" TABS12 TABS26 "\n"

static const struct bad_case bad_cases[] = {
    {"criteo", NULL, GOOD "0\t1\t2\n" GOOD, "f:2: 3 columns, want 40"},
    {"criteo", NULL, GOOD "0\t1" TABS12 TABS26 "\t\n" GOOD, "f:2: 41 columns, want 40"},
    {"criteo", NULL, GOOD "2\t1" TABS12 TABS26 "\n" GOOD, "f:2: column 1: \"2\" is not a label; it must be 0 or 1"},
    {"criteo", NULL, GOOD "\t1" TABS12 TABS26 "\n" GOOD, "f:2: column 1: \"\" is not a label"},
    {"criteo", NULL, GOOD "0\t\tabc\t\t\t\t\t\t\t\t\t\t\t" TABS26 "\n" GOOD, "f:2: column 3: \"abc\" is not a number"},
    {"criteo", NULL, GOOD "0\t1.5" TABS12 TABS26 "\n" GOOD, "f:2: column 2: \"1.5\" is not a number"},
    {"criteo", NULL, GOOD "0\tNaN" TABS12 TABS26 "\n" GOOD, "f:2: column 2: \"NaN\" is not a number"},
    {"criteo", NULL, GOOD "0\t99999999999999999999" TABS12 TABS26 "\n" GOOD, "f:2: column 2: \"99999999999999999999\" is not a number"},
    {"libsvm", NULL, "1 1:1\n1 1:1 foo\n0 1:1\n", "f:2: column 3: \"foo\" has no colon"},
    {"libsvm", NULL, "1 1:1\n2 1:1\n0 1:1\n", "f:2: column 1: \"2\" is not a label"},
    {"libsvm", NULL, "1 1:1\n1 -1:1\n0 1:1\n", "f:2: column 2: \"-1:1\" has no valid index"},
    {"libsvm", NULL, "1 1:1\n1 1:abc\n0 1:1\n", "f:2: column 2: \"1:abc\" has a value that is not a number"},
    {"libsvm", NULL, "1 1:1\n1 1:nan\n0 1:1\n", "f:2: column 2: \"1:nan\" has a value that is not a number"},
    {"libsvm", NULL, "1 1:1\n1 1:inf\n0 1:1\n", "f:2: column 2: \"1:inf\" has a value that is not a number"},
    {"libsvm", NULL, "1 1:1\n1 1:1e39\n0 1:1\n", "f:2: column 2: \"1:1e39\" has a value beyond the range"},
    {"libsvm", NULL, "1 1:1\n1 1:\n0 1:1\n", "f:2: column 2: \"1:\" has a value that is not a number"},
    {"libsvm", NULL, "1 1:1\n1 18446744073709551616:1\n0 1:1\n", "has no valid index"},
    {"vw", NULL, "1 |a b\n1 a b\n0 |a b\n", "f:2: column 1: \"1 a b\" has no bar"},
    {"vw", NULL, "1 |a b\n1|a b\n0 |a b\n", "f:2: column 1: \"1\" touches the bar, which makes it a tag"},
    {"vw", NULL, "1 |a b\n|a b\n0 |a b\n", "f:2: column 1: \"\" is no label"},
    {"vw", NULL, "1 |a b\n'g |a b\n0 |a b\n", "f:2: column 1: \"g\" is no label"},
    {"vw", NULL, "1 |a b\n3 |a b\n0 |a b\n", "f:2: column 1: \"3\" is not a label"},
    {"vw", NULL, "1 |a b\n1 -2 |a b\n0 |a b\n", "f:2: column 2: \"-2\" is not a weight"},
    {"vw", NULL, "1 |a b\n1 2 |a b\n0 1 |a b\n", "f:2: column 2: \"2\" is an importance; set dataset.weight to \"importance\""},
    {"vw", NULL, "1 |a b\n1 1 0.5 |a b\n0 |a b\n", "f:2: column 3: \"0.5\" is a base to start from"},
    {"vw", NULL, "1 |a b\n1 1 0 7 |a b\n0 |a b\n", "f:2: column 4: \"7\" is too much before the bar"},
    {"vw", NULL, "1 |a b\n1 'x y |a b\n0 |a b\n", "f:2: column 3: \"y\" is too much before the bar"},
    {"vw", NULL, "1 |a b\n1 |a b:x\n0 |a b\n", "f:2: column 3: \"b:x\" has a value that is not a number"},
    {"vw", NULL, "1 |a b\n1 |a b:\n0 |a b\n", "f:2: column 3: \"b:\" has a value that is not a number"},
    {"vw", NULL, "1 |a b\n1 |a b:1:2\n0 |a b\n", "\"b:1:2\" has a value that is not a number"},
    {"vw", NULL, "1 |a b\n1 |a:nan b\n0 |a b\n", "f:2: column 2: \"a:nan\" has a value that is not a number"},
    {"vw", NULL, "1 |a b\n1 |a:1e30 b:1e30\n0 |a b\n", "\"b:1e30\" has a value beyond the range of a 32-bit float"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": 1\n{\"label\": 0, \"a\": 2}\n",
     "f:2: byte 20: \"\" is not the comma or brace that must follow a value"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1 \"a\": 1}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: byte 13: \"\"a\": 1}\" is not the comma or brace"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": {\"b\": 1}}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: byte 19: \"{\"b\": 1}}\" begins an object inside the record"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": [[1]]}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: byte 20: \"[1]]}\" begins an array inside an array"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": [1 2]}\n{\"label\": 0, \"a\": 2}\n",
     "is not the comma or bracket that must follow a value of an array"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": [1]}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: key a: [1] is a list, which only type multi can hold (\"multi(,)\" in dataset.schema); the schema says categorical"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": [1, \"\", \"x\ty\"]}\n{\"label\": 0, \"a\": 2}\n", "is a control character"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": [\"1\", \"\", \"2\"]}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: key a: [1, 2] is a list"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": [1], \"a\": 1}\n{\"label\": 0, \"a\": 2}\n", "f:2: key label: [1] is not a label"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"x}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: byte 19: \"\"x}\" opens a string that nothing closes"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"\\x\"}\n{\"label\": 0, \"a\": 2}\n", "is no escape of JSON"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"\\u12\"}\n{\"label\": 0, \"a\": 2}\n", "wants four hex digits"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"\\u0000\"}\n{\"label\": 0, \"a\": 2}\n", "is a NUL character"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"\\ud800x\"}\n{\"label\": 0, \"a\": 2}\n",
     "is half a character: its low surrogate does not follow"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"\\udc00\"}\n{\"label\": 0, \"a\": 2}\n",
     "is half a character: no high surrogate stands before it"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": 01}\n{\"label\": 0, \"a\": 2}\n", "is a number with a leading zero"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": 1.}\n{\"label\": 0, \"a\": 2}\n", "is a number without digits behind its point"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": 1e}\n{\"label\": 0, \"a\": 2}\n", "is a number without digits in its exponent"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": nan}\n{\"label\": 0, \"a\": 2}\n", "is no value of JSON"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": }\n{\"label\": 0, \"a\": 2}\n", "is no value of JSON"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": 1} {}\n{\"label\": 0, \"a\": 2}\n", "goes on behind the record's end"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": 1, \"a\": 2}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: key \"a\" stands twice in the record"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"b\": 1}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: key \"b\" is named neither by the first record nor by the schema"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 2, \"a\": 1}\n{\"label\": 0, \"a\": 2}\n", "f:2: key label: \"2\" is not a label"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"a\": 1}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: key label is not in the record: \"\" is not a label; name the label's in dataset.label"},
    {"jsonl", "{\"label\": \"y\"}", "{\"y\": 1, \"a\": 1}\n{\"a\": 1}\n{\"y\": 0, \"a\": 2}\n",
     "f:2: key y is not in the record: \"\" is not a label"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": \"\", \"a\": 1}\n{\"label\": 0, \"a\": 2}\n", "f:2: key label: \"\" is not a label"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n[1]\n{\"label\": 0, \"a\": 2}\n", "f:2: byte 1: \"[1]\" is not the brace that begins a record"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, a: 1}\n{\"label\": 0, \"a\": 2}\n", "is not the quote that begins a key"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\" 1}\n{\"label\": 0, \"a\": 2}\n", "is not the colon that must follow a key"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"\xff\"}\n{\"label\": 0}\n", "is not UTF-8"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"\xed\xa0\x80\"}\n{\"label\": 0}\n", "is not UTF-8"},
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"\t\"}\n{\"label\": 0}\n", "is a control character inside a string"},
    {"jsonl", "{\"schema\": \"a:numeric\"}", "{\"label\": 1, \"a\": 1}\n{\"label\": 1, \"a\": \"x\"}\n{\"label\": 0, \"a\": 2}\n",
     "f:2: key a: \"x\" is not a number; the schema says numeric"},
    {"libffm", NULL, "1 1:1:1\n1 1:1\n0 1:1:1\n", "f:2: column 2: \"1:1\" is not field:feature:value"},
    {"libffm", NULL, "1 1:1:1\n1 x:1:1\n0 1:1:1\n", "f:2: column 2: \"x:1:1\" has no valid field"},
    {"libffm", NULL, "1 1:1:1\n1 1:x:1\n0 1:1:1\n", "f:2: column 2: \"1:x:1\" has no valid feature"},
    {"libffm", NULL, "1 1:1:1\n1 1:1:nan\n0 1:1:1\n", "has a value that is not a number"},
    {"csv", NULL, "label,a\n1,x\n1,x,y\n0,z\n", "f:3: 3 columns, want 2"},
    {"csv", NULL, "label,a\n1,x\n1\n0,z\n", "f:3: 1 column, want 2"},
    {"csv", NULL, "label,a\n1,x\n7,x\n0,z\n", "f:3: column 1 (label): \"7\" is not a label"},
    {"csv", "{\"schema\": \"a:numeric\"}", "label,a\n1,1\n1,x\n0,2\n", "f:3: column 2 (a): \"x\" is not a number; the schema says numeric"},
    {"csv", "{\"schema\": \"a:numeric\"}", "label,a\n1,1\n1,inf\n0,2\n", "f:3: column 2 (a): \"inf\" is not a number; the schema says numeric"},
    {"csv", "{\"schema\": \"a:log\"}", "label,a\n1,1\n1,-nan\n0,2\n", "f:3: column 2 (a): \"-nan\" is not a number; the schema says log"},
    {"csv", NULL, "label,a\n1,x\n1,\"x\"y\n0,z\n", "f:3: column 2: \"\"x\"y\" goes on behind its closing quote"},
    {"csv", NULL, "label,a\n1,\"x\ny\"\n1\n0,z\n", "f:4: 1 column, want 2"},
    {"csv", "{\"schema\": \"a:numeric missing=error\"}", "label,a\n1,1\n1,\n0,2\n",
     "f:3: column 2 (a): \"\" is missing, which the schema's missing=error forbids"},
    {"csv", "{\"schema\": \"a:buckets(1;2)\"}", "label,a\n1,1\n1,one\n0,2\n", "f:3: column 2 (a): \"one\" is not a number; the schema says buckets"},
    {"csv", "{\"schema\": {\"a\": \"quantile(4)\"}}", "label,a\n1,1\n1,1e40\n0,2\n",
     "f:3: column 2 (a): \"1e40\" is beyond the range of a 32-bit float; the schema says quantile"},
    {"tsv", NULL, "label\ta\n1\tx\n1\tx\ty\n0\tz\n", "f:3: 3 columns, want 2"},
    {"tsv", "{\"schema\": \"a:numeric\"}", "label\ta\n1\t1\n1\t\"2\"\n0\t3\n", "f:3: column 2 (a): \"\"2\"\" is not a number"},
    {"csv", "{\"positive\": \"yes\", \"negative\": \"no\"}", "label,a\nyes,x\n1,x\nno,z\n",
     "f:3: column 1 (label): \"1\" is neither the positive nor the negative label"},
};

static void bad_rows_say_where_and_what(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bad_cases / sizeof *bad_cases; i++) {
        const struct bad_case *c = &bad_cases[i];
        struct error err = {0};
        struct kit_rows rows;
        struct dataset_info info;
        assert_true(kit_text(c->format, c->options, c->text, strlen(c->text), 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, c->want);
        err = (struct error){0};
        assert_ok(kit_text(c->format, c->options, c->text, strlen(c->text), 1, &rows, &info, &err), &err);
        assert_int_equal(info.rows, 2); /* the rows around it stay, and nothing of the bad one does */
        assert_int_equal(info.bad_rows, 1);
        assert_non_null(strstr(info.first_bad, c->want));
        kit_rows_close(&rows);
    }
}

/* null, an array without a text and a key that is not there are one value, of any type (docs/spec.md). */
static void what_is_empty_in_json(void **state)
{
    static const char text[] = "{\"label\": 1, \"a\": null, \"b\": null, \"c\": null}\n{\"label\": 0, \"a\": [], \"b\": [], \"c\": []}\n"
                               "{\"label\": 0, \"a\": [\"\", null], \"b\": [null], \"c\": [\"\"]}\n{\"label\": 1}\n";
    struct kit_rows rows;
    struct error err = {0};
    (void)state;
    assert_ok(kit_text("jsonl", "{\"schema\": \"b:multi(,), c:numeric\"}", text, sizeof text - 1, 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, 4);
    for (size_t r = 1; r < 4; r++) assert_memory_equal(rows.keys + 3 * r, rows.keys, 3 * sizeof *rows.keys);
    kit_rows_close(&rows);
}

/* Text of another system: what is wrong is told, and not what follows from it. */
static void lines_that_end_in_cr_alone(void **state)
{
    struct bytes text;
    struct error err = {0};
    (void)state;
    bytes_init(&text, 4 << 20);
    assert_ok(bytes_add_text(&text, "label,a0,a1\r", &err), &err);
    for (int i = 0; i < 200000; i++) {
        if (i == 10 || i == 199999)
            for (size_t f = 0; formats[f]; f++) {
                struct kit_rows rows;
                struct error why = {0};
                assert_true(kit_text(formats[f]->kind.name, NULL, bytes_text(&text), text.size, 1000, &rows, NULL, &why) < 0);
                assert_error(&why, ERROR_DATA, "f: its lines end in CR alone, as old Mac programs write them; they must end in LF: tr");
            }
        assert_ok(bytes_add_text(&text, "1,a0,a0\r", &err), &err);
    }
    bytes_close(&text);
    struct kit_rows rows;
    assert_ok(kit_text("libsvm", NULL, "1 1:1\r", 6, 0, &rows, NULL, &err), &err); /* the end of the text */
    kit_rows_close(&rows);
}

static void every_format_refuses_rubbish(void **state)
{
    (void)state;
    for (size_t f = 0; formats[f]; f++) {
        static const char nul[] = "1\t1:1:1,\0\n1 1:1\n", rubbish[] = "\xEE\x01\x02\x80\x91\n\xFF\xFE\n";
        struct error err = {0};
        struct kit_rows rows;
        assert_true(kit_text(formats[f]->kind.name, NULL, nul, sizeof nul - 1, 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "NUL");
        assert_non_null(strstr(err.msg, "f:1: "));
        err = (struct error){0};
        assert_true(kit_text(formats[f]->kind.name, NULL, rubbish, sizeof rubbish - 1, 5, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "f");
        assert_null(strchr(err.msg, '\x01')); /* shown as \x01 */
        err = (struct error){0};
        assert_true(kit_text(formats[f]->kind.name, NULL, "\n\n\r\n", 4, 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "f");
    }
}

static void one_label_only_is_no_fault_of_the_text(void **state)
{
    (void)state;
    struct error err = {0};
    struct kit_rows rows;
    struct dataset_info info;
    assert_ok(kit_text("libsvm", NULL, "1 1:1\n1 2:1\n", 12, 0, &rows, &info, &err), &err);
    assert_int_equal(info.positives, 2);
    kit_rows_close(&rows);
}

/* Each instruction set's copy of the kernels gives the same rows and the same complaints. */
static void kernels_agree(void **state)
{
    (void)state;
    struct bytes log, csv;
    bytes_init(&log, 1 << 24), bytes_init(&csv, 1 << 20);
    kit_criteo(&log, 500, 3);
    assert_ok(bytes_add_text(&log, GOOD "0\t1\t2\n" GOOD "2" TABS12 "\n", NULL), NULL);
    assert_ok(bytes_add_text(&csv, "label,a,b\n", NULL), NULL);
    for (int i = 0; i < 3000; i++)
        assert_ok(bytes_printf(&csv, NULL, i % 500 ? "%d,%d,%x\n" : "%d,%d\n", i & 1, i * 7, (unsigned)i * 1234567u), NULL);
    for (int which = 0; which < 2; which++) {
        struct kit_rows want = {0}, got;
        struct dataset_info first = {0}, info;
        const struct bytes *text = which ? &csv : &log;
        for (int level = 0; level <= (int)cpu_level(); level++) {
            struct error err = {0};
            setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
            assert_ok(kit_text(which ? "csv" : "criteo", NULL, bytes_text(text), text->size, 10, &got, &info, &err), &err);
            unsetenv("TRAINYARD_CPU");
            assert_int_equal(info.bad_rows, which ? 6 : 2);
            if (level == 0) want = got, first = info;
            else {
                assert_true(kit_rows_equal(&got, &want));
                assert_string_equal(info.first_bad, first.first_bad);
                kit_rows_close(&got);
            }
        }
        kit_rows_close(&want);
    }
    bytes_close(&log), bytes_close(&csv);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bad_rows_say_where_and_what), cmocka_unit_test(every_format_refuses_rubbish),           cmocka_unit_test(what_is_empty_in_json),
    cmocka_unit_test(lines_that_end_in_cr_alone),  cmocka_unit_test(one_label_only_is_no_fault_of_the_text), cmocka_unit_test(kernels_agree)};
TEST_MAIN(tests)

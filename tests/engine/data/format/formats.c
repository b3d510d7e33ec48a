/* Every format of the table: what each bad row is told, and which keys a good one has, reckoned here from the definition. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cpu.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "lib/data_kit.h"
#include "lib/format_kit.h"
#include "lib/test.h"

/* The definition of feature.h, by the plain hash: key(field, value). */
static uint32_t key(const char *field, const char *value) { return (uint32_t)(hash64(value, strlen(value), hash64(field, strlen(field), 5)) >> 32); }
static uint32_t key_number(const char *field, uint64_t value)
{
    return (uint32_t)(hash64(&value, sizeof value, hash64(field, strlen(field), 5)) >> 32);
}

static int load(const char *format, const char *options, const char *text, size_t size, int64_t max_bad_rows, struct kit_rows *rows,
                struct dataset_info *info, struct error *err)
{
    static char dir[PATH_SIZE];
    char path[PATH_SIZE + 16], cache[PATH_SIZE + 16];
    if (!*dir) test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir);
    snprintf(cache, sizeof cache, "%s/cache", dir);
    test_write_file(path, text, size);
    struct kit kit = {.format = format, .options = options, .path = path, .cache = cache, .max_bad_rows = max_bad_rows, .hash_seed = 5};
    int rc = kit_load(&kit, rows, info, err);
    path_remove_tree(&world_real, cache, NULL);
    return rc;
}

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
     "f:2: key a: \"1\" is in a list, which only type multi can hold; the schema says categorical"},
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
    {"jsonl", NULL, "{\"label\": 1, \"a\": 1}\n{\"a\": 1}\n{\"label\": 0, \"a\": 2}\n", "f:2: key label: \"\" is not a label"},
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
        assert_true(load(c->format, c->options, c->text, strlen(c->text), 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, c->want);
        err = (struct error){0};
        assert_ok(load(c->format, c->options, c->text, strlen(c->text), 1, &rows, &info, &err), &err);
        assert_int_equal(info.rows, 2); /* the rows around it stay, and nothing of the bad one does */
        assert_int_equal(info.bad_rows, 1);
        assert_non_null(strstr(info.first_bad, c->want));
        kit_rows_close(&rows);
    }
}

static void every_format_refuses_rubbish(void **state)
{
    (void)state;
    for (size_t f = 0; formats[f]; f++) {
        static const char nul[] = "1\t1:1:1,\0\n1 1:1\n", rubbish[] = "\xEE\x01\x02\x80\x91\n\xFF\xFE\n";
        struct error err = {0};
        struct kit_rows rows;
        assert_true(load(formats[f]->kind.name, NULL, nul, sizeof nul - 1, 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "NUL");
        assert_non_null(strstr(err.msg, "f:1: "));
        err = (struct error){0};
        assert_true(load(formats[f]->kind.name, NULL, rubbish, sizeof rubbish - 1, 5, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "f");
        assert_null(strchr(err.msg, '\x01')); /* shown as \x01 */
        err = (struct error){0};
        assert_true(load(formats[f]->kind.name, NULL, "\n\n\r\n", 4, 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "f");
    }
}

static void one_label_only_is_no_fault_of_the_text(void **state)
{
    (void)state;
    struct error err = {0};
    struct kit_rows rows;
    struct dataset_info info;
    assert_ok(load("libsvm", NULL, "1 1:1\n1 2:1\n", 12, 0, &rows, &info, &err), &err);
    assert_int_equal(info.positives, 2);
    kit_rows_close(&rows);
}

static void criteo_keys_by_definition(void **state)
{
    (void)state;
    static const char *const ints[] = {"",   "0",  "2", "3", "-1", "-2000", "100", "12345678", "123456789", "4294967296", "9223372036854775807",
                                       "+7", "007"};
    static const char *const want[] = {"", "SP0", "SP2", "1", "SP-1", "SP-2000", "21", "266", "347", "491", "1906", "3", "3"};
    static const char *const cats[] = {"", "68fd1e64", "a", "twelve chars", "a text of more than sixteen bytes", "80e26c9b", "0"};
    struct bytes text;
    struct error err = {0};
    struct kit_rows rows;
    char name[16];
    bytes_init(&text, 1 << 16);
    for (int end = 0; end < 2; end++) { /* with \n, with \r\n */
        bytes_add_text(&text, "1", NULL);
        for (int c = 0; c < 13; c++) bytes_printf(&text, NULL, "\t%s", ints[c]);
        for (int c = 0; c < 26; c++) bytes_printf(&text, NULL, "\t%s", cats[(c + 4 * end) % 7]);
        bytes_add_text(&text, end ? "\r\n" : "\n", NULL);
    }
    assert_ok(load("criteo", NULL, bytes_text(&text), text.size, 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, 2);
    for (int c = 0; c < 39; c++)
        for (int row = 0; row < 2; row++) {
            snprintf(name, sizeof name, "%c%d", c < 13 ? 'I' : 'C', c < 13 ? c + 1 : c - 12);
            uint32_t right = key(name, c < 13 ? want[c] : cats[(c - 13 + 4 * row) % 7]);
            if (rows.keys[39 * row + c] != right) fail_msg("row %d, column %s", row, name);
        }
    bytes_close(&text);
    kit_rows_close(&rows);
}

/* What the format says of integers, in floating point, and of categories, by the plain hash. */
static uint32_t criteo_key(int c, const char *cell)
{
    char name[16], text[40];
    snprintf(name, sizeof name, "%c%d", c < 13 ? 'I' : 'C', c < 13 ? c + 1 : c - 12);
    if (c >= 13 || !*cell) return key(name, cell);
    long long v = strtoll(cell, NULL, 10);
    if (v <= 2) snprintf(text, sizeof text, "SP%lld", v);
    else snprintf(text, sizeof text, "%u", (unsigned)floorl(logl((long double)v) * logl((long double)v)));
    return key(name, text);
}

/* Integers of every length and sign, categories of every length from 0 to 40 and of any bytes, by every kernel. */
static void criteo_kernels_by_definition(void **state)
{
    (void)state;
    enum { ROWS = 600, CELL = 41 };
    static char cells[ROWS][39][CELL];
    struct bytes text;
    bytes_init(&text, 1 << 22);
    for (int r = 0; r < ROWS; r++) {
        assert_ok(bytes_add_text(&text, r & 1 ? "1" : "0", NULL), NULL);
        for (int c = 0; c < 39; c++) {
            struct rng rng = rng_at(21, RNG_TEST, (uint64_t)c, (uint64_t)r);
            uint64_t draw = rng_u64(&rng);
            char *cell = cells[r][c];
            size_t size = (size_t)(r % 3 ? rng_below(&rng, 10) : rng_below(&rng, CELL)); /* short ones, too, are drawn often */
            if (c < 13) {
                unsigned bits = (unsigned)rng_below(&rng, 64);
                long long value = (long long)(draw >> 1 >> bits);
                const char *sign = draw & 1 && r % 4 == 0 ? "-" : "";
                snprintf(cell, CELL, draw % 3 ? "%s%lld" : "%s0%lld", sign, value);
                if (draw % 7 == 0) *cell = 0;
            } else
                for (size_t i = 0; i < size; i++) {
                    unsigned char byte = (unsigned char)(1 + rng_below(&rng, 255));
                    cell[i] = byte == '\t' || byte == '\n' || byte == '\r' ? 'x' : (char)byte;
                }
            assert_ok(bytes_printf(&text, NULL, "\t%s", cell), NULL);
        }
        assert_ok(bytes_add_text(&text, r % 3 ? "\n" : "\r\n", NULL), NULL);
    }
    for (int level = 0; level <= (int)cpu_level(); level++) {
        struct error err = {0};
        struct kit_rows rows;
        setenv("TRAINYARD_CPU", cpu_level_name((enum cpu_level)level), 1);
        assert_ok(load("criteo", NULL, bytes_text(&text), text.size, 0, &rows, NULL, &err), &err);
        unsetenv("TRAINYARD_CPU");
        assert_int_equal(rows.count, ROWS);
        for (int r = 0; r < ROWS; r++)
            for (int c = 0; c < 39; c++)
                if (rows.keys[39 * r + c] != criteo_key(c, cells[r][c]))
                    fail_msg("%s: row %d, column %d: \"%s\"", cpu_level_name((enum cpu_level)level), r, c + 1, cells[r][c]);
        kit_rows_close(&rows);
    }
    bytes_close(&text);
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
            assert_ok(load(which ? "csv" : "criteo", NULL, bytes_text(text), text->size, 10, &got, &info, &err), &err);
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
                if (ffm) bytes_printf(&fast, NULL, "%d:", (int)rng_below(&rng, row % 9 ? 40 : 70000));
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
    static const char svm[] = "-1\t3:0.5  18446744073709551615:-2e3 #5:1\n+1 0:1\n", ffm[] = "1 0:7:1 1:7:0.25 4000000000:7:2\n";
    assert_ok(load("libsvm", NULL, svm, strlen(svm), 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, 2);
    assert_int_equal(rows.ends[0], 2);
    assert_int_equal(rows.ends[1], 3);
    assert_close(rows.labels[0] * 10 + rows.labels[1], 1, 0, 0);
    assert_int_equal(rows.keys[0], key_number("", 3));
    assert_int_equal(rows.keys[1], key_number("", UINT64_MAX));
    assert_int_equal(rows.keys[2], key_number("", 0));
    assert_close(rows.values[0], 0.5, 0, 0);
    assert_close(rows.values[1], -2000, 0, 0);
    kit_rows_close(&rows);
    assert_ok(load("libffm", NULL, ffm, strlen(ffm), 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.keys[0], key_number("0", 7));
    assert_int_equal(rows.keys[1], key_number("1", 7));
    assert_int_equal(rows.keys[2], key_number("4000000000", 7));
    assert_close(rows.values[2], 2, 0, 0);
    kit_rows_close(&rows);
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
    const uint32_t keys[10] = {key("user", "id7"), key("user", "age"), key("user", "13"), key("ad", "a3"),  key("ad", "b"),
                               key("", "x"),       key_number("", 0),  key_number("", 1), key("user", "x"), key("user", "y")};
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
    const uint32_t keys[12] = {key("user", "u\xC3\xA9"
                                           "1\xF0\x9F\x98\x80\n"),
                               key("age", "31"),
                               key("on", "true"),
                               key("tags", "a"),
                               key("tags", "b"),
                               key("tags", "7"),
                               key("price", ""),
                               key("user", ""),
                               key("age", ""),
                               key("on", ""),
                               key("tags", ""),
                               key("price", "#")};
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
    assert_ok(load("csv", options, text, strlen(text), 0, &rows, NULL, &err), &err);
    assert_int_equal(rows.count, 3);
    assert_int_equal(rows.features, 9);
    const uint32_t want[9] = {key("user", "u1"), key("age", "21"),  key("price", "#"),  key("user", "a;b"), key("age", ""),
                              key("price", ""),  key("user", "u3"), key("age", "SP-6"), key("price", "#")};
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
    assert_ok(load("csv", "{\"header\": false, \"delimiter\": \"tab\", \"label\": \"3\", \"positive\": \"yes\", \"schema\": \"0-1:ignore\"}", text,
                   strlen(text), 0, &rows, NULL, &err),
              &err);
    assert_int_equal(rows.features, 2);
    assert_int_equal(rows.keys[0], key("2", "c"));
    assert_int_equal(rows.keys[1], key("2", "f"));
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
        assert_true(load("csv", cases[i][0], "y,a,b\n1,2,3\n", 12, 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, cases[i][2]);
        assert_string_equal(err.field, cases[i][1]);
    }
    struct error err = {0};
    struct kit_rows rows;
    assert_true(load("csv", NULL, "y,a,a\n1,2,3\n", 12, 0, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "f:1: two columns are called \"a\"");
    static const char *const blank[] = {"\ny,a,b\n1,2,3\n", "\r\ny,a,b\n1,2,3\n", " \t\ny,a,b\n1,2,3\n", ",,\n1,2,3\n"};
    for (size_t i = 0; i < sizeof blank / sizeof *blank; i++) {
        err = (struct error){0};
        assert_true(load("csv", "{\"label\": \"click\"}", blank[i], strlen(blank[i]), 0, &rows, NULL, &err) < 0);
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
        assert_true(load(cases[i].format, cases[i].options, cases[i].text, strlen(cases[i].text), 0, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, cases[i].why);
        assert_error(&err, ERROR_DATA, "name the label's in dataset.label (\"label\" in --format); predict --no-labels needs none");
    }
    struct error err = {0};
    struct kit_rows rows; /* the label itself, where rows to be scored have none, and one column */
    assert_true(load("csv", NULL, "user\nu7\n", 8, 0, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "no column is left to learn from (1 with the label); name the label's");
    error_clear(&err); /* a bad row is a bad row where the column was named */
    assert_true(load("csv", "{\"label\": \"user\"}", "user,item\nu7,3\n", 15, 0, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "\"u7\" is not a label; it must be 0 or 1");
    assert_null(strstr(err.msg, "--no-labels"));
    char wide[8192] = "", *at = wide; /* many columns with long names: the advice is not cut off */
    for (int i = 0; i < 60; i++) at += sprintf(at, "%sa_column_with_a_rather_long_name_%d", i ? "," : "", i);
    at += sprintf(at, "\n");
    for (int i = 0; i < 60; i++) at += sprintf(at, "%sa cell whose text is long enough to be cut somewhere", i ? "," : "");
    at += sprintf(at, "\n");
    err = (struct error){0};
    assert_true(load("csv", NULL, wide, strlen(wide), 0, &rows, NULL, &err) < 0);
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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bad_rows_say_where_and_what),
    cmocka_unit_test(every_format_refuses_rubbish),
    cmocka_unit_test(one_label_only_is_no_fault_of_the_text),
    cmocka_unit_test(criteo_keys_by_definition),
    cmocka_unit_test(criteo_kernels_by_definition),
    cmocka_unit_test(kernels_agree),
    cmocka_unit_test(sparse_lines_both_ways),
    cmocka_unit_test(sparse_keys_and_values),
    cmocka_unit_test(vw_by_definition),
    cmocka_unit_test(jsonl_by_definition),
    cmocka_unit_test(tables_agree),
    cmocka_unit_test(csv_columns_of_every_type),
    cmocka_unit_test(csv_columns_by_number),
    cmocka_unit_test(csv_options_that_do_not_fit),
    cmocka_unit_test(no_label_is_told_as_such),
    cmocka_unit_test(csv_files_share_their_header),
};
TEST_MAIN(tests)

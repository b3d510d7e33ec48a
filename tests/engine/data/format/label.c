/* Labels that are no bits: every format reads them, tells which are none, and the block cache gives them back bit for bit. */
#include "engine/data/format/label.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/data_kit.h"
#include "lib/format_kit.h"
#include "lib/test.h"

#define T12 "\t\t\t\t\t\t\t\t\t\t\t\t"
#define T38 T12 T12 T12 "\t\t"

static const struct sample { /* before: before the label, if the format has something there; behind: what follows it on its line */
    const char *format, *options, *header, *before, *behind;
} samples[] = {{"criteo", NULL, "", "", "\t5" T38},
               {"csv", NULL, "label,a\n", "", ",x"},
               {"csv", "{\"header\": false, \"label\": \"1\"}", "", "x,", ""},
               {"csv", NULL, "label,a\n", "\"", "\",x"},
               {"tsv", NULL, "label\ta\n", "", "\tx"},
               {"jsonl", NULL, "", "{\"a\": \"x\", \"label\": ", "}"},
               {"jsonl", NULL, "", "{\"a\": \"x\", \"label\": \"", "\"}"},
               {"libsvm", NULL, "", "", " 1:1 2:0.5"},
               {"libsvm", NULL, "", "", " 1:1 # the thorough way"},
               {"libffm", NULL, "", "", " 1:1:1 2:7:0.5"},
               {"libffm", NULL, "", "", " 1:1:1e0 # the thorough way"},
               {"vw", NULL, "", "", " |a b:2"}};
enum { SAMPLES = sizeof samples / sizeof *samples };

static void text_of(char *text, size_t size, const struct sample *s, const char *const *labels, size_t count)
{
    size_t used = (size_t)snprintf(text, size, "%s", s->header);
    for (size_t i = 0; i < count; i++) used += (size_t)snprintf(text + used, size - used, "%s%s%s\n", s->before, labels[i], s->behind);
}

static void numbers_are_read(void **state)
{
    static const char *const labels[] = {"3", "-2.5", "0.1", "1e-3", "0", "+7", "12345678.25", "-1"};
    static const float want[] = {3, -2.5f, 0.1f, 1e-3f, 0, 7, 12345678.25f, -1};
    enum { LABELS = sizeof labels / sizeof *labels };
    char text[4096];
    (void)state;
    for (size_t s = 0; s < SAMPLES; s++) {
        struct format_kit kit = {.format = samples[s].format, .options = samples[s].options, .context = {.labels = {LABELS_REAL, 0}}};
        struct error err = {0};
        bool json_number = strcmp(kit.format, "jsonl") == 0 && samples[s].behind[0] == '}';
        text_of(text, sizeof text, &samples[s], labels, LABELS);
        if (json_number) *strchr(text, '+') = ' '; /* JSON has no plus */
        assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
        if (kit.out.bad.count) print_message("%s: %s\n", kit.format, kit.out.bad.text);
        assert_int_equal(kit.out.bad.count, 0);
        assert_int_equal(kit.out.rows.count, LABELS);
        assert_true(kit.out.rows.with & ROWS_REALS);
        assert_memory_equal(kit.out.rows.reals, want, sizeof want);
        for (size_t r = 0; r < LABELS; r++) assert_true(rows_label(&kit.out.rows, r) == want[r] && kit.out.rows.labels[r] == 0);
        format_kit_close(&kit);
    }
}

static void what_is_none_is_told(void **state)
{
    static const struct {
        struct label_rule rule;
        const char *label, *want;
    } cases[] = {{{LABELS_REAL, 0}, "abc", "\"abc\" is not a label; it must be a number"},
                 {{LABELS_REAL, 0}, "1e39", "\"1e39\" is not a label; it must be a number within"},
                 {{LABELS_REAL, 0}, "nan", "\"nan\" is not a label"},
                 {{LABELS_COUNT, 0}, "-1", "\"-1\" is not a label; it must be a number >= 0"},
                 {{LABELS_COUNT, 0}, "2e13", "\"2e13\" is not a label; it must be a number >= 0, and at most 1e13"},
                 {{LABELS_CLASS, 3}, "3", "\"3\" is not a label; it must be a class, a whole number from 0 to model.classes - 1"},
                 {{LABELS_CLASS, 3}, "0.5", "\"0.5\" is not a label; it must be a class"},
                 {{LABELS_CLASS, 3}, "-1", "\"-1\" is not a label; it must be a class"},
                 {{LABELS_BINARY, 0}, "2", "\"2\" is not a label; it must be 0 or 1"}};
    char text[4096];
    (void)state;
    for (size_t s = 0; s < SAMPLES; s++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            const char *const labels[] = {"1", cases[c].label, "0"};
            struct format_kit kit = {.format = samples[s].format, .options = samples[s].options, .context = {.labels = cases[c].rule}};
            struct error err = {0};
            if (samples[s].behind[0] == '}' && !strpbrk(cases[c].label, "0123456789")) continue; /* the line would be no JSON */
            text_of(text, sizeof text, &samples[s], labels, 3);
            assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
            assert_int_equal(kit.out.bad.count, 1);
            assert_int_equal(kit.out.rows.count, 2);
            if (!strstr(kit.out.bad.text, cases[c].want)) fail_msg("%s: %s, want %s", kit.format, kit.out.bad.text, cases[c].want);
            assert_true(rows_label(&kit.out.rows, 0) == 1 && rows_label(&kit.out.rows, 1) == 0);
            format_kit_close(&kit);
        }
}

static void words_are_for_bits(void **state)
{
    struct format_kit kit = {.format = "csv", .options = "{\"positive\": \"yes\"}", .context = {.labels = {LABELS_REAL, 0}}};
    struct error err = {0};
    (void)state;
    assert_int_equal(format_kit_open(&kit, "label,a\n1,x\n", 12, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "it is for labels 0 and 1");
    format_kit_close(&kit);
}

static void text_without_labels_needs_none(void **state)
{
    (void)state;
    for (const struct format_sample *s = format_samples; s->format; s++) {
        struct format_kit bits, reals = {.format = s->format, .options = s->options};
        struct error err = {0};
        if (!s->no_labels) continue;
        assert_ok(format_kit_sample(&bits, s, &err), &err);
        reals.context = bits.context;
        reals.context.labels = (struct label_rule){LABELS_COUNT, 0};
        assert_ok(format_kit_open(&reals, s->text, strlen(s->text), &err), &err);
        assert_int_equal(reals.out.rows.count, bits.out.rows.count);
        assert_int_equal(reals.out.rows.features, bits.out.rows.features);
        assert_memory_equal(reals.out.rows.keys, bits.out.rows.keys, bits.out.rows.features * sizeof *bits.out.rows.keys);
        for (size_t r = 0; r < reals.out.rows.count; r++) assert_true(rows_label(&reals.out.rows, r) == 0);
        format_kit_close(&bits);
        format_kit_close(&reals);
    }
}

/* Bits and numbers of the same text are two entries, each with its own labels; a crossed row that is refused takes its label with it. */
static void the_cache_keeps_them(void **state)
{
    char dir[PATH_SIZE], path[PATH_SIZE + 8], cache[PATH_SIZE + 8];
    static char text[1 << 20];
    struct kit_rows rows;
    struct dataset_info bits, reals;
    struct error err = {0};
    size_t used = 0;
    enum { ROWS = 20000 }; /* several blocks */
    (void)state;
    test_dir(dir);
    snprintf(path, sizeof path, "%s/f", dir), snprintf(cache, sizeof cache, "%s/cache", dir);
    for (int i = 0; i < ROWS; i++) used += (size_t)snprintf(text + used, sizeof text - used, "%d %d:1\n", i % 2, i);
    test_write_file(path, text, used);
    struct kit kit = {.format = "libsvm", .path = path, .cache = cache};
    assert_ok(kit_load(&kit, &rows, &bits, &err), &err);
    kit_rows_close(&rows);
    kit.labels = (struct label_rule){LABELS_COUNT, 0};
    assert_ok(kit_load(&kit, &rows, &reals, &err), &err);
    kit_rows_close(&rows);
    assert_string_not_equal(bits.digest, reals.digest);
    assert_true(bits.positives == ROWS / 2 && reals.positives == 0 && reals.labels.range == LABELS_COUNT);

    used = 0;
    for (int i = 0; i < ROWS; i++) used += (size_t)snprintf(text + used, sizeof text - used, "%.9g %d:1\n", i / 8.0 - 99, i);
    test_write_file(path, text, used);
    assert_error((kit_load(&kit, &rows, NULL, &err), &err), ERROR_DATA, "f:1: column 1: \"-99\" is not a label; it must be a number >= 0");
    kit.labels.range = LABELS_REAL;
    err = (struct error){0};
    for (int again = 0; again < 2; again++) {
        assert_ok(kit_load(&kit, &rows, NULL, &err), &err);
        assert_int_equal(rows.count, ROWS);
        for (int i = 0; i < ROWS; i++) assert_true(rows.labels[i] == (float)(i / 8.0 - 99));
        kit_rows_close(&rows);
    }
}

/* A row that the crosses refuse takes its label with it. */
static void crossed_rows_keep_theirs(void **state)
{
    static char text[300000];
    struct format_kit kit = {.format = "libffm", .context = {.labels = {LABELS_REAL, 0}, .crosses = "[[\"0\", \"1\"]]"}};
    struct error err = {0};
    size_t used = (size_t)snprintf(text, sizeof text, "2.5 0:1:1 1:1:1\n-4");
    (void)state;
    for (int i = 0; i < 9000; i++) used += (size_t)snprintf(text + used, sizeof text - used, " %d:%d:1", i % 2, i); /* 20 million pairs */
    snprintf(text + used, sizeof text - used, "\n7.25 0:1:1\n");
    assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
    assert_true(kit.out.bad.count == 1 && kit.out.rows.count == 2);
    assert_true(rows_label(&kit.out.rows, 0) == 2.5f && rows_label(&kit.out.rows, 1) == 7.25f);
    format_kit_close(&kit);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(numbers_are_read),     cmocka_unit_test(what_is_none_is_told),
                                          cmocka_unit_test(words_are_for_bits),   cmocka_unit_test(text_without_labels_needs_none),
                                          cmocka_unit_test(the_cache_keeps_them), cmocka_unit_test(crossed_rows_keep_theirs)};
TEST_MAIN(tests)

/* Progress lines and figures for people: exact texts, and nothing wider than the terminal. */
#include "lib/test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/bar.h"
#include "cli/terminal.h"

static const struct progress half = {.phase = PROGRESS_TRAINING,
                                     .done = 1,
                                     .total = 2,
                                     .rows = 1720000,
                                     .epoch = 1,
                                     .epochs = 2,
                                     .rows_per_s = 1810000,
                                     .loss = 0.44714,
                                     .auc = 0.7812,
                                     .eta_ms = 12000};

static void test_lines(void **state)
{
    char line[256];
    struct progress p = half;
    (void)state;
    bar_text(line, sizeof line, &p, false, 200);
    assert_string_equal(line, "training 50%  1.81 M rows/s  loss 0.4471  ETA 12.0 s  auc 0.7812  epoch 1/2  1.72 M rows");
    bar_text(line, sizeof line, &p, true, 200);
    assert_non_null(strstr(line, "training    50%  [========>       ]  1.81 M rows/s"));
    p.total = 0; /* how much there is, is not known */
    p.loss = p.auc = p.rows_per_s = NAN;
    bar_text(line, sizeof line, &p, false, 200);
    assert_string_equal(line, "training  ETA 12.0 s  epoch 1/2  1.72 M rows");
    p = half;
    p.done = 7; /* more than all is all */
    bar_text(line, sizeof line, &p, true, 200);
    assert_non_null(strstr(line, "100%  [================]"));
    assert_null(strstr(line, "ETA"));
    p = half;
    p.eta_ms = 245000;
    bar_text(line, sizeof line, &p, true, 79); /* an ordinary terminal shows rows/s, loss and ETA */
    assert_non_null(strstr(line, "1.81 M rows/s  loss 0.4471  ETA 4 min 05 s"));
    p.done = 1999999, p.total = 2000000; /* 100 % is not said before it is true */
    bar_text(line, sizeof line, &p, false, 200);
    assert_non_null(strstr(line, "training 99%"));
}

static void test_widths(void **state)
{
    char line[256], small[24];
    (void)state;
    for (size_t width = 0; width < 120; width++) {
        size_t length = bar_text(line, sizeof line, &half, true, width);
        assert_int_equal(strlen(line), length);
        assert_true(length <= width);
        assert_true(bar_text(small, sizeof small, &half, true, width) < sizeof small);
    }
}

static void test_durations(void **state)
{
    static const struct {
        int64_t ms;
        const char *duration, *age;
    } rows[] = {{-1, "-", "just now"},
                {0, "0 ms", "just now"},
                {999, "999 ms", "just now"},
                {1500, "1.5 s", "1 s ago"},
                {60000, "1 min 00 s", "1 min ago"},
                {3599000, "59 min 59 s", "59 min ago"},
                {3600000, "1 h 00 min", "1 h ago"},
                {90000000, "1 d 1 h", "1 d ago"}};
    char buf[64];
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_string_equal(human_duration(buf, sizeof buf, rows[i].ms), rows[i].duration);
        assert_string_equal(human_age(buf, sizeof buf, rows[i].ms), rows[i].age);
    }
}

static void test_table(void **state)
{
    struct table t;
    struct error err = {0};
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    (void)state;
    table_init(&t, "lrl");
    static const char *const cells[] = {"name", "auc", "why", "\xc3\xa9t\xc3\xa9", "0.75", "", "a\x1b[2Jb", "1", "long"};
    for (size_t i = 0; i < sizeof cells / sizeof *cells; i++) assert_ok(table_cell(&t, &err, "%s", cells[i]), &err);
    table_print(&t, out);
    print_clean(out, "x\x1b[31m\ty\r\n", 10);
    fclose(out);
    assert_string_equal(text, "name     auc  why\n\xc3\xa9t\xc3\xa9     0.75  \na?[2Jb     1  long\nx\\x1b[31m\ty\\x0d\n");
    table_close(&t);
    free(text);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_widths), cmocka_unit_test(test_durations),
                                          cmocka_unit_test(test_table)};
TEST_MAIN(tests)

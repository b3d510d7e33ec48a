/* Reading scores: what core/scores writes comes back, and every fault has its line. */
#include "cli/scorefile.h"
#include "lib/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "engine/core/scores.h"

static char dir[PATH_SIZE];

static const char *file_of(const char *text, size_t size)
{
    static char path[PATH_SIZE];
    struct error err = {0};
    if (!dir[0]) test_dir(dir);
    assert_ok(path_join(path, dir, "scores.tsv", &err), &err);
    test_write_file(path, text, size);
    return path;
}

static void scores_come_back(void **state)
{
    (void)state;
    const float logits[] = {0, -3.25f, 12.5f, 0.1f, -20, 7.123456f, 27, 60, -750};
    for (unsigned form = SCORES_LABEL; form < SCORES_FORMS; form += SCORES_LOGIT) {
        static char text[1 << 20];
        enum { ROWS = 9 * 2000 }; /* more than one buffer */
        struct error err = {0};
        struct scorefile s;
        const struct scores_style style = {form, &loss_logistic, 1};
        size_t size = (size_t)snprintf(text, sizeof text, "%s", scores_headers[form]);
        for (size_t i = 0; i < ROWS; i++) size += scores_line(text + size, &style, i * i, (float)(i % 2), &logits[i % 9]);
        assert_ok(scorefile_open(&s, &world_real, file_of(text, size), &err), &err);
        for (size_t i = 0; i < ROWS; i++) {
            assert_int_equal(scorefile_next(&s, &err), 1);
            assert_true(s.row == i * i && s.label == (float)(i % 2) && s.line == i + 2);
            if (form & SCORES_LOGIT) assert_true(s.logit == logits[i % 9]);
            else if (fabsf(logits[i % 9]) < 25) assert_close((double)s.logit, (double)logits[i % 9], 1e-2, 1e-7); /* what 12 digits leave of it */
            else assert_true(isfinite(s.logit) && fabsf(s.logit) > 24 && (s.logit > 0) == (logits[i % 9] > 0));
            if (fabsf(logits[i % 9]) < 13) assert_close((double)s.logit, (double)logits[i % 9], 1e-6, 1e-7);
        }
        assert_int_equal(scorefile_next(&s, &err), 0);
        assert_int_equal(s.saturated > 0, !(form & SCORES_LOGIT));
        scorefile_close(&s);
        scorefile_close(&s);
    }
}

#define HEADER "row\tlabel\tscore\n"
static void faults_have_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } bad[] = {{"", ":1: not a file of scores with labels"},
               {"row\tscore\n1\t0.5\n", ":1: not a file of scores with labels: its first line is \"row\\x09score\""},
               {HEADER "1\t0\n", ":2: 2 columns, want row, label, score"},
               {HEADER "1\t0\t0.5\t7\n", ":2: more than 3 columns"},
               {HEADER "x\t0\t0.5\n", ":2: the row must be a number, got \"x\""},
               {HEADER "-1\t0\t0.5\n", ":2: the row must be a number"},
               {HEADER "1a\t0\t0.5\n", ":2: the row must be a number"},
               {HEADER "123456789012345678901\t0\t0.5\n", ":2: the row must be a number"},
               {HEADER "1\t2\t0.5\n", ":2: the label must be 0 or 1, got \"2\""},
               {HEADER "1\t1\t0.5\n1\t1\t0.5\n", ":3: row 1 after row 1; rows must rise"},
               {HEADER "1\t1\t1.5\n", ":2: the score must be a probability, got \"1.5\""},
               {HEADER "1\t1\t-0.1\n", ":2: the score must be a probability"},
               {HEADER "1\t1\tnan\n", ":2: the score must be a probability"},
               {HEADER "1\t1\t\n", ":2: the score must be a probability"},
               {HEADER "1\t1\t0.5", ":2: the last line is cut off"},
               {"row\tlabel\tlogit\n1\t1\tinf\n", ":2: the logit must be a number"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct error err = {0};
        struct scorefile s = {0};
        int rc = scorefile_open(&s, &world_real, file_of(bad[i].text, strlen(bad[i].text)), &err);
        while (rc == 0 && (rc = scorefile_next(&s, &err)) == 1) rc = 0;
        assert_int_equal(rc, -ERROR_DATA);
        assert_error(&err, ERROR_DATA, bad[i].part);
        scorefile_close(&s);
    }
    struct error err = {0};
    struct scorefile s;
    static const char nul[] = HEADER "1\t0\t0.5\0x\n";
    assert_ok(scorefile_open(&s, &world_real, file_of(nul, sizeof nul - 1), &err), &err);
    assert_int_equal(scorefile_next(&s, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, ":2: a NUL byte");
    scorefile_close(&s);
    static char endless[SCOREFILE_BUFFER + 100];
    memset(endless, '7', sizeof endless);
    memcpy(endless, HEADER, strlen(HEADER));
    error_clear(&err);
    assert_ok(scorefile_open(&s, &world_real, file_of(endless, sizeof endless), &err), &err);
    assert_int_equal(scorefile_next(&s, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, ":2: the line has no end");
    scorefile_close(&s);
}

static void directories_lead_to_their_file(void **state)
{
    (void)state;
    char run[PATH_SIZE], folds[PATH_SIZE], out[PATH_SIZE];
    struct error err = {0};
    test_dir(run);
    assert_int_equal(scorefile_path(out, &world_real, run, &err), -ERROR_NOTFOUND);
    assert_error(&err, ERROR_NOTFOUND, "run it with \"evaluate\": {\"scores\": true}");
    error_clear(&err);
    assert_ok(path_join(folds, run, "folds", &err), &err);
    assert_ok(path_mkdirs(&world_real, folds, &err), &err);
    assert_int_equal(scorefile_path(out, &world_real, run, &err), -ERROR_NOTFOUND);
    assert_error(&err, ERROR_NOTFOUND, "several folds; name one");
    error_clear(&err);
    assert_ok(path_join(folds, run, "scores.tsv", &err), &err);
    test_write_file(folds, HEADER, strlen(HEADER));
    assert_ok(scorefile_path(out, &world_real, run, &err), &err);
    assert_string_equal(out, folds);
    assert_ok(scorefile_path(out, &world_real, folds, &err), &err);
    assert_string_equal(out, folds);
    assert_int_equal(scorefile_path(out, &world_real, "/nowhere/at/all", &err), -ERROR_NOTFOUND);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(scores_come_back),
    cmocka_unit_test(faults_have_their_line),
    cmocka_unit_test(directories_lead_to_their_file),
};
TEST_MAIN(tests)

/* test: threads */
/* Bad steps: a log with two poisoned rows far into it, under each policy. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "contract/rundir.h"
#include "contract/safetensors.h"
#include "lib/run_kit.h"

/* a.svm with enormous values in two rows of step 52; their labels differ, so one of them is far off whatever the weights are. */
static void poison_data(void)
{
    char from[PATH_SIZE], to[PATH_SIZE], *line = NULL;
    size_t room = 0, row = 0;
    run_kit_data("a.svm", false, false);
    snprintf(from, sizeof from, "%.*s/a.svm", 3000, run_kit_root);
    snprintf(to, sizeof to, "%.*s/poison.svm", 3000, run_kit_root);
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_true(in && out);
    while (getline(&line, &room, in) > 0) fputs(++row == 2600 ? "0 1:1e15 2:2e15 3:3e15\n" : row == 2590 ? "1 1:1e15 2:2e15 3:3e15\n" : line, out);
    free(line);
    fclose(in), assert_int_equal(fclose(out), 0);
}

#define POISONED(train, rest) \
    RUN_KIT_SPEC("poison.svm", \
                 "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'sequential', 'test_fraction': 0.1}, " \
                 "'optimizer': {'kind': 'sgd', 'lr': 1}, 'train': {'batch_size': 50, 'shuffle': false, 'log_every_steps': 1" train "}" rest)

static char *events_of(const char *dir)
{
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    return test_read_file(path, &size);
}

static void a_bad_step_is_left_out(void **state)
{
    (void)state;
    struct run_result one, other, spoilt;
    struct error err = {0};
    assert_ok(run_kit_run(&world_real, POISONED(", 'nonfinite': 'skip', 'spike_factor': 10", ""), "skip", 1, &one, &err), &err);
    assert_ok(run_kit_run(&world_real, POISONED(", 'nonfinite': 'skip', 'spike_factor': 10", ""), "skip2", 2, &other, &err), &err);
    assert_string_equal(one.sha256, other.sha256);
    assert_true(run_kit_metric("skip", "auc") > 0.75);
    char *events = events_of("skip");
    assert_non_null(strstr(events, "step 52: the loss"));
    assert_non_null(strstr(events, "the step is left out (1 so far)"));
    mem_free(events);
    int rc = run_kit_run(&world_real, POISONED("", ""), "spoilt", 1, &spoilt, &err); /* they do harm where nobody looks */
    assert_true(rc < 0 || run_kit_metric("spoilt", "auc") < run_kit_metric("skip", "auc") - 0.05 ||
                run_kit_metric("spoilt", "logloss") > 2 * run_kit_metric("skip", "logloss"));
}

static void a_guard_that_finds_nothing_changes_nothing(void **state)
{
    (void)state;
#define SOUND(train) \
    RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'hash_bits': 12}, 'train': {'batch_size': 100" train "}, 'compression': {'codec': 'topk'}")
    struct run_result one, other;
    struct error err = {0};
    assert_ok(run_kit_run(&world_real, SOUND(""), "plain", 2, &one, &err), &err);
    assert_ok(run_kit_run(&world_real, SOUND(", 'nonfinite': 'skip'"), "guarded", 2, &other, &err), &err);
    assert_true(run_kit_metric("plain", "logloss") == run_kit_metric("guarded", "logloss"));
}

static void a_spike_ends_a_run_that_may_fail(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    assert_int_equal(run_kit_run(&world_real, POISONED(", 'spike_factor': 10", ""), "fail", 2, &result, &err), -ERROR_DIVERGED);
    assert_error(&err, ERROR_DIVERGED, "step 52: the loss");
}

/* The rows are met again after each rollback, at half the rate before; the third is the last. */
static void rollbacks_halve_the_rate_and_end(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    assert_int_equal(run_kit_run(&world_real,
                                 POISONED(", 'nonfinite': 'rollback', 'spike_factor': 10", ", 'checkpoint': {'every_steps': 20, 'every_ms': 0}"),
                                 "back", 2, &result, &err),
                     -ERROR_DIVERGED);
    assert_error(&err, ERROR_DIVERGED, "(after 3 rollbacks)");
    char *events = events_of("back");
    assert_non_null(strstr(events, "at half the rate (rollback 1 of 3)"));
    assert_non_null(strstr(events, "at half the rate (rollback 3 of 3)"));
    if (!strstr(events, "\"lr\": 0.5")) fail_msg("%.600s", strstr(events, "\"metric\""));
    assert_non_null(strstr(events, "\"lr\": 0.125"));
    mem_free(events);
    memset(&err, 0, sizeof err);
    assert_int_equal(run_kit_run(&world_real, POISONED(", 'nonfinite': 'rollback', 'spike_factor': 10", ", 'checkpoint': {'every_ms': 0}"), "nowhere",
                                 2, &result, &err),
                     -ERROR_DIVERGED);
    assert_error(&err, ERROR_DIVERGED, "(no checkpoint to roll back to)");
}

/* a.svm with a new feature of great value in some rows of steps 24 to 39; at the full rate they throw its weight far off. */
static void spike_data(void)
{
    char from[PATH_SIZE], to[PATH_SIZE], *line = NULL;
    size_t room = 0, row = 0;
    snprintf(from, sizeof from, "%.*s/a.svm", 3000, run_kit_root);
    snprintf(to, sizeof to, "%.*s/spikes.svm", 3000, run_kit_root);
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    assert_true(in && out);
    for (; getline(&line, &room, in) > 0; row++)
        fprintf(out, "%.*s%s\n", (int)strcspn(line, "\n"), line, row >= 1150 && row < 1950 && row % 16 == 0 ? " 200:60" : "");
    free(line);
    fclose(in), assert_int_equal(fclose(out), 0);
}

#define SPIKES_EPOCHS(epochs, train) \
    RUN_KIT_SPEC( \
        "spikes.svm", \
        "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'sequential', 'test_fraction': 0.1}, 'optimizer': {'kind': 'sgd', 'lr': 1}, " \
        "'train': {'batch_size': 50, 'epochs': " #epochs ", 'shuffle': false, 'spike_factor': 3" train "}, " \
        "'checkpoint': {'every_steps': 4, 'every_ms': 0}")
#define SPIKES(train) SPIKES_EPOCHS(2, ", 'log_every_steps': 1" train)

/* The newest checkpoint has the bad weight already: going back to it is no help, going back to the one before and at a lower rate is. */
static void a_rollback_recovers(void **state)
{
    (void)state;
    struct run_result one, other;
    struct error err = {0};
    assert_ok(run_kit_run(&world_real, SPIKES(", 'nonfinite': 'rollback'"), "recovers", 1, &one, &err), &err);
    assert_ok(run_kit_run(&world_real, SPIKES(", 'nonfinite': 'rollback'"), "recovers2", 2, &other, &err), &err);
    assert_string_equal(one.sha256, other.sha256);
    assert_int_equal(one.steps, 108);
    assert_true(run_kit_metric("recovers", "auc") > 0.75);
    char *events = events_of("recovers");
    assert_non_null(strstr(events, "back from step 26 to 24, at half the rate (rollback 1 of 3)"));
    assert_non_null(strstr(events, "back from step 26 to 20, at half the rate (rollback 2 of 3)"));
    mem_free(events);
    assert_int_equal(run_kit_run(&world_real, SPIKES(""), "unguarded", 1, &one, &err), -ERROR_DIVERGED);
}

/* Rows of a final.safetensors' progressive window; *counted: by the sums, and the result by the bins. */
static uint64_t progressive_rows(const char *dir, uint64_t *counted)
{
    char path[PATH_SIZE];
    struct safetensors st;
    struct error err = {0};
    uint64_t sum = 0;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_FINAL, 3000, run_kit_root, dir);
    assert_ok(safetensors_open(&st, &world_real, path, &err), &err);
    const struct tensor *t = safetensors_find(&st, "progressive.counts");
    assert_non_null(t);
    for (uint64_t at = 0, count; at < t->size_bytes; at += sizeof count, sum += count)
        assert_ok(safetensors_read(&st, t, at, &count, sizeof count, &err), &err);
    *counted = strtoull(json_string_value(json_object_get(st.metadata, "progressive_rows")), NULL, 10);
    safetensors_close(&st);
    return sum;
}

/* Rows that a rollback took back count nowhere: whether somebody looked at the figures before (which the clock decides) or not. */
static void rows_taken_back_do_not_count(void **state)
{
    (void)state;
    struct run_result often, seldom;
    struct error err = {0};
    uint64_t rows;
    assert_ok(run_kit_run(&world_real, SPIKES_EPOCHS(1, ", 'nonfinite': 'rollback', 'log_every_steps': 1"), "often", 1, &often, &err), &err);
    assert_ok(run_kit_run(&world_real, SPIKES_EPOCHS(1, ", 'nonfinite': 'rollback', 'log_every_steps': 1000"), "seldom", 2, &seldom, &err), &err);
    char *events = events_of("seldom");
    assert_non_null(strstr(events, "(rollback 1 of 3)"));
    mem_free(events);
    assert_int_equal(progressive_rows("seldom", &rows), 2700);
    assert_int_equal(rows, 2700);
    assert_string_equal(often.sha256, seldom.sha256);
}

/* A rate at which nothing stays finite: bad steps end after ten in a row. */
static void a_model_that_is_lost_is_named_so(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    assert_int_equal(
        run_kit_run(&world_real,
                    RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'hash_bits': 12}, 'optimizer': {'kind': 'sgd', 'lr': 1000000}, 'train': "
                                          "{'batch_size': 50, 'epochs': 20, 'nonfinite': 'skip'}"),
                    "lost", 2, &result, &err),
        -ERROR_DIVERGED);
    assert_error(&err, ERROR_DIVERGED, "(10 bad steps in a row)");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(a_bad_step_is_left_out),
                                          cmocka_unit_test(a_guard_that_finds_nothing_changes_nothing),
                                          cmocka_unit_test(a_spike_ends_a_run_that_may_fail),
                                          cmocka_unit_test(rollbacks_halve_the_rate_and_end),
                                          cmocka_unit_test(a_rollback_recovers),
                                          cmocka_unit_test(rows_taken_back_do_not_count),
                                          cmocka_unit_test(a_model_that_is_lost_is_named_so)};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    poison_data();
    spike_data();
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

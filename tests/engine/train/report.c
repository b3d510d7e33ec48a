/* test: threads */
/* Progressive figures of metric events: windows add up to the epoch, a new epoch starts anew, and a run that was stopped tells the same at its end as
 * one that was not. */
#include "lib/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contract/event.h"
#include "contract/rundir.h"
#include "engine/train/run.h"
#include "lib/job_kit.h"
#include "lib/run_kit.h"

static int setup(void **state)
{
    (void)state;
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    return 0;
}

enum { EPOCHS = 3, BATCH = 130, EVENTS_MAX = 400 };
static const char spec[] = RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'none'}, 'optimizer': {'lr': 0.2}, "
                                                 "'train': {'epochs': 3, 'batch_size': 130, 'shards': 4, 'log_every_steps': 1}, "
                                                 "'checkpoint': {'every_steps': 4}");

static struct figures {
    uint64_t step, rows;
    int64_t epoch;
    double loss, epoch_loss, epoch_auc;
} told[EVENTS_MAX];
static size_t told_count;

static double number(const struct event *event, const char *name) { return json_number_value(json_object_get(event->body, name)); }

static int tell(void *context, struct event *event, struct error *err)
{
    (void)context, (void)err;
    if (event->type != EVENT_METRIC) return 0;
    assert_true(told_count < EVENTS_MAX);
    told[told_count++] = (struct figures){event->step,           (uint64_t)number(event, "rows"), (int64_t)number(event, "epoch"),
                                          number(event, "loss"), number(event, "epoch_loss"),     number(event, "epoch_auc")};
    return 0;
}

static void read_events_by(const char *dir, int (*each)(void *context, struct event *event, struct error *err))
{
    char path[PATH_SIZE];
    size_t size;
    struct event_reader reader;
    struct error err = {0};
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    char *text = test_read_file(path, &size);
    event_reader_init(&reader, 0);
    assert_ok(event_reader_feed(&reader, text, size, each, NULL, &err), &err);
    event_reader_close(&reader);
    mem_free(text);
}

static void read_events(const char *dir)
{
    told_count = 0;
    read_events_by(dir, tell);
}

/* One event a step: the mean of an epoch's losses so far, by rows, is what epoch_loss says. */
static void windows_add_up_to_the_epoch(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    double sum = 0, last[EPOCHS + 1] = {0};
    uint64_t rows = 0, before = 0;
    assert_ok(run_kit_run(&world_real, spec, "whole", 2, &result, &err), &err);
    read_events("whole");
    assert_int_equal(told_count, EPOCHS * ((RUN_KIT_ROWS + BATCH - 1) / BATCH));
    for (size_t i = 0; i < told_count; i++) {
        if (i > 0 && before % RUN_KIT_ROWS == 0) sum = 0, rows = 0; /* an epoch has ended */
        sum += told[i].loss * (double)(told[i].rows - before);
        rows += told[i].rows - before;
        before = told[i].rows;
        assert_close(told[i].epoch_loss, sum / (double)rows, 1e-9, 0);
        assert_true(told[i].epoch_auc > 0.3 && told[i].epoch_auc <= 1);
        last[told[i].epoch] = told[i].epoch_loss;
    }
    assert_true(last[1] > last[2] && last[2] > last[3]); /* what was seen before is foretold better */
}

static void stops_do_not_show_in_the_figures_of_an_epoch(void **state)
{
    (void)state;
    static struct figures whole[EVENTS_MAX];
    struct run_result result;
    struct error err;
    read_events("whole");
    size_t count = told_count;
    memcpy(whole, told, sizeof whole);
    run_kit_progress = job_kit_stop;
    for (unsigned stop = 1; stop <= 5; stop++) {
        job_kit_stops = 1;
        assert_int_equal(run_kit_run(&world_real, spec, "parts", 1 + stop % 3, &result, &err), -ERROR_STOPPED);
    }
    run_kit_progress = NULL;
    assert_ok(run_kit_run(&world_real, spec, "parts", 2, &result, &err), &err);
    read_events("parts");
    assert_int_equal(told_count, count); /* each stop left a checkpoint of its very step */
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(told[i].step, whole[i].step);
        assert_close(told[i].epoch_loss, whole[i].epoch_loss, 0, 0);
        assert_close(told[i].epoch_auc, whole[i].epoch_auc, 0, 0);
    }
}

static json_t *fields_told; /* of the last log event that has some */
static int64_t sampled_rows;

static int keep_fields(void *context, struct event *event, struct error *err)
{
    json_t *fields = json_object_get(event->body, "fields");
    (void)context, (void)err;
    if (event->type != EVENT_LOG || !fields) return 0;
    assert_null(fields_told);
    fields_told = json_incref(fields);
    sampled_rows = json_integer_value(json_object_get(event->body, "sampled_rows"));
    return 0;
}

/* Three blocks of rows: field 0 has other features in each part of the file, field 1 the same everywhere. Features without fields have nothing to
 * tell. */
static void fields_are_counted(void **state)
{
    (void)state;
    enum { ROWS = 20000, PARTS = 8, SAME = 5 };
    char path[PATH_SIZE];
    struct bytes text;
    struct run_result result;
    struct error err;
    bytes_init(&text, 4 << 20);
    for (int row = 0; row < ROWS; row++)
        assert_ok(bytes_printf(&text, &err, "%d 0:%d:1 1:%d:1\n", row % 3 == 0, row / (ROWS / PARTS), row % SAME), &err);
    snprintf(path, sizeof path, "%.*s/parts.ffm", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
    for (unsigned workers = 1; workers <= 3; workers++) {
        char dir[24];
        snprintf(dir, sizeof dir, "fields%u", workers);
        assert_ok(run_kit_run(&world_real,
                              "{'dataset': {'uri': '%s/parts.ffm', 'format': 'libffm'}, 'model': {'kind': 'lr', 'hash_bits': 22}, "
                              "'train': {'max_rows': 100}}",
                              dir, workers, &result, &err),
                  &err);
        read_events_by(dir, keep_fields);
        assert_int_equal(json_array_size(fields_told), 2);
#ifdef TRAINYARD_HOSTILE
        assert_true(sampled_rows > 0 && sampled_rows < ROWS); /* blocks of a few rows: a sample of them */
#else
        assert_int_equal(sampled_rows, ROWS);
#endif
        for (size_t i = 0; i < 2 && sampled_rows == ROWS; i++) {
            const json_t *field = json_array_get(fields_told, i);
            assert_string_equal(json_string_value(json_object_get(field, "name")), i ? "1" : "0");
            assert_int_equal(json_integer_value(json_object_get(field, "distinct")), i ? SAME : PARTS);
        }
        json_decref(fields_told);
        fields_told = NULL;
    }
    assert_ok(run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'train': {'max_rows': 100}"), "fieldless", 2, &result, &err),
              &err);
    read_events_by("fieldless", keep_fields);
    assert_null(fields_told);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(windows_add_up_to_the_epoch),
                                          cmocka_unit_test(stops_do_not_show_in_the_figures_of_an_epoch), cmocka_unit_test(fields_are_counted)};

int main(int argc, char **argv)
{
    setup(NULL);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

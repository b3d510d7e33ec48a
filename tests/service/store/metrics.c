/* test: threads */
/* The store: curves. */
#include "service/store/fixture.h"

static void curves_keep_spikes(void **state)
{
    (void)state;
    enum { STEPS = 3000 };
    struct fixture f;
    char id[ID_SIZE], extra[100];
    up(&f);
    job_add(&f, "a", "", 0, "", id);
    run_job(&f, id);
    struct event *events = mem_array(STEPS, 1, sizeof *events, &f.err);
    for (int i = 0; i < STEPS; i++) {
        double loss = i == 1234 ? 99 : i == 2345 ? -99 : 1.0 / (1 + i);
        snprintf(extra, sizeof extra, i == 777 ? "\"loss\":null,\"auc\":0.5" : "\"loss\":%.17g,\"auc\":0.5", loss);
        events[i] = event_of((uint64_t)i + 1, 1, (uint64_t)i * 10 + 10, EVENT_METRIC, extra);
    }
    assert_ok(store_events_add(f.s, id, events, STEPS, 1, &f.err), &f.err);
    for (int i = 0; i < STEPS; i++) event_close(&events[i]);
    mem_free(events);
    put(&f, id, event_of(STEPS + 1, 2, 20, EVENT_METRIC, "\"loss\":42")); /* trained again after a resume */
    const char *names[] = {"loss"};
    struct metric_set set;
    assert_ok(store_metrics(f.s, id, &(struct metric_query){.names = names, .name_count = 1, .max_points = 100}, &set, &f.err), &f.err);
    assert_int_equal(set.count, 1);
    const struct metric_series *loss = &set.series[0];
    assert_int_equal(loss->total, STEPS);
    assert_in_range(loss->count, 50, 100);
    bool high = false, low = false, nan = false;
    for (size_t i = 0; i < loss->count; i++) {
        if (i > 0) assert_true(loss->points[i].step > loss->points[i - 1].step);
        high |= loss->points[i].value == 99 && loss->points[i].step == 12350;
        low |= loss->points[i].value == -99;
        nan |= isnan(loss->points[i].value);
    }
    assert_true(high && low && nan);
    assert_int_equal(loss->points[0].step, 10);
    assert_int_equal(loss->points[loss->count - 1].step, STEPS * 10);
    metric_set_close(&set);
    assert_ok(store_metrics(f.s, id, &(struct metric_query){.from_step = 10, .to_step = 30}, &set, &f.err), &f.err);
    assert_int_equal(set.count, 2);
    assert_string_equal(set.series[1].name, "loss");
    assert_int_equal(set.series[1].count, 3);
    assert_close(set.series[1].points[1].value, 42, 0, 0);
    assert_int_equal(set.series[1].points[1].attempt, 2);
    metric_set_close(&set);
    down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(curves_keep_spikes),
};
TEST_MAIN(tests)

/* test: threads */
/* The scheduler with runs that only pretend to train: ends of every kind. */
#include "service/sched/fixture.h"

static void good_job_succeeds(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE], path[PATH_SIZE];
    struct bytes log;
    up(&f);
    submit_body(&f, body_of("ok", 2, 0), id);
    struct job job = wait_state(&f, id, JOB_SUCCEEDED);
    assert_int_equal(job.slots, 2);
    assert_int_equal(job.attempt, 1);
    assert_close(json_number_value(json_object_get(job.evaluated, "auc")), 0.75, 0, 0);
    assert_string_equal(json_string_value(json_object_get(json_object_get(job.spec, "dataset"), "uri")), "file:clicks.tsv");
    job_close(&job);
    struct attempt_list attempts = attempts_of(&f, id, 1);
    assert_int_equal(attempts.items[0].exit_code, 0);
    assert_int_equal(attempts.items[0].attempt, 1);
    attempt_list_close(&attempts);
    struct seen seen = events_of(&f, id);
    assert_int_equal(seen.run_events, 6);
    assert_string_equal(seen.states, "queued starting ");
    struct checkpoint_list list;
    assert_ok(store_checkpoints(f.store, id, &list, &f.err), &f.err);
    assert_int_equal(list.count, 1);
    assert_ok(sched_checkpoint_path(f.sched, &list.items[0], path, &f.err), &f.err);
    assert_ok(path_unlink(&world_real, path, &f.err), &f.err);
    assert_int_equal(sched_checkpoint_path(f.sched, &list.items[0], path, &f.err), -ERROR_NOTFOUND);
    error_clear(&f.err);
    checkpoint_list_close(&list);
    bytes_init(&log, 1 << 20);
    assert_ok(sched_log_tail(f.sched, id, 10, 4096, &log, NULL, NULL, &f.err), &f.err);
    assert_string_equal(bytes_text(&log), "workers 2\n");
    bytes_close(&log);
    assert_ok(sched_run_path(f.sched, id, RUNDIR_SPEC, path, &f.err), &f.err);
    char *spec = test_read_file(path, NULL);
    assert_non_null(strstr(spec, f.place.data)); /* the run gets absolute paths */
    mem_free(spec);
    server_down(&f);
}

static void each_end_has_a_cause(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum job_cause cause;
        const char *part;
        size_t attempts;
    } rows[] = {
        {"bad-data", CAUSE_INVALID_DATA, "line 17: 38 columns", 1},
        {"diverged", CAUSE_DIVERGED, "failed says the fake", 1},
        {"silent", CAUSE_INTERNAL, "exit code 0", 1},
        {"rubbish", CAUSE_INTERNAL, "events", 1},
        {"crash", CAUSE_WORKER_LOST, "SIGKILL", 3},
    };
    struct fixture f;
    char ids[5][ID_SIZE];
    up(&f);
    for (size_t i = 0; i < 5; i++) submit(&f, rows[i].name, ids[i]);
    for (size_t i = 0; i < 5; i++) {
        struct job job = wait_state(&f, ids[i], JOB_FAILED);
        if (job.cause != rows[i].cause) fail_msg("%s: cause %s, want %s", rows[i].name, job_cause_name(job.cause), job_cause_name(rows[i].cause));
        if (!strstr(job.message, rows[i].part)) fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].name, job.message, rows[i].part);
        job_close(&job);
        struct attempt_list attempts = attempts_of(&f, ids[i], rows[i].attempts);
        assert_true(attempts.items[0].message[0] != 0);
        attempt_list_close(&attempts);
    }
    server_down(&f);
}

static void lost_runs_go_on_while_they_progress(void **state)
{
    (void)state;
    struct fixture f;
    char once[ID_SIZE], creep[ID_SIZE], away[ID_SIZE];
    up(&f);
    submit(&f, "crash-once", once);
    submit(&f, "creep", creep); /* five losses, each behind a new checkpoint, are not "without progress" */
    submit(&f, "away", away);
    wait_done(&f, once, JOB_SUCCEEDED);
    wait_done(&f, creep, JOB_SUCCEEDED);
    wait_done(&f, away, JOB_SUCCEEDED);
    struct attempt_list list = attempts_of(&f, once, 2);
    assert_int_equal(list.items[0].signal, SIGKILL);
    assert_int_equal(list.items[0].cause, CAUSE_WORKER_LOST);
    assert_int_equal(list.items[1].attempt, 2);
    attempt_list_close(&list);
    list = attempts_of(&f, creep, 6);
    attempt_list_close(&list);
    list = attempts_of(&f, away, 2);
    assert_int_equal(list.items[0].exit_code, 75);
    attempt_list_close(&list);
    struct seen seen = events_of(&f, once);
    assert_string_equal(seen.states, "queued starting queued starting ");
    server_down(&f);
}

static void missing_executable_is_said(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    server_down(&f);
    f.config.executable = "/nowhere/trainyard";
    server_up(&f);
    submit(&f, "ok", id);
    struct job job = wait_state(&f, id, JOB_FAILED);
    assert_non_null(strstr(job.message, "cannot start /nowhere/trainyard"));
    job_close(&job);
    server_down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(good_job_succeeds),
    cmocka_unit_test(each_end_has_a_cause),
    cmocka_unit_test(lost_runs_go_on_while_they_progress),
    cmocka_unit_test(missing_executable_is_said),
};
TEST_MAIN(tests)

/* test: threads */
/* The scheduler: the order of the queue, and what it accepts and deletes. */
#include "service/sched/fixture.h"

static void order_is_priority_then_age(void **state)
{
    (void)state;
    struct fixture f;
    char holder[ID_SIZE], low[ID_SIZE], high[ID_SIZE], wide[ID_SIZE];
    struct job job;
    struct job_wait wait;
    up(&f);
    submit(&f, "hold", holder);
    wait_done(&f, holder, JOB_RUNNING);
    submit_body(&f, body_of("hold", 2, 5), wide); /* needs both slots; one is taken */
    submit(&f, "ok", low);                        /* would fit, but does not overtake */
    submit_body(&f, body_of("ok", 1, 9), high);   /* fits and comes first */
    wait_done(&f, high, JOB_SUCCEEDED);
    wait_runs(&f, 1);
    job = wait_state(&f, wide, JOB_QUEUED);
    assert_ok(sched_wait_of(f.sched, &job, &wait, &f.err), &f.err);
    job_close(&job);
    assert_string_equal(wait.reason, "slots");
    assert_int_equal(wait.ahead, 0);
    assert_string_equal(wait.blocked_by, holder);
    job = wait_state(&f, low, JOB_QUEUED);
    assert_ok(sched_wait_of(f.sched, &job, &wait, &f.err), &f.err);
    job_close(&job);
    assert_string_equal(wait.reason, "priority");
    assert_int_equal(wait.ahead, 1);
    assert_string_equal(wait.blocked_by, wide);
    struct sched_stats stats;
    sched_stats(f.sched, &stats);
    assert_int_equal(stats.slots_total, 2);
    touch(&f, holder, "go");
    wait_done(&f, wide, JOB_RUNNING);
    touch(&f, wide, "go");
    wait_done(&f, low, JOB_SUCCEEDED);
    wait_done(&f, wide, JOB_SUCCEEDED);
    server_down(&f);
}

/* ---- accepting ---- */

static void submissions_are_checked(void **state)
{
    (void)state;
    struct fixture f;
    struct job job;
    bool replayed;
    struct faults *faults = mem_zero(sizeof *faults, &f.err);
    up(&f);
    json_t *body = body_of("ok", 1, 0), *resolved;
    json_object_set_new(json_object_get(body, "dataset"), "uri", json_string("../secret"));
    struct submission sub = {.body = body, .owner = "", .idempotency_key = "once"};
    assert_int_equal(sched_submit(f.sched, &sub, &job, &replayed, faults, &f.err), -ERROR_INVALID);
    assert_int_equal(faults->count, 1);
    assert_string_equal(faults->list[0].pointer, "/dataset/uri");
    error_clear(&f.err);
    memset(faults, 0, sizeof *faults);
    assert_int_equal(sched_check(f.sched, body, &resolved, faults, &f.err), -ERROR_INVALID);
    error_clear(&f.err);
    memset(faults, 0, sizeof *faults);
    json_decref(body);

    sub.body = body = body_of("ok", 1, 0); /* a refused request does not use up its key */
    char id[ID_SIZE];
    assert_ok(sched_submit(f.sched, &sub, &job, &replayed, faults, &f.err), &f.err);
    assert_false(replayed);
    strcpy(id, job.id);
    job_close(&job);
    assert_ok(sched_submit(f.sched, &sub, &job, &replayed, faults, &f.err), &f.err);
    assert_true(replayed);
    assert_string_equal(job.id, id);
    job_close(&job);
    json_object_set_new(body, "priority", json_integer(3));
    assert_int_equal(sched_submit(f.sched, &sub, &job, &replayed, faults, &f.err), -ERROR_CONFLICT);
    error_clear(&f.err);
    wait_done(&f, id, JOB_SUCCEEDED);
    json_decref(body);
    mem_free(faults);
    server_down(&f);
}

static void low_disk_refuses_and_holds(void **state)
{
    (void)state;
    struct fixture f;
    struct job job;
    struct job_wait wait;
    bool replayed;
    char id[ID_SIZE], other[ID_SIZE];
    struct faults *faults = mem_zero(sizeof *faults, &f.err);
    up(&f);
    submit_body(&f, body_of("hold", 2, 0), id);
    wait_done(&f, id, JOB_RUNNING);
    submit(&f, "ok", other);
    server_down(&f);
    f.config.disk_low_bytes = INT64_MAX;
    server_up(&f);
    json_t *body = body_of("ok", 1, 0);
    struct submission sub = {.body = body, .owner = ""};
    assert_int_equal(sched_submit(f.sched, &sub, &job, &replayed, faults, &f.err), -ERROR_NOSPACE);
    assert_error(&f.err, ERROR_NOSPACE, "free space");
    error_clear(&f.err);
    touch(&f, id, "go");
    wait_done(&f, id, JOB_SUCCEEDED); /* what runs, runs on */
    job = wait_state(&f, other, JOB_QUEUED);
    assert_ok(sched_wait_of(f.sched, &job, &wait, &f.err), &f.err);
    assert_string_equal(wait.reason, "disk");
    job_close(&job);
    json_decref(body);
    mem_free(faults);
    server_down(&f);
}

static void unusable_directory_holds_jobs_back(void **state)
{
    (void)state;
    struct fixture f;
    struct job job;
    struct job_wait wait;
    char id[ID_SIZE], runs[PATH_SIZE], away[PATH_SIZE];
    up(&f);
    path_join(runs, f.place.state, "runs", NULL);
    path_join(away, f.place.state, "away", NULL);
    assert_ok(path_rename(&world_real, runs, away, &f.err), &f.err);
    test_write_file(runs, "", 0);
    submit(&f, "ok", id);
    int64_t end = world_mono_ms(&world_real) + DEADLINE_MS;
    do {
        job = wait_state(&f, id, JOB_QUEUED);
        assert_ok(sched_wait_of(f.sched, &job, &wait, &f.err), &f.err);
        job_close(&job);
    } while (strcmp(wait.reason, "server") != 0 && world_mono_ms(&world_real) < end);
    assert_string_equal(wait.reason, "server");
    assert_non_null(strstr(wait.message, "cannot make folder"));
    assert_ok(path_unlink(&world_real, runs, &f.err), &f.err);
    assert_ok(path_rename(&world_real, away, runs, &f.err), &f.err);
    wait_done(&f, id, JOB_SUCCEEDED); /* mended: it goes on by itself */
    server_down(&f);
}

static void delete_takes_files(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE], path[PATH_SIZE];
    struct job job;
    up(&f);
    submit(&f, "hold", id);
    wait_done(&f, id, JOB_RUNNING);
    assert_int_equal(sched_delete(f.sched, id, &f.err), -ERROR_CONFLICT);
    error_clear(&f.err);
    touch(&f, id, "go");
    wait_done(&f, id, JOB_SUCCEEDED);
    struct attempt_list list = attempts_of(&f, id, 1);
    attempt_list_close(&list);
    assert_ok(sched_run_path(f.sched, id, NULL, path, &f.err), &f.err);
    assert_ok(sched_delete(f.sched, id, &f.err), &f.err);
    assert_false(path_exists(&world_real, path));
    assert_int_equal(store_job_get(f.store, id, &job, &f.err), -ERROR_NOTFOUND);
    error_clear(&f.err);
    assert_int_equal(sched_delete(f.sched, id, &f.err), -ERROR_NOTFOUND);
    error_clear(&f.err);
    server_down(&f);
}

static void cut_deletions_are_ended_or_undone(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE], dir[PATH_SIZE], aside[PATH_SIZE], orphan[PATH_SIZE];
    up(&f);
    submit(&f, "ok", id);
    wait_done(&f, id, JOB_SUCCEEDED);
    struct attempt_list list = attempts_of(&f, id, 1);
    attempt_list_close(&list);
    server_down(&f);
    snprintf(dir, sizeof dir, "%.2000s/runs/%s", f.place.state, id);
    snprintf(aside, sizeof aside, "%.2000s/runs/.deleted-%s", f.place.state, id);
    snprintf(orphan, sizeof orphan, "%.2000s/runs/.deleted-job_01ARZ3NDEKTSV4RRFFQ69G5FAV", f.place.state);
    assert_ok(path_rename(&world_real, dir, aside, &f.err), &f.err); /* killed before the row went */
    assert_ok(path_mkdirs(&world_real, orphan, &f.err), &f.err);     /* killed after it */
    server_up(&f);
    assert_true(path_exists(&world_real, dir));
    assert_false(path_exists(&world_real, aside));
    assert_false(path_exists(&world_real, orphan));
    server_down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(order_is_priority_then_age), cmocka_unit_test(submissions_are_checked),
    cmocka_unit_test(low_disk_refuses_and_holds), cmocka_unit_test(unusable_directory_holds_jobs_back),
    cmocka_unit_test(delete_takes_files),         cmocka_unit_test(cut_deletions_are_ended_or_undone),
};
TEST_MAIN(tests)

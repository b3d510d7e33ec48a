/* test: threads */
/* The scheduler: cancelled, paused, killed, out of time. */
#include "service/sched/fixture.h"

static void cancel_in_every_state(void **state)
{
    (void)state;
    struct fixture f;
    char a[ID_SIZE], b[ID_SIZE], c[ID_SIZE];
    struct job job;
    up(&f);
    submit_body(&f, body_of("hold", 2, 0), a);
    wait_done(&f, a, JOB_RUNNING);
    submit(&f, "hold", b);
    submit(&f, "hold", c);
    assert_ok(sched_cancel(f.sched, "", b, &job, &f.err), &f.err); /* queued */
    assert_int_equal(job.state, JOB_CANCELLED);
    job_close(&job);
    assert_ok(sched_pause(f.sched, "", c, &job, &f.err), &f.err);
    assert_int_equal(job.state, JOB_PAUSED);
    job_close(&job);
    assert_ok(sched_cancel(f.sched, "ann", c, &job, &f.err), &f.err); /* paused */
    assert_int_equal(job.state, JOB_CANCELLED);
    assert_non_null(strstr(job.message, "ann"));
    job_close(&job);
    assert_ok(sched_cancel(f.sched, "", a, &job, &f.err), &f.err); /* running */
    assert_int_equal(job.state, JOB_STOPPING);
    job_close(&job);
    wait_done(&f, a, JOB_CANCELLED);
    assert_ok(sched_cancel(f.sched, "", a, &job, &f.err), &f.err); /* again is fine */
    job_close(&job);
    assert_int_equal(sched_pause(f.sched, "", a, &job, &f.err), -ERROR_CONFLICT);
    assert_error(&f.err, ERROR_CONFLICT, "is cancelled; pause is possible while");
    error_clear(&f.err);
    assert_int_equal(sched_cancel(f.sched, "", "job_none", &job, &f.err), -ERROR_NOTFOUND);
    error_clear(&f.err);
    server_down(&f);
}

static void pause_resume(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    struct job job;
    up(&f);
    submit(&f, "hold", id);
    wait_done(&f, id, JOB_RUNNING);
    assert_ok(sched_pause(f.sched, "", id, &job, &f.err), &f.err);
    job_close(&job);
    wait_done(&f, id, JOB_PAUSED);
    touch(&f, id, "go");
    assert_ok(sched_resume(f.sched, "", id, &job, &f.err), &f.err);
    job_close(&job);
    wait_done(&f, id, JOB_SUCCEEDED);
    struct attempt_list list = attempts_of(&f, id, 2);
    attempt_list_close(&list);
    assert_int_equal(sched_resume(f.sched, "", id, &job, &f.err), -ERROR_CONFLICT);
    error_clear(&f.err);
    server_down(&f);
}

static void deaf_run_is_killed(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    struct job job;
    up(&f);
    submit(&f, "deaf", id);
    wait_done(&f, id, JOB_RUNNING);
    assert_ok(sched_pause(f.sched, "", id, &job, &f.err), &f.err);
    job_close(&job);
    assert_ok(sched_cancel(f.sched, "", id, &job, &f.err), &f.err); /* outdoes the pause */
    assert_int_equal(job.wish, WISH_CANCEL);
    job_close(&job);
    wait_done(&f, id, JOB_CANCELLED);
    struct attempt_list list = attempts_of(&f, id, 1);
    assert_int_equal(list.items[0].signal, SIGKILL);
    attempt_list_close(&list);
    server_down(&f);
}

static void time_limit_stops_the_run(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    json_t *body = body_of("hold", 1, 0);
    json_object_set_new(body, "resources", json_pack("{s:i}", "timeout_ms", 100));
    submit_body(&f, body, id);
    struct job job = wait_state(&f, id, JOB_FAILED);
    assert_int_equal(job.cause, CAUSE_TIMEOUT);
    assert_non_null(strstr(job.message, "timeout_ms"));
    job_close(&job);
    server_down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(cancel_in_every_state),
    cmocka_unit_test(pause_resume),
    cmocka_unit_test(deaf_run_is_killed),
    cmocka_unit_test(time_limit_stops_the_run),
};
TEST_MAIN(tests)

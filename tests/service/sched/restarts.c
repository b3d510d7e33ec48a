/* test: threads */
/* The scheduler: a server that comes again finds what its runs did meanwhile. */
#include "service/sched/fixture.h"

static void restart_finds_living_runs(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    submit(&f, "hold", id);
    wait_done(&f, id, JOB_RUNNING);
    server_down(&f);
    server_up(&f);
    struct sched_stats stats;
    sched_stats(f.sched, &stats);
    assert_int_equal(stats.runs, 1);
    assert_int_equal(stats.slots_used, 1);
    wait_done(&f, id, JOB_RUNNING);
    touch(&f, id, "go");
    wait_done(&f, id, JOB_SUCCEEDED);
    struct attempt_list list = attempts_of(&f, id, 1);
    assert_int_equal(list.items[0].exit_code, -1); /* not our child any more */
    attempt_list_close(&list);
    events_of(&f, id);
    server_down(&f);
}

static void restart_carries_out_old_wishes(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    struct job job;
    up(&f);
    f.config.stop_grace_ms = 300;
    submit(&f, "deaf", id);
    wait_done(&f, id, JOB_RUNNING);
    assert_ok(sched_cancel(f.sched, "", id, &job, &f.err), &f.err);
    job_close(&job);
    server_down(&f);
    server_up(&f);
    wait_done(&f, id, JOB_CANCELLED);
    server_down(&f);
}

static void restart_sees_what_happened_meanwhile(void **state)
{
    (void)state;
    struct fixture f;
    char done[ID_SIZE], dead[ID_SIZE];
    up(&f);
    submit(&f, "hold", done);
    submit(&f, "hold", dead);
    wait_done(&f, done, JOB_RUNNING);
    wait_done(&f, dead, JOB_RUNNING);
    struct attempt_list list;
    assert_ok(store_attempts(f.store, dead, &list, &f.err), &f.err);
    pid_t pid = (pid_t)list.items[0].pid;
    attempt_list_close(&list);
    server_down(&f);
    touch(&f, done, "go");
    assert_int_equal(kill(-pid, SIGKILL), 0);
    char path[PATH_SIZE];
    for (int i = 0; i < 2; i++) { /* both are gone before the next server looks */
        snprintf(path, sizeof path, "%.2000s/runs/%s", f.place.state, i ? dead : done);
        int64_t end = world_mono_ms(&world_real) + DEADLINE_MS;
        while (rundir_alive(&world_real, path, &f.err) == 1 && world_mono_ms(&world_real) < end) usleep(2000);
    }
    touch(&f, dead, "go");
    server_up(&f);
    wait_done(&f, done, JOB_SUCCEEDED);
    wait_done(&f, dead, JOB_SUCCEEDED);
    list = attempts_of(&f, dead, 2);
    assert_int_equal(list.items[0].cause, CAUSE_WORKER_LOST);
    attempt_list_close(&list);
    events_of(&f, done);
    events_of(&f, dead);
    server_down(&f);
}

static void restarts_in_mid_tail_lose_nothing(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    submit(&f, "flood", id);
    wait_done(&f, id, JOB_RUNNING);
    unsigned restarts = 0;
    for (bool over = false; !over; restarts++) {
        struct job job;
        server_down(&f);
        server_up(&f);
        assert_ok(store_job_get(f.store, id, &job, &f.err), &f.err);
        over = job_state_final(job.state);
        job_close(&job);
    }
    assert_true(restarts >= 3);
    wait_done(&f, id, JOB_SUCCEEDED);
    assert_int_equal(events_of(&f, id).run_events, 2 + 300 + 2);
    server_down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(restart_finds_living_runs),
    cmocka_unit_test(restart_carries_out_old_wishes),
    cmocka_unit_test(restart_sees_what_happened_meanwhile),
    cmocka_unit_test(restarts_in_mid_tail_lose_nothing),
};
TEST_MAIN(tests)

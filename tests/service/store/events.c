/* test: threads */
/* The store: what a run tells, once and in order, and what follows for its job. */
#include "service/store/fixture.h"

static int count_each(void *context, const struct event_row *row)
{
    int64_t *last = context;
    assert_true(row->id > last[1]);
    last[1] = row->id;
    last[0]++;
    return 0;
}

static int64_t events_count(struct fixture *f, const struct event_query *query)
{
    int64_t seen[2] = {0, query->after};
    assert_ok(store_events(f->s, query, count_each, seen, &f->err), &f->err);
    return seen[0];
}

static void events_come_once(void **state)
{
    (void)state;
    struct fixture f;
    char a[ID_SIZE], b[ID_SIZE];
    up(&f);
    job_add(&f, "a", "", 0, "", a);
    job_add(&f, "b", "", 0, "", b);
    run_job(&f, a);
    struct event two[2] = {event_of(1, 1, 0, EVENT_LOG, "\"message\":\"one\""), event_of(2, 1, 10, EVENT_METRIC, "\"loss\":0.5")};
    assert_ok(store_events_add(f.s, a, two, 2, 100, &f.err), &f.err);
    int64_t last = store_last_event(f.s);
    assert_ok(store_events_add(f.s, a, two, 2, 100, &f.err), &f.err); /* a tailer that starts again */
    assert_int_equal(store_last_event(f.s), last);
    event_close(&two[0]), event_close(&two[1]);
    const char *jobs[] = {a, b};
    assert_int_equal(events_count(&f, &(struct event_query){.jobs = jobs, .job_count = 1}), 5);
    assert_int_equal(events_count(&f, &(struct event_query){.jobs = jobs, .job_count = 2}), 6);
    assert_int_equal(events_count(&f, &(struct event_query){.jobs = jobs, .job_count = 0}), 0);
    assert_int_equal(events_count(&f, &(struct event_query){.after = last - 1}), 1);
    assert_int_equal(events_count(&f, &(struct event_query){.types = 1u << EVENT_METRIC}), 1);
    assert_int_equal(events_count(&f, &(struct event_query){.limit = 2}), 2);
    struct job job = get(&f, a);
    assert_int_equal(job.tail_offset, 100);
    assert_int_equal(job.attempt, 1);
    assert_int_equal(job.event_id, last);
    assert_close(json_number_value(json_object_get(job.latest, "loss")), 0.5, 0, 0);
    job_close(&job);
    down(&f);
}

static void run_events_move_the_job(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    job_add(&f, "a", "", 0, "", id);
    put(&f, id, event_of(1, 1, 0, EVENT_STATE, "\"state\":\"failed\",\"reason\":\"late\",\"message\":\"news of a run nobody waits for\""));
    assert_state(&f, id, JOB_QUEUED);
    move(&f, id, JOB_QUEUED, JOB_STARTING);
    put(&f, id, event_of(2, 1, 0, EVENT_STATE, "\"state\":\"starting\",\"reason\":\"\",\"message\":\"\""));
    assert_state(&f, id, JOB_STARTING);
    put(&f, id, event_of(3, 1, 0, EVENT_STATE, "\"state\":\"running\",\"reason\":\"\",\"message\":\"\""));
    assert_state(&f, id, JOB_RUNNING);
    put(&f, id, event_of(4, 1, 0, EVENT_STATE, "\"state\":\"stopped\",\"reason\":\"\",\"message\":\"\""));
    assert_state(&f, id, JOB_RUNNING); /* the scheduler decides */
    put(&f, id,
        event_of(5, 1, 7, EVENT_STATE, "\"state\":\"failed\",\"cause\":\"diverged\",\"reason\":\"loss\",\"message\":\"loss is NaN at step 7\""));
    struct job job = get(&f, id);
    assert_int_equal(job.state, JOB_FAILED);
    assert_int_equal(job.cause, CAUSE_DIVERGED);
    assert_string_equal(job.message, "loss is NaN at step 7");
    assert_true(job.ended_ms > 0);
    job_close(&job);
    put(&f, id, event_of(6, 1, 8, EVENT_STATE, "\"state\":\"running\",\"reason\":\"\",\"message\":\"\""));
    assert_state(&f, id, JOB_FAILED);
    down(&f);
}

static void hostile_events_change_nothing(void **state)
{
    (void)state;
    static const char *const paths[] = {"../../etc/passwd", "/etc/passwd", "a/../../b", ".hidden", "a//b", "a/", "", "a\\\\b"};
    struct fixture f;
    char id[ID_SIZE], extra[400], sha[65];
    up(&f);
    memset(sha, 'a', 64), sha[64] = 0;
    job_add(&f, "a", "", 0, "", id);
    run_job(&f, id);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        snprintf(extra, sizeof extra, "\"path\":\"%s\",\"sha256\":\"%s\",\"size_bytes\":1,\"best\":false,\"metrics\":{}", paths[i], sha);
        assert_int_equal(add_one(&f, id, event_of(i + 1, 1, 5, EVENT_CHECKPOINT, extra), 9), -ERROR_DATA);
        error_clear(&f.err);
    }
    struct job job = get(&f, id);
    assert_int_equal(job.tail_offset, 0);
    job_close(&job);
    const char *jobs[] = {id};
    assert_int_equal(events_count(&f, &(struct event_query){.jobs = jobs, .job_count = 1}), 3);
    down(&f);
}

static void checkpoints_evaluation_attempts(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE], extra[400], sha[65];
    int64_t launch;
    up(&f);
    memset(sha, 'b', 64), sha[64] = 0;
    job_add(&f, "a", "", 0, "", id);
    run_job(&f, id);
    json_t *evaluation;
    assert_int_equal(store_evaluation(f.s, id, &evaluation, &f.err), -ERROR_NOTFOUND);
    error_clear(&f.err);
    assert_ok(store_attempt_start(f.s, id, 12, &launch, &f.err), &f.err);
    assert_int_equal(launch, 1);
    assert_ok(store_attempt_pid(f.s, id, launch, 4321, 99, &f.err), &f.err);
    assert_ok(store_job_lost(f.s, id, 2, &f.err), &f.err);
    snprintf(extra, sizeof extra,
             "\"path\":\"checkpoints/000000000100.safetensors\",\"sha256\":\"%s\",\"size_bytes\":77,\"best\":true,\"metrics\":{\"auc\":0.7}", sha);
    put(&f, id, event_of(1, 1, 100, EVENT_CHECKPOINT, extra));
    put(&f, id, event_of(2, 2, 100, EVENT_CHECKPOINT, extra)); /* the same file again, after a resume: one row */
    struct job job = get(&f, id);
    assert_int_equal(job.progress_step, 100);
    assert_int_equal(job.losses, 0);
    job_close(&job);
    struct checkpoint_list list;
    assert_ok(store_checkpoints(f.s, id, &list, &f.err), &f.err);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0].attempt, 2);
    assert_true(list.items[0].best);
    struct checkpoint one;
    assert_ok(store_checkpoint_get(f.s, list.items[0].id, &one, &f.err), &f.err);
    assert_string_equal(one.job, id);
    assert_string_equal(one.path, "checkpoints/000000000100.safetensors");
    checkpoint_close(&one);
    checkpoint_list_close(&list);
    assert_int_equal(store_checkpoint_get(f.s, "ckpt_none", &one, &f.err), -ERROR_NOTFOUND);
    error_clear(&f.err);
    put(&f, id, event_of(3, 2, 100, EVENT_EVALUATION, "\"fold\":0,\"split\":\"test\",\"rows\":5,\"metrics\":{\"auc\":0.7}"));
    assert_int_equal(store_evaluation(f.s, id, &evaluation, &f.err), -ERROR_NOTFOUND); /* a fold's is not the job's */
    error_clear(&f.err);
    put(&f, id, event_of(4, 2, 100, EVENT_EVALUATION, "\"split\":\"test\",\"rows\":10,\"metrics\":{\"auc\":0.75}"));
    assert_ok(store_evaluation(f.s, id, &evaluation, &f.err), &f.err);
    assert_int_equal(json_integer_value(json_object_get(evaluation, "rows")), 10);
    json_decref(evaluation);
    struct attempt end = {.launch = launch, .exit_code = -1, .signal = 9, .cause = CAUSE_WORKER_LOST, .message = "killed"};
    assert_ok(store_attempt_end(f.s, id, &end, &f.err), &f.err);
    struct attempt_list attempts;
    assert_ok(store_attempts(f.s, id, &attempts, &f.err), &f.err);
    assert_int_equal(attempts.count, 1);
    assert_int_equal(attempts.items[0].attempt, 2);
    assert_int_equal(attempts.items[0].pid, 4321);
    assert_int_equal(attempts.items[0].signal, 9);
    assert_int_equal(attempts.items[0].log_from, 12);
    assert_string_equal(attempts.items[0].message, "killed");
    attempt_list_close(&attempts);
    down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(events_come_once),
    cmocka_unit_test(run_events_move_the_job),
    cmocka_unit_test(hostile_events_change_nothing),
    cmocka_unit_test(checkpoints_evaluation_attempts),
};
TEST_MAIN(tests)

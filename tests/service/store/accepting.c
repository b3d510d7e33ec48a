/* test: threads */
/* The store: accepting once, moving by compare and swap. */
#include "service/store/fixture.h"

static void key_makes_one_job(void **state)
{
    (void)state;
    struct fixture f;
    char a[ID_SIZE], b[ID_SIZE], existing[ID_SIZE];
    json_t *empty = json_object();
    up(&f);
    id_make(&world_real, "job_", a);
    id_make(&world_real, "job_", b);
    struct job_new job = job_least(a, "n", empty);
    job.idempotency_key = "k", job.request_hash = "h1";
    assert_ok(store_job_insert(f.s, &job, existing, &f.err), &f.err);
    assert_string_equal(existing, "");
    job.id = b;
    assert_ok(store_job_insert(f.s, &job, existing, &f.err), &f.err);
    assert_string_equal(existing, a);
    job.request_hash = "h2";
    assert_int_equal(store_job_insert(f.s, &job, existing, &f.err), -ERROR_CONFLICT);
    assert_error(&f.err, ERROR_CONFLICT, a);
    error_clear(&f.err);
    struct job got;
    assert_int_equal(store_job_get(f.s, b, &got, NULL), -ERROR_NOTFOUND);
    assert_ok(store_keys_expire(f.s, INT64_MAX, &f.err), &f.err);
    assert_ok(store_key_find(f.s, "k", "h1", existing, &f.err), &f.err);
    assert_string_equal(existing, "");
    json_decref(empty);
    down(&f);
}

static void moves_compare_and_swap(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    job_add(&f, "a", "", 0, "", id);
    run_job(&f, id);
    struct job_move stale = {.from = JOB_QUEUED, .to = JOB_CANCELLED, .reason = "x", .message = ""};
    assert_int_equal(store_job_move(f.s, id, &stale, &f.err), -ERROR_CONFLICT);
    assert_error(&f.err, ERROR_CONFLICT, "running now, no longer queued");
    error_clear(&f.err);
    struct job_move illegal = {.from = JOB_RUNNING, .to = JOB_PAUSED, .reason = "x", .message = ""};
    assert_int_equal(store_job_move(f.s, id, &illegal, &f.err), -ERROR_CONFLICT);
    error_clear(&f.err);
    struct job_move nobody = {.from = JOB_QUEUED, .to = JOB_CANCELLED, .reason = "x", .message = ""};
    assert_int_equal(store_job_move(f.s, "job_0", &nobody, &f.err), -ERROR_NOTFOUND);
    error_clear(&f.err);
    assert_state(&f, id, JOB_RUNNING);
    down(&f);
}

static void nested_failure_undoes_all(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    job_add(&f, "a", "", 0, "", id);
    int64_t before = store_last_event(f.s);
    struct job_move good = {.from = JOB_QUEUED, .to = JOB_STARTING, .reason = "x", .message = ""};
    assert_ok(store_begin(f.s, &f.err), &f.err);
    assert_ok(store_job_move(f.s, id, &good, &f.err), &f.err);
    assert_int_equal(store_job_move(f.s, id, &good, &f.err), -ERROR_CONFLICT);
    error_clear(&f.err);
    assert_true(store_end(f.s, 0, &f.err) < 0); /* even when the caller forgot the failure */
    error_clear(&f.err);
    assert_state(&f, id, JOB_QUEUED);
    assert_int_equal(store_last_event(f.s), before);
    down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(key_makes_one_job),
    cmocka_unit_test(moves_compare_and_swap),
    cmocka_unit_test(nested_failure_undoes_all),
};
TEST_MAIN(tests)

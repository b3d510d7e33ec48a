/* test: threads */
/* The store: deletion, locking, versions, many threads, and what breaks under it. */
#include "service/store/fixture.h"

static void delete_takes_all_rows(void **state)
{
    (void)state;
    static const char *const tables[] = {"job", "event", "metric", "label", "checkpoint", "evaluation", "attempt"};
    struct fixture f;
    char id[ID_SIZE];
    int64_t launch;
    up(&f);
    job_add(&f, "a", "", 0, "x", id);
    run_job(&f, id);
    assert_ok(store_attempt_start(f.s, id, 0, &launch, &f.err), &f.err);
    put(&f, id, event_of(1, 1, 10, EVENT_METRIC, "\"loss\":0.5"));
    put(&f, id, event_of(2, 1, 10, EVENT_EVALUATION, "\"metrics\":{}"));
    assert_int_equal(store_job_delete(f.s, id, &f.err), -ERROR_CONFLICT);
    assert_error(&f.err, ERROR_CONFLICT, "cancel it first");
    error_clear(&f.err);
    int64_t last = store_last_event(f.s);
    move(&f, id, JOB_RUNNING, JOB_SUCCEEDED);
    assert_ok(store_job_delete(f.s, id, &f.err), &f.err);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        char sql[64];
        snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", tables[i]);
        struct query q = query_begin_text(&f.s->writer, "count", sql);
        assert_int_equal(query_step(&q, &f.err), 1);
        if (query_int_at(&q, 0) != 0) fail_msg("%s still has rows", tables[i]);
        query_end(&q, 0, &f.err);
    }
    job_add(&f, "b", "", 0, "", id);
    assert_true(store_last_event(f.s) > last + 1); /* numbers are never used twice, or a stream would miss events */
    down(&f);
}

static void one_server_a_directory(void **state)
{
    (void)state;
    struct fixture f;
    up(&f);
    assert_null(store_open(&world_real, f.dir, &f.err));
    assert_error(&f.err, ERROR_CONFLICT, "in use by another server");
    error_clear(&f.err);
    down(&f);
}

static void newer_database_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    up(&f);
    assert_ok(conn_run(&f.s->writer, "INSERT INTO migration VALUES (9999, '9999_future.sql', 'x', 1)", &f.err), &f.err);
    store_close(f.s);
    assert_null(store_open(&world_real, f.dir, &f.err));
    assert_error(&f.err, ERROR_INTERNAL, "newer trainyard");
}

static void rows_survive_reopening(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    job_add(&f, "kept", "", 0, "", id);
    int64_t last = store_last_event(f.s);
    store_close(f.s);
    assert_ok((f.s = store_open(&world_real, f.dir, &f.err)) ? 0 : -1, &f.err);
    assert_int_equal(store_last_event(f.s), last);
    assert_state(&f, id, JOB_QUEUED);
    struct store_stats stats;
    assert_ok(store_stats(f.s, &stats, &f.err), &f.err);
    assert_int_equal(stats.jobs[JOB_QUEUED], 1);
    assert_true(stats.db_bytes > 0);
    down(&f);
}

struct watch {
    _Atomic int calls;
    _Atomic int64_t event;
};

static void on_change(void *context, const char *job, int64_t event)
{
    struct watch *w = context;
    (void)job;
    w->calls++;
    if (event > w->event) w->event = event;
}

struct crowd {
    struct store *s;
    char id[ID_SIZE];
    int failed;
    unsigned index;
};

static void *crowd_write(void *arg)
{
    struct crowd *c = arg;
    json_t *empty = json_object();
    for (int i = 0; i < 20; i++) {
        char id[ID_SIZE], existing[ID_SIZE], key[32];
        struct error err = {0};
        snprintf(key, sizeof key, "key %d", i); /* the same keys in every thread */
        id_make(&world_real, "job_", id);
        struct job_new job = job_least(id, key, empty);
        job.idempotency_key = key, job.request_hash = "h";
        if (store_job_insert(c->s, &job, existing, &err) < 0) c->failed++;
        struct job_list list;
        if (store_job_list(c->s, "", NULL, 50, NULL, &list, &err) < 0) c->failed++;
        else job_list_close(&list);
    }
    json_decref(empty);
    return NULL;
}

static void many_threads_one_job_a_key(void **state)
{
    (void)state;
    enum { THREADS = 12 };
    struct fixture f;
    pthread_t threads[THREADS];
    struct crowd crowd[THREADS];
    struct watch watch = {0};
    up(&f);
    assert_ok(store_watch(f.s, on_change, &watch, &f.err), &f.err);
    for (unsigned i = 0; i < THREADS; i++) {
        crowd[i] = (struct crowd){.s = f.s, .index = i};
        assert_int_equal(pthread_create(&threads[i], NULL, crowd_write, &crowd[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < THREADS; i++) assert_int_equal(crowd[i].failed, 0);
    assert_int_equal(list_count(&f, ""), 20);
    assert_int_equal(watch.calls, 20);
    assert_int_equal(watch.event, store_last_event(f.s));
    store_unwatch(f.s, on_change, &watch);
    down(&f);
}

/* Every allocation of the scenario fails once: each time a clean ERROR_NOMEM, and no half of anything in the database. */
static int scenario(struct fixture *f, const struct job_new *job, struct event *events, size_t count, struct error *err)
{
    char existing[ID_SIZE];
    struct job_move start = {.from = JOB_QUEUED, .to = JOB_STARTING, .reason = "x", .message = ""};
    struct metric_set set;
    struct job_list list;
    int rc = store_begin(f->s, err);
    if (rc < 0) return rc;
    rc = store_job_insert(f->s, job, existing, err);
    if (rc == 0) rc = store_job_move(f->s, job->id, &start, err);
    if (rc == 0) rc = store_events_add(f->s, job->id, events, count, 50, err);
    if ((rc = store_end(f->s, rc, err)) < 0) return rc;
    if ((rc = store_metrics(f->s, job->id, &(struct metric_query){0}, &set, err)) < 0) return rc;
    metric_set_close(&set);
    if ((rc = store_job_list(f->s, "labels.a = b AND state = starting", "name", 10, NULL, &list, err)) < 0) return rc;
    rc = list.count == 1 ? 0 : error_set(err, ERROR_INTERNAL, NULL, "%zu jobs", list.count);
    job_list_close(&list);
    return rc;
}

static void each_allocation_fails_once(void **state)
{
    (void)state;
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    json_t *labels = json_pack("{s:s}", "a", "b"), *empty = json_object();
    struct event events[2] = {event_of(1, 1, 10, EVENT_METRIC, "\"loss\":0.5"), event_of(2, 1, 10, EVENT_EVALUATION, "\"metrics\":{\"auc\":1}")};
    unsigned failures = 0;
    for (unsigned k = 1; k < 1000; k++) {
        struct error err = {0};
        struct job got;
        id_make(&world_real, "job_", id);
        struct job_new job = job_least(id, "n", empty);
        job.labels = labels;
        mem_fail_after(k);
        int rc = scenario(&f, &job, events, 2, &err);
        bool fired = mem_fail_after(0);
        if (!fired) {
            assert_ok(rc, &err);
            break;
        }
        failures++;
        assert_int_equal(rc, -ERROR_NOMEM);
        if (store_job_get(f.s, id, &got, NULL) == 0) { /* all of the transaction, or nothing */
            assert_int_equal(got.tail_offset, 50);
            assert_non_null(got.evaluated);
            job_close(&got);
            move(&f, id, JOB_STARTING, JOB_FAILED);
            assert_ok(store_job_delete(f.s, id, &f.err), &f.err);
        }
    }
    assert_true(failures > 5);
    for (int i = 0; i < 2; i++) event_close(&events[i]);
    json_decref(labels);
    json_decref(empty);
    down(&f);
}

static void full_disk_loses_nothing_accepted(void **state)
{
    (void)state;
    struct fixture f;
    char kept[ID_SIZE], id[ID_SIZE], existing[ID_SIZE], pragma[64];
    up(&f);
    job_add(&f, "kept", "", 0, "", kept);
    struct query q = query_begin_text(&f.s->writer, "pages", "PRAGMA page_count");
    assert_int_equal(query_step(&q, &f.err), 1);
    snprintf(pragma, sizeof pragma, "PRAGMA max_page_count = %lld", (long long)query_int_at(&q, 0) + 2);
    query_end(&q, 0, &f.err);
    assert_ok(conn_run(&f.s->writer, pragma, &f.err), &f.err); /* what SQLite then says is what it says of a full disk */
    json_t *big = json_object();
    char text[9000];
    memset(text, 'x', sizeof text - 1), text[sizeof text - 1] = 0;
    json_object_set_new(big, "text", json_string(text));
    id_make(&world_real, "job_", id);
    struct job_new job = job_least(id, "n", big);
    job.idempotency_key = "k", job.request_hash = "h";
    assert_int_equal(store_job_insert(f.s, &job, existing, &f.err), -ERROR_NOSPACE);
    assert_error(&f.err, ERROR_NOSPACE, "disk is full");
    error_clear(&f.err);
    struct job got;
    assert_int_equal(store_job_get(f.s, id, &got, NULL), -ERROR_NOTFOUND);
    assert_ok(store_key_find(f.s, "k", "h", existing, &f.err), &f.err);
    assert_string_equal(existing, ""); /* the key is not used up */
    assert_state(&f, kept, JOB_QUEUED);
    assert_ok(conn_run(&f.s->writer, "PRAGMA max_page_count = 1000000", &f.err), &f.err);
    assert_ok(store_job_insert(f.s, &job, existing, &f.err), &f.err); /* space again: it works again */
    json_decref(big);
    down(&f);
}

static void queue_order_and_ahead(void **state)
{
    (void)state;
    struct fixture f;
    char low[ID_SIZE], high[ID_SIZE], late[ID_SIZE], first[ID_SIZE];
    int64_t ahead;
    up(&f);
    job_add(&f, "low", "", 0, "", low);
    job_add(&f, "high", "", 5, "", high);
    job_add(&f, "late", "", 0, "", late);
    struct job_list list;
    assert_ok(store_jobs_next(f.s, INT64_MAX, 10, &list, &f.err), &f.err);
    assert_int_equal(list.count, 3);
    assert_string_equal(list.items[0].id, high);
    assert_string_equal(list.items[1].id, low);
    assert_string_equal(list.items[2].id, late);
    job_list_close(&list);
    assert_ok(store_queue_ahead(f.s, late, INT64_MAX, &ahead, first, &f.err), &f.err);
    assert_int_equal(ahead, 2);
    assert_string_equal(first, high);
    down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(delete_takes_all_rows),      cmocka_unit_test(one_server_a_directory),           cmocka_unit_test(newer_database_is_refused),
    cmocka_unit_test(rows_survive_reopening),     cmocka_unit_test(many_threads_one_job_a_key),       cmocka_unit_test(queue_order_and_ahead),
    cmocka_unit_test(each_allocation_fails_once), cmocka_unit_test(full_disk_loses_nothing_accepted),
};
TEST_MAIN(tests)

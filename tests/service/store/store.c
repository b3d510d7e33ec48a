/* test: threads */
/* The store as its users see it: accepting once, moving by compare and swap, events exactly once, pages, curves, deletion, locking. */
#include "lib/test.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "service/store/internal.h"

struct fixture {
    char dir[PATH_SIZE];
    struct store *s;
    struct error err;
    unsigned made;
};

static void up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->s = store_open(&world_real, test_dir(f->dir), &f->err);
    assert_ok(f->s ? 0 : -1, &f->err);
}

static void down(struct fixture *f)
{
    assert_ok(store_check(f->s, &f->err), &f->err);
    store_close(f->s);
}

/* A job with the given name, experiment, priority and label git. */
static void job_add(struct fixture *f, const char *name, const char *experiment, int64_t priority, const char *git, char id[ID_SIZE])
{
    char existing[ID_SIZE];
    json_t *labels = json_pack("{s:s}", "git", git), *empty = json_pack("{s:{}}", "model");
    id_make(&world_real, "job_", id);
    struct job_new job = {.id = id,
                          .name = name,
                          .experiment = experiment,
                          .owner = "",
                          .priority = priority,
                          .slots = 1,
                          .labels = labels,
                          .asked = empty,
                          .spec = empty,
                          .run_spec = empty};
    assert_ok(store_job_insert(f->s, &job, existing, &f->err), &f->err);
    json_decref(labels);
    json_decref(empty);
}

static void move(struct fixture *f, const char *id, enum job_state from, enum job_state to)
{
    struct job_move m = {.from = from, .to = to, .reason = "test", .message = "a test"};
    assert_ok(store_job_move(f->s, id, &m, &f->err), &f->err);
}

static void run_job(struct fixture *f, const char *id)
{
    move(f, id, JOB_QUEUED, JOB_STARTING);
    move(f, id, JOB_STARTING, JOB_RUNNING);
}

/* An event with the fields of `extra` (JSON text of an object). */
static struct event event_of(uint64_t seq, uint64_t attempt, uint64_t step, enum event_type type, const char *extra)
{
    char line[1200];
    struct event event;
    struct error err = {0};
    snprintf(line, sizeof line, "{\"seq\":%llu,\"attempt\":%llu,\"t\":\"2026-01-02T03:04:05.678Z\",\"type\":\"%s\",\"step\":%llu%s%s}",
             (unsigned long long)seq, (unsigned long long)attempt, event_type_name(type), (unsigned long long)step, extra[0] ? "," : "", extra);
    assert_ok(event_parse(&event, line, strlen(line), &err), &err);
    return event;
}

static int add_one(struct fixture *f, const char *id, struct event event, int64_t offset)
{
    int rc = store_events_add(f->s, id, &event, 1, offset, &f->err);
    event_close(&event);
    return rc;
}

static void put(struct fixture *f, const char *id, struct event event) { assert_ok(add_one(f, id, event, 1), &f->err); }

static struct job get(struct fixture *f, const char *id)
{
    struct job job;
    assert_ok(store_job_get(f->s, id, &job, &f->err), &f->err);
    return job;
}

static void assert_state(struct fixture *f, const char *id, enum job_state want)
{
    struct job job = get(f, id);
    assert_string_equal(job_state_name(job.state), job_state_name(want));
    job_close(&job);
}

/* ---- accepting ---- */

static void key_makes_one_job(void **state)
{
    (void)state;
    struct fixture f;
    char a[ID_SIZE], b[ID_SIZE], existing[ID_SIZE];
    json_t *empty = json_object();
    up(&f);
    id_make(&world_real, "job_", a);
    id_make(&world_real, "job_", b);
    struct job_new job = {.id = a,
                          .name = "n",
                          .experiment = "",
                          .owner = "",
                          .slots = 1,
                          .labels = empty,
                          .asked = empty,
                          .spec = empty,
                          .run_spec = empty,
                          .idempotency_key = "k",
                          .request_hash = "h1"};
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

/* ---- events ---- */

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

/* ---- metrics ---- */

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

/* ---- lists ---- */

static size_t list_count(struct fixture *f, const char *filter)
{
    struct job_list list;
    assert_ok(store_job_list(f->s, filter, NULL, 1000, NULL, &list, &f->err), &f->err);
    size_t n = list.count;
    job_list_close(&list);
    return n;
}

static void filters_select(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        size_t want;
    } rows[] = {
        {"", 3},
        {"  ", 3},
        {"state = queued", 2},
        {"state != queued", 1},
        {"state IN (queued, running)", 3},
        {"state NOT IN (running)", 2},
        {"experiment = ctr", 2},
        {"experiment = \"ctr\" AND priority >= 5", 1},
        {"name ~ night", 2},
        {"name !~ night", 1},
        {"labels.git = abc", 2},
        {"labels.git != abc", 1},
        {"labels.none = x", 0},
        {"labels.none != x", 3},
        {"priority < 5 and state = running", 1},
        {"created > 2020-01-01T00:00:00Z", 3},
        {"created < 2020-01-01T00:00:00Z", 0},
        {"name = \"%\"", 0},
    };
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    job_add(&f, "nightly one", "ctr", 9, "abc", id);
    job_add(&f, "nightly two", "ctr", 0, "abc", id);
    run_job(&f, id);
    job_add(&f, "day; DROP TABLE job", "other", -1, "def", id);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t got = list_count(&f, rows[i].filter);
        if (got != rows[i].want) fail_msg("%s: %zu jobs, want %zu", rows[i].filter, got, rows[i].want);
    }
    down(&f);
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *order, *token, *part;
        int64_t limit;
    } rows[] = {
        {"sate = queued", NULL, NULL, "did you mean \"state\"", 10},
        {"state = queud", NULL, NULL, "did you mean \"queued\"", 10},
        {"state =", NULL, NULL, "ends too early", 10},
        {"state queued", NULL, NULL, "character 7", 10},
        {"name = 'x", NULL, NULL, "not closed", 10},
        {"name > a", NULL, NULL, "order is for numbers", 10},
        {"priority = high", NULL, NULL, "whole number", 10},
        {"priority ~ 1", NULL, NULL, "texts only", 10},
        {"state IN queued", NULL, NULL, "parentheses", 10},
        {"state IN (queued", NULL, NULL, "comma", 10},
        {"state = queued OR state = failed", NULL, NULL, "AND", 10},
        {"created > today", NULL, NULL, "2026-01-31T", 10},
        {"", "size", NULL, "one of created", 10},
        {"", "name up", NULL, "asc or desc", 10},
        {"", NULL, "xyz", "page_token", 10},
        {"", NULL, "00000000000000010000000000000001", "another filter", 10},
        {"", NULL, NULL, "limit", 0},
        {"", NULL, NULL, "limit", 1001},
    };
    struct fixture f;
    struct job_list list;
    up(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(store_job_list(f.s, rows[i].filter, rows[i].order, rows[i].limit, rows[i].token, &list, &f.err), -ERROR_INVALID);
        assert_error(&f.err, ERROR_INVALID, rows[i].part);
        error_clear(&f.err);
    }
    down(&f);
}

static void pages_hold_while_jobs_come(void **state)
{
    (void)state;
    static const char *const orders[] = {"created desc", "created asc", "name", "priority desc"};
    struct fixture f;
    char id[ID_SIZE], name[32];
    up(&f);
    for (int i = 0; i < 25; i++) {
        snprintf(name, sizeof name, "job %02d", i * 7 % 25);
        job_add(&f, name, "old", i % 3, "", id);
    }
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        char token[600] = "";
        size_t seen = 0, pages = 0;
        json_t *ids = json_object();
        do {
            struct job_list list;
            assert_ok(store_job_list(f.s, "experiment = old", orders[o], 10, token, &list, &f.err), &f.err);
            for (size_t i = 0; i < list.count; i++) {
                assert_null(json_object_get(ids, list.items[i].id));
                json_object_set_new(ids, list.items[i].id, json_true());
                if (strcmp(orders[o], "name") == 0 && i > 0) assert_true(strcmp(list.items[i - 1].name, list.items[i].name) <= 0);
            }
            seen += list.count;
            strcpy(token, list.next_page_token);
            job_list_close(&list);
            job_add(&f, "aaa newcomer", "new", 9, "", id);
        } while (token[0] && ++pages < 10);
        assert_int_equal(seen, 25);
        assert_int_equal(pages, 2);
        json_decref(ids);
    }
    down(&f);
}

/* ---- the rest ---- */

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
        struct job_new job = {.id = id,
                              .name = key,
                              .experiment = "",
                              .owner = "",
                              .slots = 1,
                              .labels = empty,
                              .asked = empty,
                              .spec = empty,
                              .run_spec = empty,
                              .idempotency_key = key,
                              .request_hash = "h"};
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
        struct job_new job = {
            .id = id, .name = "n", .experiment = "", .owner = "", .slots = 1, .labels = labels, .asked = empty, .spec = empty, .run_spec = empty};
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
    struct job_new job = {.id = id,
                          .name = "n",
                          .experiment = "",
                          .owner = "",
                          .slots = 1,
                          .labels = big,
                          .asked = big,
                          .spec = big,
                          .run_spec = big,
                          .idempotency_key = "k",
                          .request_hash = "h"};
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
    cmocka_unit_test(key_makes_one_job),
    cmocka_unit_test(moves_compare_and_swap),
    cmocka_unit_test(nested_failure_undoes_all),
    cmocka_unit_test(events_come_once),
    cmocka_unit_test(run_events_move_the_job),
    cmocka_unit_test(hostile_events_change_nothing),
    cmocka_unit_test(checkpoints_evaluation_attempts),
    cmocka_unit_test(curves_keep_spikes),
    cmocka_unit_test(filters_select),
    cmocka_unit_test(bad_lists_are_refused),
    cmocka_unit_test(pages_hold_while_jobs_come),
    cmocka_unit_test(delete_takes_all_rows),
    cmocka_unit_test(one_server_a_directory),
    cmocka_unit_test(newer_database_is_refused),
    cmocka_unit_test(rows_survive_reopening),
    cmocka_unit_test(many_threads_one_job_a_key),
    cmocka_unit_test(queue_order_and_ahead),
    cmocka_unit_test(each_allocation_fails_once),
    cmocka_unit_test(full_disk_loses_nothing_accepted),
};
TEST_MAIN(tests)

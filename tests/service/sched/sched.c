/* test: threads */
/* The scheduler with real processes that only pretend to train (tests/lib/fake_run.h): ends of every kind, wishes, order, restarts. */
#include "lib/test.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/registries.h"
#include "lib/fake_run.h"
#include "service/sched/sched.h"

enum { DEADLINE_MS = 30000 };

struct fixture {
    char dir[PATH_SIZE], state[PATH_SIZE], data[PATH_SIZE], executable[PATH_SIZE];
    const char *roots[2];
    struct sched_config config;
    struct store *store;
    struct sched *sched;
    struct error err;
};

static void server_up(struct fixture *f)
{
    f->store = store_open(&world_real, f->state, &f->err);
    assert_ok(f->store ? 0 : -1, &f->err);
    f->config.store = f->store;
    f->sched = sched_start(&f->config, &f->err);
    assert_ok(f->sched ? 0 : -1, &f->err);
}

static void server_down(struct fixture *f)
{
    sched_stop(f->sched);
    f->sched = NULL;
    assert_ok(store_check(f->store, &f->err), &f->err);
    store_close(f->store);
}

static void up(struct fixture *f)
{
    char file[PATH_SIZE];
    memset(f, 0, sizeof *f);
    test_dir(f->dir);
    path_join(f->state, f->dir, "state", NULL);
    path_join(f->data, f->dir, "data", NULL);
    assert_ok(path_mkdirs(&world_real, f->data, &f->err), &f->err);
    path_join(file, f->data, "clicks.tsv", NULL);
    test_write_file(file, "1\t2\n", 4);
    f->roots[0] = f->data;
    f->config = (struct sched_config){.world = &world_real,
                                      .registry = &registry_all,
                                      .state_dir = f->state,
                                      .data_roots = f->roots,
                                      .executable = fake_run_write(f->dir, f->executable),
                                      .slots = 2,
                                      .stop_grace_ms = 300,
                                      .backoff_ms = 20,
                                      .disk_low_bytes = -1};
    server_up(f);
}

static json_t *body_of(const char *name, int workers, int priority)
{
    json_t *body = json_pack("{s:s, s:i, s:{s:s, s:s}, s:{s:s}, s:{s:i}}", "name", name, "priority", priority, "dataset", "uri", "file:clicks.tsv",
                             "format", "criteo", "model", "kind", "lr", "train", "workers", workers);
    assert_non_null(body);
    return body;
}

static void submit_body(struct fixture *f, json_t *body, char id[ID_SIZE])
{
    struct job job;
    struct faults *faults = mem_zero(sizeof *faults, &f->err);
    struct submission sub = {.body = body, .owner = ""};
    bool replayed;
    assert_ok(sched_submit(f->sched, &sub, &job, &replayed, faults, &f->err), &f->err);
    strcpy(id, job.id);
    assert_int_equal(job.state, JOB_QUEUED);
    job_close(&job);
    json_decref(body);
    mem_free(faults);
}

static void submit(struct fixture *f, const char *name, char id[ID_SIZE]) { submit_body(f, body_of(name, 1, 0), id); }

/* Polls until the job is in that state and gives the row; fails at the deadline. */
static struct job wait_state(struct fixture *f, const char *id, enum job_state want)
{
    int64_t end = world_mono_ms(&world_real) + DEADLINE_MS;
    for (;;) {
        struct job job;
        assert_ok(store_job_get(f->store, id, &job, &f->err), &f->err);
        if (job.state == want) return job;
        if (world_mono_ms(&world_real) > end || job_state_final(job.state))
            fail_msg("job %s (%s) is %s, want %s: %s", id, job.name, job_state_name(job.state), job_state_name(want), job.message);
        job_close(&job);
        usleep(2000);
    }
}

static void wait_done(struct fixture *f, const char *id, enum job_state want)
{
    struct job job = wait_state(f, id, want);
    job_close(&job);
}

static void wait_runs(struct fixture *f, int64_t want)
{
    int64_t end = world_mono_ms(&world_real) + DEADLINE_MS;
    struct sched_stats stats;
    for (sched_stats(f->sched, &stats); stats.runs != want; sched_stats(f->sched, &stats)) {
        if (world_mono_ms(&world_real) > end) fail_msg("%lld processes, want %lld", (long long)stats.runs, (long long)want);
        usleep(2000);
    }
}

static struct attempt_list attempts_of(struct fixture *f, const char *id, size_t want)
{
    struct attempt_list list;
    int64_t end = world_mono_ms(&world_real) + DEADLINE_MS;
    for (;;) { /* a job is final with its event, its attempt when the process is gone */
        assert_ok(store_attempts(f->store, id, &list, &f->err), &f->err);
        if (list.count == want && list.items[want - 1].ended_ms > 0) return list;
        if (world_mono_ms(&world_real) > end) fail_msg("job %s has %zu attempts, want %zu that have ended", id, list.count, want);
        attempt_list_close(&list);
        usleep(2000);
    }
}

static void touch(struct fixture *f, const char *id, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.2000s/runs/%s/%s", f->state, id, name);
    test_write_file(path, "", 0);
}

struct seen {
    int64_t count, last_seq, run_events;
    char states[400];
};

static int seen_each(void *context, const struct event_row *row)
{
    struct seen *seen = context;
    seen->count++;
    if (row->seq > 0) {
        seen->run_events++;
        assert_int_equal(row->seq, seen->last_seq + 1); /* no gap, nothing twice, in order */
        seen->last_seq = row->seq;
    } else if (row->type == EVENT_STATE) {
        json_t *body = json_read(row->body, row->body_size, "event", NULL);
        size_t n = strlen(seen->states);
        snprintf(seen->states + n, sizeof seen->states - n, "%s ", json_string_value(json_object_get(body, "state")));
        json_decref(body);
    }
    return 0;
}

static struct seen events_of(struct fixture *f, const char *id)
{
    struct seen seen = {0};
    const char *jobs[] = {id};
    struct event_query query = {.jobs = jobs, .job_count = 1, .limit = 100000};
    assert_ok(store_events(f->store, &query, seen_each, &seen, &f->err), &f->err);
    return seen;
}

/* ---- ends ---- */

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
    assert_non_null(strstr(spec, f.data)); /* the run gets absolute paths */
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

/* ---- wishes ---- */

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

/* ---- order ---- */

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
    path_join(runs, f.state, "runs", NULL);
    path_join(away, f.state, "away", NULL);
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
    snprintf(dir, sizeof dir, "%.2000s/runs/%s", f.state, id);
    snprintf(aside, sizeof aside, "%.2000s/runs/.deleted-%s", f.state, id);
    snprintf(orphan, sizeof orphan, "%.2000s/runs/.deleted-job_01ARZ3NDEKTSV4RRFFQ69G5FAV", f.state);
    assert_ok(path_rename(&world_real, dir, aside, &f.err), &f.err); /* killed before the row went */
    assert_ok(path_mkdirs(&world_real, orphan, &f.err), &f.err);     /* killed after it */
    server_up(&f);
    assert_true(path_exists(&world_real, dir));
    assert_false(path_exists(&world_real, aside));
    assert_false(path_exists(&world_real, orphan));
    server_down(&f);
}

/* ---- restarts ---- */

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
        snprintf(path, sizeof path, "%.2000s/runs/%s", f.state, i ? dead : done);
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
    cmocka_unit_test(good_job_succeeds),
    cmocka_unit_test(each_end_has_a_cause),
    cmocka_unit_test(lost_runs_go_on_while_they_progress),
    cmocka_unit_test(missing_executable_is_said),
    cmocka_unit_test(cancel_in_every_state),
    cmocka_unit_test(pause_resume),
    cmocka_unit_test(deaf_run_is_killed),
    cmocka_unit_test(time_limit_stops_the_run),
    cmocka_unit_test(order_is_priority_then_age),
    cmocka_unit_test(submissions_are_checked),
    cmocka_unit_test(low_disk_refuses_and_holds),
    cmocka_unit_test(unusable_directory_holds_jobs_back),
    cmocka_unit_test(delete_takes_files),
    cmocka_unit_test(cut_deletions_are_ended_or_undone),
    cmocka_unit_test(restart_finds_living_runs),
    cmocka_unit_test(restart_carries_out_old_wishes),
    cmocka_unit_test(restart_sees_what_happened_meanwhile),
    cmocka_unit_test(restarts_in_mid_tail_lose_nothing),
};
TEST_MAIN(tests)

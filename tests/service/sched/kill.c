/* A server process (store and scheduler) is killed with SIGKILL again and again while it accepts and runs jobs. After each kill the next
 * one goes on. At the end: every job that was acknowledged is there once, each came to its end, no run was disturbed by a
 * kill, and the events of every run are in the store without gap, twice or disorder. */
#include "lib/test.h"

#include <inttypes.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/registries.h"
#include "lib/fake_place.h"
#include "service/sched/sched.h"

enum { KILLS = 20, JOBS_MAX = 400, DEADLINE_MS = 60000 };

struct fixture {
    struct fake_place place;
    struct sched_config config;
    struct error err;
    char ids[JOBS_MAX][ID_SIZE]; /* acknowledged */
    size_t count;
};

static void up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->config = fake_place_make(&f->place);
    f->config.slots = 3;
    f->config.stop_grace_ms = 0;
}

/* The server's process: submits one job after the other and tells each id through the pipe only when it was accepted. Never returns. */
static void serve(struct fixture *f, int out)
{
    static const char *const names[] = {"flood", "ok", "crash-once"};
    struct error err = {0};
    f->config.store = store_open(&world_real, f->place.state, &err);
    struct sched *sched = f->config.store ? sched_start(&f->config, &err) : NULL;
    if (!sched) {
        fprintf(stderr, "server: %s\n", err.msg);
        _exit(1);
    }
    struct faults *faults = mem_zero(sizeof *faults, &err);
    for (int i = 0; i < 3; i++) {
        struct job job;
        bool replayed;
        json_t *body = json_pack("{s:s, s:{s:s, s:s}, s:{s:s}, s:{s:i}}", "name", names[i], "dataset", "uri", "clicks.tsv", "format", "criteo",
                                 "model", "kind", "lr", "train", "workers", 1);
        struct submission sub = {.body = body, .owner = ""};
        if (sched_submit(sched, &sub, &job, &replayed, faults, &err) < 0) {
            fprintf(stderr, "server: %s\n", err.msg);
            _exit(1);
        }
        if (write(out, job.id, ID_SIZE) != ID_SIZE) _exit(1);
        job_close(&job);
        json_decref(body);
        usleep(3000);
    }
    for (;;) pause();
}

/* One life of a server, which ends at a random instant: maybe before it listens, maybe in the middle of a submission. */
static void life(struct fixture *f, int64_t lifetime_us)
{
    int ends[2], status;
    char id[ID_SIZE];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        serve(f, ends[1]);
    }
    close(ends[1]);
    usleep((useconds_t)lifetime_us);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* it did not give up by itself */
    while (read(ends[0], id, ID_SIZE) == ID_SIZE && f->count < JOBS_MAX) memcpy(f->ids[f->count++], id, ID_SIZE);
    close(ends[0]);
}

struct seen {
    int64_t last_seq, starts;
};

static int seen_each(void *context, const struct event_row *row)
{
    struct seen *seen = context;
    if (row->seq == 0) return 0;
    assert_int_equal(row->seq, seen->last_seq + 1);
    seen->last_seq = row->seq;
    seen->starts += strstr(row->body, "\"starting\"") != NULL;
    return 0;
}

static void check_job(struct fixture *f, struct store *store, const char *id)
{
    struct job job;
    struct seen seen = {0};
    char path[PATH_SIZE];
    size_t lines = 0;
    const char *jobs[] = {id};
    struct event_query query = {.jobs = jobs, .job_count = 1, .limit = 100000};
    assert_ok(store_job_get(store, id, &job, &f->err), &f->err);
    if (job.state != JOB_SUCCEEDED) fail_msg("job %s (%s) is %s: %s", id, job.name, job_state_name(job.state), job.message);
    assert_ok(store_events(store, &query, seen_each, &seen, &f->err), &f->err);
    snprintf(path, sizeof path, "%.2000s/runs/%s/events.ndjson", f->place.state, id);
    char *text = test_read_file(path, NULL);
    for (const char *at = text; (at = strchr(at, '\n')); at++) lines++;
    mem_free(text);
    assert_int_equal(seen.last_seq, lines);
    assert_int_equal(seen.starts, strcmp(job.name, "crash-once") == 0 ? 2 : 1); /* no kill of a server made a run start again */
    job_close(&job);
}

static void wait_idle(struct fixture *f, struct store *store)
{
    int64_t end = world_mono_ms(&world_real) + DEADLINE_MS;
    struct job_list active;
    for (;;) {
        assert_ok(store_jobs_active(store, &active, &f->err), &f->err);
        size_t n = active.count;
        job_list_close(&active);
        if (n == 0) return;
        if (world_mono_ms(&world_real) > end) fail_msg("%zu jobs have not ended", n);
        usleep(5000);
    }
}

static void kills_lose_and_double_nothing(void **state)
{
    (void)state;
    enum { SEED = 7 };
    static struct fixture f;
    up(&f);
    uint64_t kills = 0; /* where a life is too short to accept anything (a slow machine, a sanitizer), there are more of them */
    for (; kills < KILLS || (f.count < KILLS / 2 && kills < 10 * KILLS); kills++) life(&f, (int64_t)(hash_mix(SEED * 1000 + kills) % 120000));
    struct store *store = store_open(&world_real, f.place.state, &f.err);
    assert_ok(store ? 0 : -1, &f.err);
    f.config.store = store;
    struct sched *sched = sched_start(&f.config, &f.err);
    assert_ok(sched ? 0 : -1, &f.err);
    wait_idle(&f, store);
    for (size_t i = 0; i < f.count; i++) check_job(&f, store, f.ids[i]);
    print_message("%" PRIu64 " kills, %zu acknowledged jobs\n", kills, f.count);
    assert_true(f.count >= KILLS / 2);
    sched_stop(sched);
    assert_ok(store_check(store, &f.err), &f.err);
    store_close(store);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(kills_lose_and_double_nothing),
};
TEST_MAIN(tests)

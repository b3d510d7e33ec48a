/* A scheduler with real processes that only pretend to train (tests/lib/fake_run.h), and ways to wait for what they do. */
#ifndef TRAINYARD_TESTS_SCHED_FIXTURE_H
#define TRAINYARD_TESTS_SCHED_FIXTURE_H

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
#include "lib/fake_place.h"
#include "service/sched/sched.h"

enum { DEADLINE_MS = 30000 };

struct fixture {
    struct fake_place place;
    struct sched_config config;
    struct store *store;
    struct sched *sched;
    struct error err;
};

static inline void server_up(struct fixture *f)
{
    f->store = store_open(&world_real, f->place.state, &f->err);
    assert_ok(f->store ? 0 : -1, &f->err);
    f->config.store = f->store;
    f->sched = sched_start(&f->config, &f->err);
    assert_ok(f->sched ? 0 : -1, &f->err);
}

static inline void server_down(struct fixture *f)
{
    sched_stop(f->sched);
    f->sched = NULL;
    assert_ok(store_check(f->store, &f->err), &f->err);
    store_close(f->store);
}

static inline void up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->config = fake_place_make(&f->place);
    server_up(f);
}

static inline json_t *body_of(const char *name, int workers, int priority)
{
    json_t *body = json_pack("{s:s, s:i, s:{s:s, s:s}, s:{s:s}, s:{s:i}}", "name", name, "priority", priority, "dataset", "uri", "file:clicks.tsv",
                             "format", "criteo", "model", "kind", "lr", "train", "workers", workers);
    assert_non_null(body);
    return body;
}

static inline void submit_body(struct fixture *f, json_t *body, char id[ID_SIZE])
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

static inline void submit(struct fixture *f, const char *name, char id[ID_SIZE]) { submit_body(f, body_of(name, 1, 0), id); }

/* Polls until the job is in that state and gives the row; fails at the deadline. */
static inline struct job wait_state(struct fixture *f, const char *id, enum job_state want)
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

static inline void wait_done(struct fixture *f, const char *id, enum job_state want)
{
    struct job job = wait_state(f, id, want);
    job_close(&job);
}

static inline void wait_runs(struct fixture *f, int64_t want)
{
    int64_t end = world_mono_ms(&world_real) + DEADLINE_MS;
    struct sched_stats stats;
    for (sched_stats(f->sched, &stats); stats.runs != want; sched_stats(f->sched, &stats)) {
        if (world_mono_ms(&world_real) > end) fail_msg("%lld processes, want %lld", (long long)stats.runs, (long long)want);
        usleep(2000);
    }
}

static inline struct attempt_list attempts_of(struct fixture *f, const char *id, size_t want)
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

static inline void touch(struct fixture *f, const char *id, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.2000s/runs/%s/%s", f->place.state, id, name);
    test_write_file(path, "", 0);
}

struct seen {
    int64_t count, last_seq, run_events;
    char states[400];
};

static inline int seen_each(void *context, const struct event_row *row)
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

static inline struct seen events_of(struct fixture *f, const char *id)
{
    struct seen seen = {0};
    const char *jobs[] = {id};
    struct event_query query = {.jobs = jobs, .job_count = 1, .limit = 100000};
    assert_ok(store_events(f->store, &query, seen_each, &seen, &f->err), &f->err);
    return seen;
}

#endif

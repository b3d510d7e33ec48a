/* A store in a folder of its own, and the least jobs and events to put there. */
#ifndef TRAINYARD_TESTS_STORE_FIXTURE_H
#define TRAINYARD_TESTS_STORE_FIXTURE_H

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

static inline void up(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    f->s = store_open(&world_real, test_dir(f->dir), &f->err);
    assert_ok(f->s ? 0 : -1, &f->err);
}

static inline void down(struct fixture *f)
{
    assert_ok(store_check(f->s, &f->err), &f->err);
    store_close(f->s);
}

/* The least of a job to insert: its documents are all `document`. */
static inline struct job_new job_least(const char *id, const char *name, json_t *document)
{
    return (struct job_new){.id = id,
                            .name = name,
                            .experiment = "",
                            .owner = "",
                            .slots = 1,
                            .labels = document,
                            .asked = document,
                            .spec = document,
                            .run_spec = document};
}

/* A job with the given name, experiment, priority and label git. */
static inline void job_add(struct fixture *f, const char *name, const char *experiment, int64_t priority, const char *git, char id[ID_SIZE])
{
    char existing[ID_SIZE];
    json_t *labels = json_pack("{s:s}", "git", git), *empty = json_pack("{s:{}}", "model");
    id_make(&world_real, "job_", id);
    struct job_new job = job_least(id, name, empty);
    job.experiment = experiment, job.priority = priority, job.labels = labels;
    assert_ok(store_job_insert(f->s, &job, existing, &f->err), &f->err);
    json_decref(labels);
    json_decref(empty);
}

static inline void move(struct fixture *f, const char *id, enum job_state from, enum job_state to)
{
    struct job_move m = {.from = from, .to = to, .reason = "test", .message = "a test"};
    assert_ok(store_job_move(f->s, id, &m, &f->err), &f->err);
}

static inline void run_job(struct fixture *f, const char *id)
{
    move(f, id, JOB_QUEUED, JOB_STARTING);
    move(f, id, JOB_STARTING, JOB_RUNNING);
}

/* An event with the fields of `extra` (JSON text of an object). */
static inline struct event event_of(uint64_t seq, uint64_t attempt, uint64_t step, enum event_type type, const char *extra)
{
    char line[1200];
    struct event event;
    struct error err = {0};
    snprintf(line, sizeof line, "{\"seq\":%llu,\"attempt\":%llu,\"t\":\"2026-01-02T03:04:05.678Z\",\"type\":\"%s\",\"step\":%llu%s%s}",
             (unsigned long long)seq, (unsigned long long)attempt, event_type_name(type), (unsigned long long)step, extra[0] ? "," : "", extra);
    assert_ok(event_parse(&event, line, strlen(line), &err), &err);
    return event;
}

static inline int add_one(struct fixture *f, const char *id, struct event event, int64_t offset)
{
    int rc = store_events_add(f->s, id, &event, 1, offset, &f->err);
    event_close(&event);
    return rc;
}

static inline void put(struct fixture *f, const char *id, struct event event) { assert_ok(add_one(f, id, event, 1), &f->err); }

static inline struct job get(struct fixture *f, const char *id)
{
    struct job job;
    assert_ok(store_job_get(f->s, id, &job, &f->err), &f->err);
    return job;
}

static inline void assert_state(struct fixture *f, const char *id, enum job_state want)
{
    struct job job = get(f, id);
    assert_string_equal(job_state_name(job.state), job_state_name(want));
    job_close(&job);
}

static inline size_t list_count(struct fixture *f, const char *filter)
{
    struct job_list list;
    assert_ok(store_job_list(f->s, filter, NULL, 1000, NULL, &list, &f->err), &f->err);
    size_t n = list.count;
    job_list_close(&list);
    return n;
}

#endif

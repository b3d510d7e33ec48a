#include "engine/train/team.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/core/float.h"

enum { BARRIER_SPINS = 4000 };

struct team_member {
    uv_work_t work;
    struct team *team;
    unsigned index;
    int rc;
    struct error err;
};

static void member_phase(struct team_member *m)
{
    m->err = (struct error){0};
    m->rc = m->team->phase(m->team->context, m->index, &m->err);
}

static void member_live(uv_work_t *work)
{
    struct team_member *m = work->data;
    float_flush_denormals();
    for (;;) {
        barrier_wait(&m->team->barrier);
        if (m->team->stopping) return;
        member_phase(m);
        barrier_wait(&m->team->barrier);
    }
}

static void member_ended(uv_work_t *work, int status) { (void)work, (void)status; }

int team_run(struct team *team, team_phase phase, void *context, struct error *err)
{
    team->phase = phase;
    team->context = context;
    if (team->workers > 1) barrier_wait(&team->barrier);
    member_phase(&team->members[0]);
    if (team->workers > 1) barrier_wait(&team->barrier);
    for (unsigned w = 0; w < team->workers; w++)
        if (team->members[w].rc < 0)
            return error_set(err, (enum error_code) - team->members[w].rc, team->members[w].err.field, "%s", team->members[w].err.msg);
    return 0;
}

struct parallel_call {
    unsigned count, stride;
    parallel_task task;
    void *context;
};

static int parallel_phase(void *context, unsigned worker, struct error *err)
{
    const struct parallel_call *call = context;
    for (unsigned i = worker; i < call->count; i += call->stride) {
        int rc = call->task(call->context, i, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static int team_parallel(void *impl, parallel_task task, void *context, unsigned count, struct error *err)
{
    struct team *team = impl;
    struct parallel_call call = {count, team->workers, task, context};
    return team_run(team, parallel_phase, &call, err);
}

static int team_begin(void *impl, int (*task)(void *context, struct error *err), void *context, struct error *err)
{
    struct team *team = impl;
    return background_start(team, team->aside, task, context, err);
}

static int team_end(void *impl, struct error *err) { return background_wait(((struct team *)impl)->aside, err); }

/* The pool is made once a process, as large as the environment then says: never smaller than somebody wished before. */
static int pool_size(unsigned threads, struct error *err)
{
    const char *now = getenv("UV_THREADPOOL_SIZE");
    char size[16];
    int64_t known;
    if (now && str_to_int64(now, &known) && known >= threads) return 0;
    snprintf(size, sizeof size, "%u", threads);
    return setenv("UV_THREADPOOL_SIZE", size, 1) < 0 ? error_set(err, ERROR_NOMEM, NULL, "cannot size the thread pool") : 0;
}

int team_start(struct team *team, unsigned workers, unsigned beside, struct error *err)
{
    *team = (struct team){.workers = workers};
    int rc = pool_size(workers + TEAM_HELPERS + beside, err);
    if (rc < 0) return rc;
    team->members = mem_array(workers, 1, sizeof *team->members, err);
    team->aside = mem_zero(sizeof *team->aside, err);
    if (!team->members || !team->aside) {
        mem_free(team->members);
        mem_free(team->aside);
        team->members = NULL;
        return -ERROR_NOMEM;
    }
    if (uv_loop_init(&team->loop) < 0) {
        mem_free(team->members);
        mem_free(team->aside);
        team->members = NULL;
        return error_set(err, ERROR_INTERNAL, NULL, "cannot start an event loop");
    }
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    barrier_init(&team->barrier, workers, cores > 0 && (unsigned long)cores >= workers ? BARRIER_SPINS : 0);
    team->parallel = (struct parallel){.impl = team, .workers = workers, .run = team_parallel, .begin = team_begin, .end = team_end};
    float_flush_denormals();
    for (unsigned w = 0; w < workers; w++) {
        struct team_member *m = &team->members[w];
        m->team = team;
        m->index = w;
        m->work.data = m;
        if (w > 0) uv_queue_work(&team->loop, &m->work, member_live, member_ended); /* fails on a NULL callback only */
    }
    return 0;
}

void team_stop(struct team *team)
{
    if (!team->members) return;
    team->stopping = true;
    if (team->workers > 1) barrier_wait(&team->barrier);
    uv_run(&team->loop, UV_RUN_DEFAULT);
    uv_loop_close(&team->loop);
    barrier_close(&team->barrier);
    mem_free(team->members);
    mem_free(team->aside);
    *team = (struct team){0};
}

static void background_work(uv_work_t *work)
{
    struct background *b = work->data;
    float_flush_denormals();
    b->rc = b->task(b->context, &b->err);
}

static void background_ended(uv_work_t *work, int status)
{
    (void)status;
    ((struct background *)work->data)->running = false;
}

int background_start(struct team *team, struct background *b, int (*task)(void *context, struct error *err), void *context, struct error *err)
{
    *b = (struct background){.task = task, .context = context, .team = team, .running = true};
    b->work.data = b;
    if (uv_queue_work(&team->loop, &b->work, background_work, background_ended) == 0) return 0;
    b->running = false;
    return error_set(err, ERROR_INTERNAL, NULL, "cannot queue background work");
}

bool background_busy(struct background *b)
{
    if (b->running) uv_run(&b->team->loop, UV_RUN_NOWAIT);
    return b->running;
}

int background_wait(struct background *b, struct error *err)
{
    while (b->running) uv_run(&b->team->loop, UV_RUN_ONCE);
    return b->rc < 0 ? error_set(err, (enum error_code) - b->rc, b->err.field, "%s", b->err.msg) : 0;
}

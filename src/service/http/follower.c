/* See follower.h. The text is the WHATWG's "text/event-stream": id, event, data, blank line. */
#include "service/http/follower.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "service/http/hub.h"
#include "service/http/service.h"
#include "service/store/store.h"

static void follower_run(struct task *task);

struct follower *follower_new(const struct service *service, const char *const *jobs, size_t job_count, int64_t after, struct error *err)
{
    struct follower *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    s->task.run = follower_run;
    s->service = service;
    s->after = after;
    s->sent_ms = world_mono_ms(service->world);
    bytes_init(&s->out, FOLLOWER_BODY_MAX);
    if (job_count > 0 && !(s->jobs = mem_array(job_count, 1, sizeof *s->jobs, err))) goto fail;
    for (; s->job_count < job_count; s->job_count++) str_copy(s->jobs[s->job_count].id, ID_SIZE, jobs[s->job_count]);
    if (bytes_printf(&s->out, err, "retry: %d\n\n", FOLLOWER_RETRY_MS) < 0) goto fail;
    return s;
fail:
    follower_free(s);
    return NULL;
}

void follower_free(struct follower *s)
{
    if (!s) return;
    if (s->listed) {
        hub_lock(s->service->hub);
        hub_remove_follower(s->service->hub, s);
        hub_unlock(s->service->hub);
    }
    bytes_close(&s->out);
    mem_free(s->jobs);
    mem_free(s);
}

/* ---- filling ---- */

struct filling {
    struct follower *follower;
    size_t count;
    struct error *err;
};

static int fill_event(void *context, const struct event_row *row)
{
    struct filling *f = context;
    struct follower *s = f->follower;
    const char *body = row->body;
    size_t size = row->body_size;
    /* The number and the job go in front of the event's own fields, so that one JSON object says all. */
    if (size < 2 || body[0] != '{') return 0;
    int rc = bytes_printf(&s->out, f->err, "id: %" PRId64 "\nevent: %s\ndata: {\"id\":%" PRId64 ",\"job\":\"%s\"%s", row->id,
                          event_type_name(row->type), row->id, row->job, body[1] == '}' ? "" : ",");
    if (rc == 0) rc = bytes_add(&s->out, body + 1, size - 1, f->err);
    if (rc == 0) rc = bytes_add(&s->out, "\n\n", 2, f->err);
    if (rc < 0) return rc;
    s->after = row->id;
    f->count++;
    return s->out.size >= FOLLOWER_BATCH_BYTES;
}

static int fill_end(struct follower *s, struct follower_job *job, const char *state, struct error *err)
{
    job->ended = true;
    return bytes_printf(&s->out, err, "event: end\ndata: {\"job\":\"%s\",\"state\":\"%s\"}\n\n", job->id, state);
}

int follower_fill(struct follower *s, struct error *err)
{
    const char *ids[FOLLOWER_JOBS_MAX];
    const char *over[FOLLOWER_JOBS_MAX]; /* the final state of a job that had one before we read events */
    struct store *store = s->service->store;
    memset(over, 0, sizeof over);
    for (size_t i = 0; i < s->job_count; i++) {
        struct error why = {0};
        struct job job = {0};
        ids[i] = s->jobs[i].id;
        if (s->jobs[i].ended) continue;
        int rc = store_job_get(store, ids[i], &job, &why);
        if (rc == -ERROR_NOTFOUND) over[i] = "deleted";
        else if (rc < 0) return error_set(err, why.code, NULL, "%s", why.msg);
        else if (job_state_final(job.state)) over[i] = job_state_name(job.state);
        job_close(&job);
    }
    struct filling f = {.follower = s, .err = err};
    struct event_query query = {.jobs = s->job_count ? ids : NULL, .job_count = s->job_count, .after = s->after, .limit = FOLLOWER_BATCH};
    int rc = store_events(store, &query, fill_event, &f, err);
    if (rc < 0 || err->code) return -(int)err->code;
    bool drained = f.count < FOLLOWER_BATCH && s->out.size < FOLLOWER_BATCH_BYTES, all = true;
    if (!drained || s->job_count == 0) return 0;
    for (size_t i = 0; i < s->job_count; i++) {
        if (over[i] && !s->jobs[i].ended && (rc = fill_end(s, &s->jobs[i], over[i], err)) < 0) return rc;
        all = all && s->jobs[i].ended;
    }
    s->ended = all;
    return 0;
}

/* ---- the states ---- */

static void follower_resume(struct follower *s) /* hub locked */
{
    s->state = FOLLOWER_READING;
    s->resume(s->connection);
}

static void follower_queue(struct follower *s) /* hub locked, suspended */
{
    s->state = FOLLOWER_FILLING;
    s->news = false;
    if (pool_add(hub_config(s->service->hub)->pool, &s->task)) return;
    s->ended = true; /* the server is stopping */
    follower_resume(s);
}

static void follower_run(struct task *task)
{
    struct follower *s = (struct follower *)task;
    struct error err = {0};
    bytes_clear(&s->out);
    s->out_at = 0;
    if (follower_fill(s, &err) < 0) {
        log_warn("an event stream was cut: %s", err.msg);
        s->ended = true; /* the client connects again with the last id it saw */
    }
    struct hub *hub = s->service->hub;
    bool stopping = hub_lock(hub);
    if (s->out.size > 0 || s->ended || stopping) {
        s->sent_ms = world_mono_ms(s->service->world);
        s->ended = s->ended || (stopping && s->out.size == 0);
        follower_resume(s);
    } else if (s->news) follower_queue(s);
    else s->state = FOLLOWER_IDLE;
    hub_unlock(hub);
}

ssize_t follower_read(struct follower *s, char *buf, size_t max)
{
    size_t left = s->out.size - s->out_at;
    if (left > 0) {
        size_t size = left < max ? left : max;
        memcpy(buf, s->out.data + s->out_at, size);
        s->out_at += size;
        return (ssize_t)size;
    }
    struct hub *hub = s->service->hub;
    bool end = hub_lock(hub) || s->ended;
    if (!end) {
        if (!s->listed) hub_add_follower(hub, s);
        s->listed = true;
        s->suspend(s->connection);
        follower_queue(s);
    }
    hub_unlock(hub);
    return end ? -1 : 0;
}

void follower_tick(struct follower *s, bool changed, bool stopping, int64_t now_ms)
{
    if (s->state == FOLLOWER_FILLING && changed) s->news = true;
    if (s->state != FOLLOWER_IDLE) return;
    if (stopping) {
        s->ended = true;
        follower_resume(s);
    } else if (changed) follower_queue(s);
    else if (now_ms - s->sent_ms >= hub_config(s->service->hub)->heartbeat_ms) {
        bytes_clear(&s->out);
        s->out_at = 0;
        if (bytes_add_text(&s->out, ": hb\n\n", NULL) < 0) s->ended = true;
        s->sent_ms = now_ms;
        follower_resume(s);
    }
}

/* See render.h. */
#include "service/http/render.h"

#include <string.h>

#include "contract/rundir.h"

json_t *render_text(const char *text) { return *text ? json_string(text) : json_null(); }

json_t *render_time(int64_t utc_ms)
{
    char text[TIME_TEXT_SIZE];
    if (utc_ms == 0) return json_null();
    time_text(utc_ms, text);
    return json_string(text);
}

static json_t *number_if(int64_t value, bool there) { return there ? json_integer(value) : json_null(); }
static json_t *borrowed(json_t *value) { return value ? json_incref(value) : json_null(); }

/* A field of the newest metric event, so that a list needs no second look. */
static json_t *latest_field(const struct job *job, const char *name)
{
    json_t *value = job->latest ? json_object_get(job->latest, name) : NULL;
    return borrowed(value);
}

static json_t *render_wait(const struct service *service, const struct job *job)
{
    struct job_wait wait;
    struct error why = {0};
    if (sched_wait_of(service->sched, job, &wait, &why) < 0 || !wait.reason[0]) return json_null();
    return json_pack("{s:s, s:s, s:I, s:o}", "reason", wait.reason, "message", wait.message, "ahead", (json_int_t)wait.ahead, "blocked_by",
                     render_text(wait.blocked_by));
}

json_t *render_job(const struct service *service, const struct job *job, unsigned what)
{
    bool failed = job->cause != CAUSE_NONE;
    /* clang-format off */
    json_t *out = json_pack("{s:s, s:s, s:s, s:o, s:I, s:I, s:s, s:s, s:s, s:o, s:o}",
        "id", job->id, "name", job->name, "experiment", job->experiment, "labels", job->labels ? json_incref(job->labels) : json_object(),
        "priority", (json_int_t)job->priority, "slots", (json_int_t)job->slots,
        "state", job_state_name(job->state), "reason", job->reason, "message", job->message,
        "cause", render_text(job_cause_name(job->cause)), "retryable", failed ? json_boolean(job_cause_retryable(job->cause)) : json_null());
    json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:o, s:o, s:o, s:I, s:o, s:o}",
        "created_at", render_time(job->created_ms), "queued_at", render_time(job->queued_ms), "started_at", render_time(job->started_ms),
        "ended_at", render_time(job->ended_ms), "changed_at", render_time(job->changed_ms), "not_before", render_time(job->not_before_ms),
        "attempt", (json_int_t)job->attempt, "launches", (json_int_t)job->launches,
        "step", latest_field(job, "step"), "progress", latest_field(job, "progress"), "eta_ms", latest_field(job, "eta_ms"),
        "event_id", (json_int_t)job->event_id, "latest", borrowed(job->latest), "evaluated", borrowed(job->evaluated));
    /* clang-format on */
    bool ok = out && more && json_object_update(out, more) == 0;
    json_decref(more);
    if (ok && what & RENDER_WAIT && job->state == JOB_QUEUED) ok = json_object_set_new(out, "wait", render_wait(service, job)) == 0;
    if (ok && what & RENDER_SPEC) ok = json_object_set_new(out, "spec", borrowed(job->spec)) == 0;
    if (ok) return out;
    json_decref(out);
    return NULL;
}

bool render_is_delta(const struct checkpoint *c)
{
    const char *slash = strrchr(c->path, '/');
    struct rundir_checkpoint file;
    return rundir_checkpoint_parse(slash ? slash + 1 : c->path, &file) && file.delta;
}

json_t *render_checkpoint(const struct checkpoint *c)
{
    char file[ID_SIZE + 32];
    bool delta = render_is_delta(c);
    snprintf(file, sizeof file, "/v1/checkpoints/%s/file", c->id);
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:o, s:b, s:b, s:s, s:o, s:o}", "id", c->id, "job", c->job, "step", (json_int_t)c->step,
                     "attempt", (json_int_t)c->attempt, "size_bytes", (json_int_t)c->size_bytes, "sha256", c->sha256, "created_at",
                     render_time(c->utc_ms), "best", c->best, "delta", delta, "path", c->path, "file", delta ? json_null() : json_string(file),
                     "metrics", c->metrics ? json_incref(c->metrics) : json_object());
}

json_t *render_attempt(const struct attempt *a)
{
    bool ended = a->ended_ms != 0;
    return json_pack("{s:I, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:I}", "launch", (json_int_t)a->launch, "attempt",
                     number_if(a->attempt, a->attempt > 0), "state", ended ? "ended" : "running", "pid", number_if(a->pid, a->pid > 0 && !ended),
                     "started_at", render_time(a->started_ms), "ended_at", render_time(a->ended_ms), "exit_code",
                     number_if(a->exit_code, ended && a->exit_code >= 0), "signal", number_if(a->signal, a->signal > 0), "cause",
                     render_text(job_cause_name(a->cause)), "message", a->message, "log_offset", (json_int_t)a->log_from);
}

json_t *render_series(const struct metric_series *series)
{
    json_t *points = json_array();
    bool ok = points != NULL;
    for (size_t i = 0; ok && i < series->count; i++) {
        const struct metric_point *p = &series->points[i];
        ok = json_array_append_new(points, json_pack("{s:I, s:I, s:o, s:o}", "step", (json_int_t)p->step, "attempt", (json_int_t)p->attempt, "t",
                                                     render_time(p->utc_ms), "value", json_real_or_null(p->value))) == 0;
    }
    if (ok) return json_pack("{s:s, s:I, s:o}", "name", series->name, "total", (json_int_t)series->total, "points", points);
    json_decref(points);
    return NULL;
}

/* What an event of a run means for the other tables: one function a type, in the table `appliers`. Runs in the transaction that stores the
 * event, once for each event. The event's text comes from another process: what does not fit is left alone, not trusted. */
#include "service/store/internal.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

struct application {
    struct store *store;
    const char *job_id;
    int64_t job;
    enum job_state *state;
    const struct event *event;
    int64_t id;
};

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static int text_set(struct store *s, enum statement which, int64_t num, const json_t *value, struct error *err)
{
    struct bytes text;
    bytes_init(&text, EVENT_LINE_MAX);
    int rc = json_write(value, &text, err);
    if (rc == 0) {
        struct query q = query_begin(&s->writer, which);
        query_int(&q, 1, num);
        query_text(&q, 2, bytes_text(&text));
        rc = query_end_changed(&q, 1, err);
    }
    bytes_close(&text);
    return rc;
}

/* ---- state ---- */

static int move(struct application *a, enum job_state to, struct error *err)
{
    const json_t *body = a->event->body;
    struct job_move step = {.from = *a->state, .to = to, .reason = text_of(body, "reason"), .message = text_of(body, "message")};
    char reason[JOB_REASON_SIZE];
    if (to == JOB_FAILED && !job_cause_parse(text_of(body, "cause"), &step.cause)) step.cause = CAUSE_INTERNAL;
    str_copy(reason, sizeof reason, step.reason);
    step.reason = reason;
    int rc = job_move_row(a->store, a->job_id, a->job, &step, a->event->utc_ms, err);
    if (rc == 0) *a->state = to;
    return rc;
}

/* A run says "stopped" before it goes; what becomes of the job then is the scheduler's to decide when the process is gone. A wish to stop
 * is kept over the run's own "stopping", and news from a run that the job no longer waits for move nothing. */
static int apply_state(struct application *a, struct error *err)
{
    enum job_state to;
    const char *name = text_of(a->event->body, "state");
    if (strcmp(name, "stopped") == 0 || !job_state_parse(name, &to) || to == JOB_STARTING || to == *a->state) return 0;
    if (to != JOB_RUNNING && to != JOB_STOPPING && to != JOB_SUCCEEDED && to != JOB_FAILED) return 0;
    if (*a->state == JOB_STARTING && to == JOB_SUCCEEDED) {
        int rc = move(a, JOB_RUNNING, err);
        if (rc < 0) return rc;
    }
    return job_state_may(*a->state, to) && *a->state != JOB_QUEUED && *a->state != JOB_PAUSED ? move(a, to, err) : 0;
}

/* ---- metrics ---- */

static int metric_name_num(struct store *s, const char *name, int64_t *num, struct error *err)
{
    struct query q = query_begin(&s->writer, STATEMENT_METRIC_NAME);
    query_text(&q, 1, name);
    int rc = query_step(&q, err);
    if (rc > 0) *num = query_int_at(&q, 0);
    int ended = query_end(&q, rc < 0 ? rc : 0, err);
    if (ended < 0 || rc > 0) return ended;
    q = query_begin(&s->writer, STATEMENT_METRIC_NAME_INSERT);
    query_text(&q, 1, name);
    rc = query_end_changed(&q, 1, err);
    *num = sqlite3_last_insert_rowid(s->writer.db);
    return rc;
}

static bool is_metric(const char *name, const json_t *value)
{
    static const char *const frame[] = {"seq", "attempt", "step", "t", "type", "fold_step"};
    for (size_t i = 0; i < sizeof frame / sizeof *frame; i++)
        if (strcmp(name, frame[i]) == 0) return false;
    return (json_is_number(value) || json_is_null(value)) && strlen(name) < sizeof((struct metric_series *)0)->name;
}

static int apply_metric(struct application *a, struct error *err)
{
    const char *name;
    json_t *value, *latest = NULL;
    int64_t num;
    int rc = 0;
    json_object_foreach (a->event->body, name, value) {
        if (!is_metric(name, value)) continue;
        if ((rc = metric_name_num(a->store, name, &num, err)) < 0) return rc;
        struct query q = query_begin(&a->store->writer, STATEMENT_METRIC_INSERT);
        const int64_t key[] = {a->job, num, (int64_t)a->event->step, (int64_t)a->event->attempt, a->event->utc_ms};
        for (int i = 0; i < 5; i++) query_int(&q, i + 1, key[i]);
        query_real(&q, 6, json_is_number(value) ? json_number_value(value) : NAN);
        if ((rc = query_end_done(&q, err)) < 0) return rc;
    }
    struct query q = query_begin(&a->store->writer, STATEMENT_JOB_LATEST);
    query_int(&q, 1, a->job);
    rc = query_step(&q, err);
    if (rc > 0) latest = query_json_at(&q, 0, NULL);
    rc = query_end(&q, rc < 0 ? rc : 0, err);
    if (!latest) latest = json_object();
    if (rc == 0 && (!latest || json_object_update(latest, a->event->body) < 0)) rc = error_set(err, ERROR_NOMEM, NULL, "latest metrics");
    if (rc == 0) rc = text_set(a->store, STATEMENT_JOB_LATEST_SET, a->job, latest, err);
    json_decref(latest);
    return rc;
}

/* ---- checkpoints and evaluation ---- */

/* A path from a run is joined to the run directory and served: relative, plain, inside. */
static bool path_plain(const char *path)
{
    size_t n = strlen(path);
    if (n == 0 || n >= sizeof((struct checkpoint *)0)->path || path[0] == '/' || strchr(path, '\\')) return false;
    for (const char *at = path; at; at = strchr(at, '/'), at = at ? at + 1 : NULL)
        if (at[0] == '.' || at[0] == '/' || at[0] == 0) return false;
    return true;
}

static int apply_checkpoint(struct application *a, struct error *err)
{
    char id[ID_SIZE];
    const json_t *body = a->event->body, *metrics = json_object_get(body, "metrics");
    const char *path = text_of(body, "path"), *sha256 = text_of(body, "sha256");
    json_t *none = json_is_object(metrics) ? NULL : json_object();
    struct bytes text;
    if (!path_plain(path)) return error_set(err, ERROR_DATA, "/path", "a checkpoint's path must stay in the run directory");
    if (strlen(sha256) != SHA256_HEX - 1) return error_set(err, ERROR_DATA, "/sha256", "a checkpoint needs its SHA-256 in hex");
    bytes_init(&text, EVENT_LINE_MAX);
    id_make(a->store->world, "ckpt_", id);
    int rc = json_write(none ? none : metrics, &text, err);
    struct query q = query_begin(&a->store->writer, STATEMENT_CHECKPOINT_PUT);
    query_text(&q, 1, id);
    query_int(&q, 2, a->job);
    query_text(&q, 3, path);
    query_int(&q, 4, (int64_t)a->event->step);
    query_int(&q, 5, (int64_t)a->event->attempt);
    query_int(&q, 6, json_integer_value(json_object_get(body, "size_bytes")));
    query_int(&q, 7, a->event->utc_ms);
    query_text(&q, 8, sha256);
    query_int(&q, 9, json_is_true(json_object_get(body, "best")));
    query_text(&q, 10, bytes_text(&text));
    rc = rc == 0 ? query_end_changed(&q, 1, err) : query_end(&q, rc, err);
    bytes_close(&text);
    json_decref(none);
    if (rc < 0) return rc;
    q = query_begin(&a->store->writer, STATEMENT_JOB_PROGRESS);
    query_int(&q, 1, a->job);
    query_int(&q, 2, (int64_t)a->event->step);
    return query_end_done(&q, err);
}

static int apply_evaluation(struct application *a, struct error *err)
{
    struct bytes text;
    const json_t *metrics = json_object_get(a->event->body, "metrics");
    if (json_object_get(a->event->body, "fold")) return 0; /* of one fold: the job's own comes when all are done */
    bytes_init(&text, EVENT_LINE_MAX);
    int rc = json_write(a->event->body, &text, err);
    if (rc == 0) {
        struct query q = query_begin(&a->store->writer, STATEMENT_EVALUATION_PUT);
        query_int(&q, 1, a->job);
        query_int(&q, 2, a->id);
        query_text(&q, 3, bytes_text(&text));
        rc = query_end_changed(&q, 1, err);
    }
    bytes_close(&text);
    return rc == 0 && json_is_object(metrics) ? text_set(a->store, STATEMENT_JOB_EVALUATED_SET, a->job, metrics, err) : rc;
}

int event_apply(struct store *s, const char *job_id, int64_t num, enum job_state *state, const struct event *event, int64_t id, struct error *err)
{
    static int (*const appliers[EVENT_TYPES])(struct application * a, struct error * err) = {
        [EVENT_STATE] = apply_state,
        [EVENT_METRIC] = apply_metric,
        [EVENT_CHECKPOINT] = apply_checkpoint,
        [EVENT_EVALUATION] = apply_evaluation,
    };
    struct application a = {s, job_id, num, state, event, id};
    return appliers[event->type] ? appliers[event->type](&a, err) : 0;
}

#include "cli/follow.h"

#include <inttypes.h>
#include <string.h>

#include "base/sse.h"
#include "base/str.h"
#include "cli/interrupt.h"

enum { IDLE_MS = 45000, GIVE_UP_MS = 600000, BACKOFF_MS = 250, BACKOFF_MAX_MS = 8000 }; /* idle: three heartbeats */

struct following {
    const struct follow *follow;
    struct sse_reader reader;
    bool ended, heard; /* heard: bytes came over this connection */
    bool own_failure;  /* the failure is not the connection's: do not try again */
};

static int take_event(void *context, const struct sse_event *event, struct error *err)
{
    struct following *f = context;
    json_t *body = json_read(event->data, event->size, "an event of the server", err);
    if (!body) {
        f->own_failure = true;
        return -(int)err->code;
    }
    f->ended = strcmp(event->name, "end") == 0;
    int rc = f->follow->event(f->follow->context, event->name, event->id, body, err);
    json_decref(body);
    if (rc < 0) f->own_failure = true;
    return rc < 0 ? rc : f->ended ? error_set(err, ERROR_STOPPED, NULL, "the job's end") : 0;
}

static int take_bytes(void *context, const void *data, size_t size, struct error *err)
{
    struct following *f = context;
    f->heard = true;
    return sse_feed(&f->reader, data, size, take_event, f, err);
}

static bool stop_asked(void *context)
{
    const struct following *f = context;
    return f->follow->stop && f->follow->stop(f->follow->context);
}

/* One connection, from last_id on. *retry_after_ms: the server's wish, or 0. */
static int connect_once(struct following *f, int64_t *retry_after_ms, struct error *err)
{
    char path[256], resume[SSE_ID_SIZE + 32], url[CLIENT_URL_SIZE], wish[32];
    const char *headers[CLIENT_HEADERS_MAX + 4];
    struct client_call call = {.method = "GET", .path = path, .headers = {"Accept: text/event-stream"}};
    struct http_request request;
    struct http_response response;
    int64_t seconds;
    int rc = client_job_path(path, sizeof path, f->follow->job, "/events", err);
    snprintf(resume, sizeof resume, "Last-Event-ID: %s", f->reader.last_id);
    if (*f->reader.last_id) call.headers[1] = resume;
    if (rc == 0) rc = client_request(f->follow->client, &call, &request, url, headers, err);
    if (rc < 0) return rc;
    request.timeout_ms = 0;
    request.idle_timeout_ms = IDLE_MS;
    request.context = f;
    request.on_data = take_bytes;
    request.stop = stop_asked;
    rc = http_send(&request, &response, err);
    if (rc == 0 && response.status == 204) f->ended = true;
    else if (rc == 0 && response.status != 200) rc = client_problem(&response, NULL, err);
    else if (rc == 0) rc = error_set(err, ERROR_UNAVAILABLE, NULL, "the event stream ended before the job did");
    if (str_to_int64(http_header(&response, "Retry-After", wish, sizeof wish), &seconds) && seconds >= 0 && seconds < 3600)
        *retry_after_ms = seconds * 1000;
    http_response_close(&response);
    return rc;
}

static bool worth_retrying(const struct following *f, const struct error *err)
{
    return !f->own_failure && (err->code == ERROR_UNAVAILABLE || err->code == ERROR_BUSY || err->code == ERROR_INTERNAL);
}

int follow_run(const struct follow *follow, struct error *err)
{
    struct following f = {.follow = follow};
    int64_t give_up_ms = follow->give_up_ms ? follow->give_up_ms : GIVE_UP_MS, lost_ms = -1, backoff = BACKOFF_MS;
    int rc;
    sse_init(&f.reader);
    if (follow->after > 0) snprintf(f.reader.last_id, sizeof f.reader.last_id, "%" PRId64, follow->after);
    for (;;) {
        struct error why = {0};
        int64_t wait_ms = 0, now;
        int seen = interrupt_count();
        sse_restart(&f.reader);
        f.heard = false;
        rc = connect_once(&f, &wait_ms, &why);
        if (f.ended) rc = 0;
        if (rc == 0) break;
        now = world_mono_ms(follow->world);
        if (f.heard || lost_ms < 0) {
            lost_ms = now;
            backoff = BACKOFF_MS;
        }
        if (!worth_retrying(&f, &why)) rc = error_set(err, why.code, why.field, "%s", why.msg);
        else if (now - lost_ms > give_up_ms)
            rc = error_set(err, ERROR_UNAVAILABLE, NULL, "given up after %" PRId64 " s without a connection: %s", give_up_ms / 1000, why.msg);
        else if (stop_asked(&f)) rc = error_set(err, ERROR_STOPPED, NULL, "interrupted");
        else {
            if (follow->lost && !f.heard) follow->lost(follow->context, why.msg);
            interrupt_wait(wait_ms > backoff ? wait_ms : backoff, seen);
            backoff = backoff * 2 > BACKOFF_MAX_MS ? BACKOFF_MAX_MS : backoff * 2;
            continue;
        }
        break;
    }
    sse_close(&f.reader);
    return rc;
}

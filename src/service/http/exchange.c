/* See exchange.h. */
#include "service/http/exchange.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "service/http/follower.h"

enum { FILE_BLOCK = 1 << 16, STREAM_BLOCK = 1 << 14 };

enum phase { PHASE_HEAD, PHASE_BODY, PHASE_RUNNING, PHASE_READY, PHASE_SENT };

struct exchange {
    struct task task; /* first: a task is an exchange */
    struct waiter waiter;
    struct http_server *server;
    struct MHD_Connection *connection;
    enum phase phase;
    char *target;     /* as sent */
    size_t swallowed; /* bytes of a refused body */
    bool counted;     /* in the gauge of requests in flight */
    int64_t begun_ns;
    int rc; /* below 0: refused or failed, err says why */
    struct error err;
    struct request rq;
    struct reply rp;
};

static void exchange_run(struct task *task);

void *exchange_on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct exchange *ex = mem_zero(sizeof *ex, NULL);
    if (!ex) return NULL;
    ex->server = context;
    ex->connection = connection;
    ex->task.run = exchange_run;
    request_init(&ex->rq);
    reply_init(&ex->rp);
    ex->rq.service = &ex->server->service;
    ex->begun_ns = world_mono_ns(ex->server->service.world);
    ex->target = mem_text(target, NULL);
    return ex;
}

/* ---- the head ---- */

static enum MHD_Result add_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    struct exchange *ex = context;
    (void)kind;
    int rc = request_add_header(&ex->rq, name, value ? value : "", &ex->err);
    return rc < 0 ? MHD_NO : MHD_YES;
}

static void name_request(struct request *rq)
{
    static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    const char *given = request_header(rq, HEADER_REQUEST_ID);
    if (given && *given && strlen(given) <= 64 && strspn(given, harmless) == strlen(given)) str_copy(rq->id, sizeof rq->id, given);
    else id_make(rq->service->world, "req_", rq->id);
}

/* exchange_judge: everything that can be said of a request before its body. */
static int exchange_judge(struct exchange *ex, const char *method)
{
    struct request *rq = &ex->rq;
    struct error *err = &ex->err;
    char allow[64];
    int rc;

    rq->head = !strcmp(method, "HEAD");
    bool known = str_copy(rq->method, sizeof rq->method, method);
    MHD_get_connection_values(ex->connection, MHD_HEADER_KIND, add_header, ex);
    name_request(rq);
    if (err->code) return -(int)err->code;
    if (!known) return error_set(err, ERROR_METHOD, NULL, "method %s... is none that is known here", rq->method);
    if (!ex->target) return error_set(err, ERROR_NOMEM, NULL, "no memory for the request");
    if ((rc = request_parse_target(rq, ex->target, err)) < 0) return rc;
    if ((rc = guard_host(&ex->server->guard, rq, err)) < 0) return rc;
    if (!(rq->route = route_find(rq, allow, sizeof allow, err))) {
        if (*allow) reply_header(&ex->rp, "Allow", NULL, "%s", allow);
        return -(int)err->code;
    }
    if ((rc = guard_token(&ex->server->guard, rq, rq->route->role, err)) < 0) return rc;
    if ((rc = guard_origin(rq, err)) < 0) return rc;
    if ((rc = route_check_query(rq->route, rq, err)) < 0) return rc;
    return guard_body(rq, rq->route, err);
}

static void connection_busy(struct exchange *ex, bool busy)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(ex->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *c = info ? info->socket_context : NULL;
    if (!c) return;
    pthread_mutex_lock(&ex->server->connections_lock);
    c->busy = busy;
    c->since_ms = world_mono_ms(ex->server->service.world);
    pthread_mutex_unlock(&ex->server->connections_lock);
}

/* ---- running the handler ---- */

static void exchange_finish(struct exchange *ex)
{
    if (ex->rc == 0 && request_wait_ms(&ex->rq) > 0 && ex->rq.route->flags & ROUTE_WAITS)
        reply_header(&ex->rp, "Preference-Applied", NULL, "wait=%" PRId64, request_wait_ms(&ex->rq) / 1000);
    if (atomic_load(&ex->server->stopping)) ex->rp.flags |= REPLY_CLOSE;
    reply_finish(&ex->rp, &ex->rq, ex->rc, &ex->err);
    ex->phase = PHASE_READY;
}

/* exchange_try: run the handler; false: it waits, and ex is the hub's. */
static bool exchange_try(struct exchange *ex)
{
    struct hub *hub = ex->server->service.hub;
    for (;;) {
        uint64_t seen = hub_news(hub);
        ex->rc = ex->rq.route->handler(&ex->rq, &ex->rp, &ex->err);
        if (ex->rc < 0 || !(ex->rp.flags & REPLY_WAIT)) return true;
        reply_close(&ex->rp);
        reply_init(&ex->rp);
        str_copy(ex->waiter.job, sizeof ex->waiter.job, ex->rq.job);
        ex->waiter.until_ms = ex->rq.wait_until_ms;
        ex->waiter.task = &ex->task;
        enum hub_wait what = hub_wait(hub, &ex->waiter, seen);
        if (what == HUB_WAITING) return false;
        if (what == HUB_OVER) ex->rq.wait_until_ms = 0;
    }
}

static void exchange_run(struct task *task)
{
    struct exchange *ex = (struct exchange *)task;
    if (!exchange_try(ex)) return;
    exchange_finish(ex);
    MHD_resume_connection(ex->connection);
}

static void exchange_dispatch(struct exchange *ex)
{
    ex->phase = PHASE_RUNNING;
    MHD_suspend_connection(ex->connection);
    if (!atomic_load(&ex->server->stopping) && pool_add(ex->server->pool, &ex->task)) return;
    ex->rc = error_set(&ex->err, ERROR_UNAVAILABLE, NULL, "the server is stopping; try again in a moment");
    exchange_finish(ex);
    MHD_resume_connection(ex->connection);
}

/* ---- the body ---- */

static enum MHD_Result exchange_take_body(struct exchange *ex, const char *data, size_t *size)
{
    struct request *rq = &ex->rq;
    if (ex->rc == 0 && *size > rq->body.max - rq->body.size)
        ex->rc = error_set(&ex->err, ERROR_TOOLARGE, NULL, "the body is larger than the %zu bytes that %s takes", rq->body.max, rq->route->path);
    if (ex->rc == 0) ex->rc = bytes_add(&rq->body, data, *size, &ex->err);
    if (ex->rc < 0) {
        bytes_close(&rq->body);
        ex->swallowed += *size;
        if (ex->swallowed > BODY_SWALLOW_MAX) return MHD_NO; /* it had its chance to listen */
    }
    *size = 0;
    return MHD_YES;
}

/* ---- the reply ---- */

struct file_body {
    struct file *file;
    uint64_t offset;
};

static ssize_t file_body_read(void *context, uint64_t at, char *buf, size_t max)
{
    struct file_body *body = context;
    struct error err = {0};
    int64_t n = file_read_at(body->file, buf, max, body->offset + at, &err);
    if (n > 0) return (ssize_t)n;
    log_warn("a download was cut: %s", n < 0 ? err.msg : "the file became shorter");
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static void file_body_free(void *context)
{
    struct file_body *body = context;
    file_close(body->file, NULL);
    mem_free(body);
}

static ssize_t follower_body_read(void *context, uint64_t at, char *buf, size_t max)
{
    (void)at;
    ssize_t n = follower_read(context, buf, max);
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void follower_body_free(void *context)
{
    struct follower *follower = context;
    atomic_fetch_sub(&follower->service->stats->streams, 1);
    follower_free(follower);
}

static void suspend_connection(void *connection) { MHD_suspend_connection(connection); }
static void resume_connection(void *connection) { MHD_resume_connection(connection); }

static struct MHD_Response *response_of_file(struct reply *rp)
{
    struct file_body *body = mem_zero(sizeof *body, NULL);
    if (!body) return NULL;
    *body = (struct file_body){rp->file, rp->file_offset};
    struct MHD_Response *response = MHD_create_response_from_callback(rp->file_size, FILE_BLOCK, file_body_read, body, file_body_free);
    if (response) rp->file = NULL;
    else mem_free(body);
    return response;
}

static struct MHD_Response *response_of_follower(struct exchange *ex)
{
    struct follower *follower = ex->rp.follower;
    follower->suspend = suspend_connection, follower->resume = resume_connection, follower->connection = ex->connection;
    struct MHD_Response *response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, follower_body_read, follower,
                                                                      follower_body_free);
    if (!response) return NULL;
    ex->rp.follower = NULL;
    atomic_fetch_add(&ex->server->stats.streams, 1);
    return response;
}

static struct MHD_Response *response_of_bytes(struct reply *rp)
{
    size_t size = rp->body.size;
    if (size == 0) return MHD_create_response_from_buffer(0, (void *)(uintptr_t) "", MHD_RESPMEM_PERSISTENT);
    char *data = bytes_take(&rp->body, &size);
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback(size, data, mem_free);
    if (!response) mem_free(data);
    return response;
}

static enum MHD_Result exchange_send(struct exchange *ex)
{
    struct reply *rp = &ex->rp;
    struct MHD_Response *response;
    if (rp->follower && !ex->rq.head) response = response_of_follower(ex);
    else if (rp->file) response = response_of_file(rp);
    else response = response_of_bytes(rp);
    if (!response) return MHD_NO;
    for (size_t i = 0; i < rp->header_count; i++) MHD_add_response_header(response, rp->headers[i].name, rp->headers[i].value);
    if (rp->flags & REPLY_CLOSE) MHD_add_response_header(response, "Connection", "close");
    ex->phase = PHASE_SENT;
    enum MHD_Result result = MHD_queue_response(ex->connection, (unsigned)rp->status, response);
    MHD_destroy_response(response);
    int64_t took_us = (world_mono_ns(ex->server->service.world) - ex->begun_ns) / 1000;
    http_stats_count(&ex->server->stats, ex->rq.route, rp->status, took_us);
    log_debug("%s %s: %d in %" PRId64 " us, %s", ex->rq.method, ex->rq.path ? ex->rq.path : "?", rp->status, took_us, ex->rq.id);
    return result;
}

/* ---- the library's calls ---- */

static enum MHD_Result exchange_begin(struct exchange *ex, const char *method)
{
    const struct request *rq = &ex->rq;
    int64_t length = 0;
    ex->counted = true;
    atomic_fetch_add(&ex->server->stats.in_flight, 1);
    ex->rq.begun_ms = world_mono_ms(ex->server->service.world);
    ex->rc = exchange_judge(ex, method);
    ex->phase = PHASE_BODY;
    if (ex->rc == 0) {
        if (rq->route->flags & ROUTE_WAITS && request_wait_ms(rq) > 0) ex->rq.wait_until_ms = rq->begun_ms + request_wait_ms(rq);
        bytes_init(&ex->rq.body, rq->route->body_max);
        return MHD_YES;
    }
    /* Refused. A client that asks first, or that would send more than we care to read, or without an end, is answered at once; the
       connection ends. */
    if (request_header(rq, HEADER_CONTENT_LENGTH)) str_to_int64(request_header(rq, HEADER_CONTENT_LENGTH), &length);
    const char *coding = request_header(rq, HEADER_TRANSFER_ENCODING);
    bool endless = coding && strcasecmp(coding, "chunked") != 0; /* the library would read on until the client hangs up */
    if (!request_header(rq, HEADER_EXPECT) && !endless && length <= BODY_SWALLOW_MAX) return MHD_YES;
    ex->rp.flags |= REPLY_CLOSE;
    connection_busy(ex, true);
    exchange_finish(ex);
    return exchange_send(ex);
}

enum MHD_Result exchange_on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method, const char *version,
                                    const char *data, size_t *data_size, void **exchange)
{
    struct exchange *ex = *exchange;
    (void)context, (void)connection, (void)url, (void)version;
    if (!ex) return MHD_NO; /* no memory for it */
    switch (ex->phase) {
    case PHASE_HEAD: return exchange_begin(ex, method);
    case PHASE_BODY:
        if (*data_size > 0) return exchange_take_body(ex, data, data_size);
        connection_busy(ex, true);
        if (ex->rc == 0 && !(ex->rq.route->flags & ROUTE_INLINE)) {
            exchange_dispatch(ex);
            return MHD_YES;
        }
        if (ex->rc == 0) ex->rc = ex->rq.route->handler(&ex->rq, &ex->rp, &ex->err);
        exchange_finish(ex);
        return exchange_send(ex);
    case PHASE_READY: return exchange_send(ex);
    case PHASE_RUNNING:
    case PHASE_SENT: break;
    }
    return MHD_NO;
}

void exchange_on_completed(void *context, struct MHD_Connection *connection, void **exchange, enum MHD_RequestTerminationCode why)
{
    struct exchange *ex = *exchange;
    (void)context, (void)connection, (void)why;
    if (!ex) return;
    *exchange = NULL;
    connection_busy(ex, false);
    if (ex->counted) atomic_fetch_sub(&ex->server->stats.in_flight, 1);
    if (atomic_load(&ex->server->stopping)) {
        pthread_mutex_lock(&ex->server->connections_lock);
        pthread_cond_signal(&ex->server->done);
        pthread_mutex_unlock(&ex->server->connections_lock);
    }
    request_close(&ex->rq);
    reply_close(&ex->rp);
    mem_free(ex->target);
    mem_free(ex);
}

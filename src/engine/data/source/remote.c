#include "engine/data/source/remote.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/data/source/source_kind.h"

enum {
    CONNECT_TIMEOUT_MS = 10000,
    IDLE_TIMEOUT_MS = 30000,
    BACKOFF_MS = 500,
    BACKOFF_MAX_MS = 60000,
    TRIES = 6,
    PROGRESS_BYTES = 64 << 10, /* a try that brought so much was a good one */
    WAIT_MS = 20,
    REFUSAL_MAX_BYTES = 64 << 10
};

/* ---- one exchange ---- */

struct asking { /* a request and what it points to; lives as long as its stream */
    struct http_request request;
    char range[80], condition[REMOTE_TEXT_SIZE + 32], token[4096];
    const char *headers[6];
};

static bool ask_stop(void *context)
{
    const struct source_options *options = context;
    return options->stop && options->stop(options->context);
}

static void asking_set(struct asking *a, const struct source_options *options, const struct remote_place *place)
{
    *a = (struct asking){
        .request = {.url = place->url,
                    .shown = place->shown,
                    .user = place->user,
                    .sign = place->sign,
                    .headers = a->headers,
                    .connect_timeout_ms = options->patience.connect_timeout_ms ? options->patience.connect_timeout_ms : CONNECT_TIMEOUT_MS,
                    .idle_timeout_ms = options->patience.idle_timeout_ms ? options->patience.idle_timeout_ms : IDLE_TIMEOUT_MS,
                    .response_max = REFUSAL_MAX_BYTES,
                    .context = (void *)options,
                    .stop = ask_stop}};
    size_t n = 0;
    a->headers[n++] = "Accept-Encoding: identity"; /* the object's own bytes, of which parts can be asked for */
    if (place->token && (size_t)snprintf(a->token, sizeof a->token, "x-amz-security-token: %s", place->token) < sizeof a->token)
        a->headers[n++] = a->token;
}

static void asking_add(struct asking *a, const char *header)
{
    size_t n = 0;
    while (a->headers[n]) n++;
    a->headers[n] = header;
}

static int changed(const struct remote_place *place, const char *what, const char *was, const char *is, struct error *err)
{
    return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s changed while it was being read (%s was %s, is %s); start again when its writer has finished",
                     place->shown, what, was, *is ? is : "missing");
}

/* An answer that is no success: what it means and what to do. */
static int refused(const struct remote_place *place, const struct http_response *response, struct error *err)
{
    char words[300] = "", location[REMOTE_TEXT_SIZE], host[REMOTE_TEXT_SIZE];
    int status = response->status;
    if (place->explain) place->explain(response, words, sizeof words);
    const char *open = *words ? ": " : "", *hint = "";
    if (status >= 300 && status < 400 && !*words) {
        http_header(response, "Location", location, sizeof location);
        str_shown(host, sizeof host, location, strcspn(location, "?#"), 150);
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s redirects (%d) to %s; redirects are not followed: name the address where the data is",
                         place->shown, status,
                         strchr(host, '@') ? "elsewhere"
                         : *host           ? host
                                           : "nowhere");
    }
    if (status == 401 || status == 403)
        hint = place->user || place->sign ? "; check the credentials and what they may read" : "; it wants credentials, and none were given";
    if (status == 404) hint = "; check the address";
    return error_set(err, status >= 500 || status == 429 || status == 408 ? ERROR_UNAVAILABLE : ERROR_DATA, SOURCE_FIELD, "%s: answered %d%s%s%s",
                     place->shown, status, open, words, hint);
}

static bool may_help(enum error_code code) { return code == ERROR_UNAVAILABLE; }

/* ---- tries ---- */

struct tries {
    const struct source_options *options;
    unsigned failed; /* in a row */
};

/* After a failure: wait and return 0 for another try, or give up: *err gets why. */
static int try_again(struct tries *t, const struct remote_place *place, const struct error *why, struct error *err)
{
    const struct source_options *o = t->options;
    unsigned most = o->patience.tries ? o->patience.tries : TRIES;
    if (!may_help(why->code)) return error_set(err, why->code, *why->field ? why->field : SOURCE_FIELD, "%s", why->msg);
    if (++t->failed >= most) return error_set(err, why->code, SOURCE_FIELD, "%s; given up after %u tries", why->msg, t->failed);
    int64_t wait = (o->patience.backoff_ms ? o->patience.backoff_ms : BACKOFF_MS) << (t->failed - 1);
    if (wait > BACKOFF_MAX_MS) wait = BACKOFF_MAX_MS;
    log_warn("%s; try %u of %u in %.3g s", why->msg, t->failed + 1, most, (double)wait / 1000);
    for (int64_t until = world_mono_ms(o->world) + wait; world_mono_ms(o->world) < until; poll(NULL, 0, WAIT_MS))
        if (o->stop && o->stop(o->context)) return error_set(err, ERROR_STOPPED, NULL, "stopped while waiting to try %s again", place->shown);
    return 0;
}

static int stopped_says(const struct remote_place *place, struct error *why)
{
    if (why->code == ERROR_STOPPED) snprintf(why->msg, sizeof why->msg, "stopped while %s was read", place->shown);
    return why->code ? -(int)why->code : 0;
}

/* ---- looking ---- */

/* "bytes 5-9/100": first and total; *total_known false for "*". */
static bool content_range(const struct http_response *response, uint64_t *first, uint64_t *total, bool *total_known)
{
    char text[REMOTE_TEXT_SIZE], *end;
    const char *p = http_header(response, "Content-Range", text, sizeof text), *slash = strchr(p, '/');
    if (!str_starts(p, "bytes ") || !slash) return false;
    *first = 0;
    if (p[6] != '*') {
        if (p[6] < '0' || p[6] > '9') return false;
        *first = strtoull(p + 6, &end, 10);
        if (*end != '-') return false;
    }
    *total_known = slash[1] != '*';
    if (!*total_known) return true;
    if (slash[1] < '0' || slash[1] > '9') return false;
    *total = strtoull(slash + 1, &end, 10);
    return *end == 0;
}

static bool content_length(const struct http_response *response, uint64_t *size)
{
    char text[REMOTE_TEXT_SIZE], *end;
    const char *p = http_header(response, "Content-Length", text, sizeof text);
    if (*p < '0' || *p > '9') return false;
    *size = strtoull(p, &end, 10);
    return *end == 0;
}

static void take_validators(const struct http_response *response, struct remote_object *o)
{
    char date[REMOTE_TEXT_SIZE];
    http_header(response, "ETag", o->etag, sizeof o->etag);
    http_header(response, "Last-Modified", o->modified, sizeof o->modified);
    o->modified_s = *o->modified ? http_date(o->modified) : -1;
    if (o->modified_s < 0) o->modified[0] = 0;
    http_header(response, "Date", date, sizeof date);
    o->date_s = *date ? http_date(date) : -1;
}

static int look_once(const struct source_options *options, const struct remote_place *place, struct remote_object *o, struct error *err)
{
    struct asking asking;
    struct http_stream *stream;
    struct http_response response;
    uint64_t first = 0;
    *o = (struct remote_object){0};
    asking_set(&asking, options, place);
    asking_add(&asking, "Range: bytes=0-0");
    int rc = http_stream_open(&stream, &asking.request, options->world, &response, err);
    if (rc < 0) stopped_says(place, err);
    else {
        take_validators(&response, o);
        if (response.status == 206 || response.status == 416) {
            o->ranges = true;
            if (!content_range(&response, &first, &o->size_bytes, &o->size_known) || first != 0)
                rc = error_set(err, ERROR_DATA, SOURCE_FIELD, "%s: answered %d with a Content-Range that makes no sense", place->shown,
                               response.status);
        } else if (response.status == 200) o->size_known = content_length(&response, &o->size_bytes);
        else rc = refused(place, &response, err);
    }
    http_stream_close(stream);
    http_response_close(&response);
    return rc;
}

int remote_look(const struct source_options *options, const struct remote_place *place, struct remote_object *object, struct error *err)
{
    struct tries tries = {.options = options};
    for (;;) {
        struct error why = {0};
        if (look_once(options, place, object, &why) == 0) return 0;
        int rc = try_again(&tries, place, &why, err);
        if (rc < 0) return rc;
    }
}

int remote_get(const struct source_options *options, const struct remote_place *place, size_t max, struct http_response *response, struct error *err)
{
    struct tries tries = {.options = options};
    for (;;) {
        struct error why = {0};
        struct asking asking;
        asking_set(&asking, options, place);
        asking.request.response_max = max;
        asking.request.timeout_ms = 4 * asking.request.idle_timeout_ms;
        int rc = http_send(&asking.request, response, &why);
        if (rc < 0) stopped_says(place, &why);
        else if (response->status == 200) return 0;
        else refused(place, response, &why);
        if ((rc = try_again(&tries, place, &why, err)) < 0) return rc;
        http_response_close(response);
    }
}

/* ---- reading ---- */

struct remote {
    const struct source_options *options;
    const struct remote_place *place;
    const struct remote_object *object;
    struct tries tries;
    struct asking asking;
    struct http_stream *stream; /* NULL: none is open */
    struct http_response response;
    uint64_t at;         /* bytes handed on */
    uint64_t since_open; /* bytes of the open answer */
};

static bool strong(const char *etag) { return *etag == '"'; }

/* Is this the object that was looked at, and the part that was asked for? */
static int answer_check(struct remote *r, struct error *err)
{
    const struct remote_object *o = r->object;
    struct remote_object now = {0};
    char was[32], is[32] = "";
    uint64_t first = 0, total = 0;
    bool total_known = false;
    int status = r->response.status;
    if (status == 412) return changed(r->place, "ETag", o->etag, "another", err);
    if (status == 416)
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s changed while it was being read: it has less than %" PRIu64 " bytes now", r->place->shown,
                         r->at);
    if (status != 200 && status != 206) return refused(r->place, &r->response, err);
    take_validators(&r->response, &now);
    bool vouched = status == 206 && strong(o->etag) && !*now.etag; /* If-Range would have said 200 */
    if (strcmp(now.etag, o->etag) != 0 && !vouched) return changed(r->place, "ETag", *o->etag ? o->etag : "missing", now.etag, err);
    if (!*o->etag && *o->modified && strcmp(now.modified, o->modified) != 0)
        return changed(r->place, "Last-Modified", o->modified, now.modified, err);
    if (status == 206) {
        if (!content_range(&r->response, &first, &total, &total_known) || first != r->at)
            return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s: asked for bytes from %" PRIu64 ", was answered others", r->place->shown, r->at);
    } else total_known = content_length(&r->response, &total);
    if (o->size_known && total_known && total != o->size_bytes) {
        snprintf(was, sizeof was, "%" PRIu64 " bytes", o->size_bytes);
        snprintf(is, sizeof is, "%" PRIu64 " bytes", total);
        return changed(r->place, "its size", was, is, err);
    }
    if (status == 200 && r->at > 0)
        return error_set(err, ERROR_DATA, SOURCE_FIELD,
                         "%s was cut after %" PRIu64 " bytes, and the server gives no parts (Range) to go on from there; copy the file here first",
                         r->place->shown, r->at);
    return 0;
}

static void remote_hang_up(struct remote *r)
{
    http_stream_close(r->stream);
    r->stream = NULL;
    http_response_close(&r->response);
}

/* The rest of the object from r->at. */
static int remote_ask(struct remote *r, struct error *err)
{
    const struct remote_object *o = r->object;
    struct asking *a = &r->asking;
    asking_set(a, r->options, r->place);
    if (r->at > 0) {
        if (!*o->etag && !*o->modified)
            return error_set(err, ERROR_DATA, SOURCE_FIELD,
                             "%s was cut after %" PRIu64 " bytes, and has neither ETag nor Last-Modified to tell whether the rest belongs to it; "
                             "copy the file here first",
                             r->place->shown, r->at);
        snprintf(a->range, sizeof a->range, "Range: bytes=%" PRIu64 "-", r->at);
        asking_add(a, a->range);
        if (strong(o->etag)) snprintf(a->condition, sizeof a->condition, "If-Range: %s", o->etag);
        else if (!*o->etag) snprintf(a->condition, sizeof a->condition, "If-Range: %s", o->modified);
    } else if (strong(o->etag)) snprintf(a->condition, sizeof a->condition, "If-Match: %s", o->etag);
    if (*a->condition) asking_add(a, a->condition);
    r->since_open = 0;
    int rc = http_stream_open(&r->stream, &a->request, r->options->world, &r->response, err);
    if (rc == 0) rc = answer_check(r, err);
    if (rc < 0) {
        stopped_says(r->place, err);
        remote_hang_up(r);
    }
    return rc;
}

struct remote *remote_open(const struct source_options *options, const struct remote_place *place, const struct remote_object *object,
                           struct error *err)
{
    struct remote *r = mem_zero(sizeof *r, err);
    if (!r) return NULL;
    r->options = options, r->place = place, r->object = object, r->tries.options = options;
    return r; /* nothing is asked for before it is wanted */
}

/* One piece from the open answer; 0: the object's end. */
static int64_t remote_piece(struct remote *r, void *buf, size_t size, struct error *err)
{
    const struct remote_object *o = r->object;
    int64_t n = http_stream_read(r->stream, buf, size, err);
    if (n < 0) return stopped_says(r->place, err), n;
    if (n == 0 && o->size_known && r->at < o->size_bytes)
        return error_set(err, ERROR_UNAVAILABLE, NULL, "%s ended after %" PRIu64 " of %" PRIu64 " bytes", r->place->shown, r->at, o->size_bytes);
    if (o->size_known && (uint64_t)n > o->size_bytes - r->at)
        return error_set(err, ERROR_DATA, SOURCE_FIELD, "%s changed while it was being read: more than its %" PRIu64 " bytes came", r->place->shown,
                         o->size_bytes);
    r->at += (uint64_t)n;
    r->since_open += (uint64_t)n;
    if (r->since_open >= PROGRESS_BYTES) r->tries.failed = 0;
    return n;
}

int64_t remote_read(struct remote *r, void *buf, size_t size, struct error *err)
{
    for (;;) {
        struct error why = {0};
        int64_t n = r->stream ? 0 : remote_ask(r, &why);
        if (n == 0) n = remote_piece(r, buf, size, &why);
        if (n >= 0) return n;
        remote_hang_up(r);
        int rc = try_again(&r->tries, r->place, &why, err);
        if (rc < 0) return rc;
    }
}

void remote_close(struct remote *r)
{
    if (!r) return;
    remote_hang_up(r);
    mem_free(r);
}

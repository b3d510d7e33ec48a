/* Building replies. See reply.h. */
#include "service/http/reply.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "service/http/gzip.h"
#include "service/http/follower.h"

void reply_init(struct reply *rp)
{
    memset(rp, 0, sizeof *rp);
    bytes_init(&rp->body, REPLY_BODY_MAX);
}

void reply_close(struct reply *rp)
{
    for (size_t i = 0; i < rp->header_count; i++) mem_free(rp->headers[i].value);
    rp->header_count = 0;
    bytes_close(&rp->body);
    if (rp->file) file_close(rp->file, NULL);
    follower_free(rp->follower);
    rp->file = NULL, rp->follower = NULL;
}

int reply_header(struct reply *rp, const char *name, struct error *err, const char *fmt, ...)
{
    char line[1024];
    va_list ap;
    size_t at = 0;
    va_start(ap, fmt);
    int length = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (length < 0 || (size_t)length >= sizeof line) return error_set(err, ERROR_INTERNAL, NULL, "header %s would be too long", name);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f) *c = ' ';
    char *value = mem_text(line, err);
    if (!value) return -ERROR_NOMEM;
    while (at < rp->header_count && strcmp(rp->headers[at].name, name) != 0) at++;
    if (at == REPLY_HEADERS_MAX) {
        mem_free(value);
        return error_set(err, ERROR_INTERNAL, NULL, "more than %d headers in a reply", REPLY_HEADERS_MAX);
    }
    if (at < rp->header_count) mem_free(rp->headers[at].value);
    else rp->header_count++;
    rp->headers[at] = (struct reply_header){name, value};
    return 0;
}

const char *reply_header_get(const struct reply *rp, const char *name)
{
    for (size_t i = 0; i < rp->header_count; i++)
        if (!strcmp(rp->headers[i].name, name)) return rp->headers[i].value;
    return NULL;
}

int reply_json(struct reply *rp, int status, json_t *value, struct error *err)
{
    if (!value) return error_set(err, ERROR_NOMEM, NULL, "no memory for the reply");
    bytes_clear(&rp->body);
    rp->status = status;
    int rc = json_write(value, &rp->body, err);
    json_decref(value);
    if (rc == 0) rc = bytes_add(&rp->body, "\n", 1, err);
    return rc < 0 ? rc : reply_header(rp, "Content-Type", err, "application/json");
}

int reply_bytes(struct reply *rp, int status, const char *type, const void *data, size_t size, struct error *err)
{
    bytes_clear(&rp->body);
    rp->status = status;
    int rc = bytes_add(&rp->body, data, size, err);
    return rc < 0 ? rc : reply_header(rp, "Content-Type", err, "%s", type);
}

int reply_text(struct reply *rp, int status, const char *text, struct error *err)
{
    return reply_bytes(rp, status, "text/plain; charset=utf-8", text, strlen(text), err);
}

static json_t *problem_errors(const struct request *rq, const struct error *err)
{
    json_t *list = json_array();
    size_t count = rq->faults ? rq->faults->count : 0;
    for (size_t i = 0; i < count && i < FAULTS_MAX; i++)
        json_array_append_new(list, json_pack("{s:s, s:s}", "pointer", rq->faults->list[i].pointer, "detail", rq->faults->list[i].detail));
    if (count == 0 && err->field[0]) json_array_append_new(list, json_pack("{s:s, s:s}", "pointer", err->field, "detail", err->msg));
    return list;
}

static json_t *problem_document(const struct request *rq, const struct error *err)
{
    char type[64];
    snprintf(type, sizeof type, "/problems/%s", error_name(err->code));
    for (char *c = type; *c; c++) *c = (char)tolower((unsigned char)*c);
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s}", "type", type, "title", error_title(err->code), "status", error_http_status(err->code),
                                "detail", err->msg, "instance", rq->id);
    if (!problem) /* a client's bytes that are no UTF-8 got into the message */
        problem = json_pack("{s:s, s:s, s:i, s:s}", "type", type, "title", error_title(err->code), "status", error_http_status(err->code), "instance",
                            rq->id);
    json_t *errors = problem_errors(rq, err);
    if (json_array_size(errors) > 0) {
        json_object_set(problem, "errors", errors);
        if (rq->faults && rq->faults->count > FAULTS_MAX) json_object_set_new(problem, "errors_total", json_integer((json_int_t)rq->faults->count));
    }
    json_decref(errors);
    return problem;
}

void reply_problem(struct reply *rp, const struct request *rq, const struct error *err)
{
    static const char bare[] = "{\"status\": 503, \"title\": \"out of memory\", \"type\": \"/problems/nomem\"}\n";
    struct error why = {0};
    static const char *const kept[] = {"Allow", "Content-Range"}; /* of a 405 and a 416 */
    char *values[2];
    for (size_t i = 0; i < 2; i++) {
        const char *have = reply_header_get(rp, kept[i]);
        values[i] = have && (err->code == ERROR_METHOD || err->code == ERROR_RANGE) ? mem_text(have, NULL) : NULL;
    }
    unsigned keep = rp->flags & REPLY_CLOSE;
    reply_close(rp);
    reply_init(rp);
    rp->flags = keep | REPLY_NO_STORE;
    if (reply_json(rp, error_http_status(err->code), problem_document(rq, err), &why) < 0) {
        rp->status = 503;
        bytes_clear(&rp->body);
        bytes_add_text(&rp->body, bare, NULL);
    }
    reply_header(rp, "Content-Type", NULL, "application/problem+json");
    for (size_t i = 0; i < 2; i++) {
        if (values[i]) reply_header(rp, kept[i], NULL, "%s", values[i]);
        mem_free(values[i]);
    }
    if (err->code == ERROR_UNAUTHORIZED) reply_header(rp, "WWW-Authenticate", NULL, "Bearer realm=\"trainyard\"");
    if (rp->status == 429 || rp->status == 503) reply_header(rp, "Retry-After", NULL, "1");
}

bool etag_matches(const char *value, const char *etag, bool strong)
{
    if (!value || !etag) return false;
    bool weak_tag = str_starts(etag, "W/");
    if (strong && weak_tag) return false;
    const char *opaque = weak_tag ? etag + 2 : etag;
    size_t length = strlen(opaque);
    for (const char *at = value; *at;) {
        at += strspn(at, " \t,");
        if (*at == '*' && !strong) return true;
        bool weak = str_starts(at, "W/");
        if (weak) at += 2;
        if (!(strong && weak) && !strncmp(at, opaque, length) && strchr(" \t,", at[length])) return true;
        if (*at == '"') at += 1 + strcspn(at + 1, "\""), at += *at == '"';
        else at += strcspn(at, ",");
    }
    return false;
}

/* What can be polled gets a weak tag of its content: weak, since gzip and identity say the same. */
static void finish_etag(struct reply *rp, const struct request *rq)
{
    char hex[33];
    if (!(rp->flags & REPLY_ETAGGED)) {
        hash128_hex(hash128(rp->body.data, rp->body.size), hex);
        reply_header(rp, "ETag", NULL, "W/\"%s\"", hex);
    }
    if (!reply_header_get(rp, "Cache-Control")) reply_header(rp, "Cache-Control", NULL, "no-cache");
    if (!etag_matches(request_header(rq, HEADER_IF_NONE_MATCH), reply_header_get(rp, "ETag"), false)) return;
    rp->status = 304;
    bytes_clear(&rp->body);
    if (rp->file) file_close(rp->file, NULL);
    rp->file = NULL;
}

static void finish_gzip(struct reply *rp, const struct request *rq)
{
    const char *type = reply_header_get(rp, "Content-Type");
    if (rp->file || rp->follower || (rp->flags & REPLY_GZIPPED) || rp->status == 204 || rp->status == 304) return;
    if (!type || (!strstr(type, "json") && !str_starts(type, "text/"))) return;
    reply_header(rp, "Vary", NULL, "Accept-Encoding");
    if (rp->body.size < REPLY_GZIP_MIN || !header_list_has(request_header(rq, HEADER_ACCEPT_ENCODING), "gzip")) return;
    struct bytes packed;
    bytes_init(&packed, REPLY_BODY_MAX);
    if (gzip_pack(rp->body.data, rp->body.size, &packed, NULL) == 0) {
        bytes_close(&rp->body);
        rp->body = packed;
        reply_header(rp, "Content-Encoding", NULL, "gzip");
    } else bytes_close(&packed);
}

void reply_finish(struct reply *rp, const struct request *rq, int rc, const struct error *err)
{
    if (rc < 0) {
        reply_problem(rp, rq, err);
        if (rp->status >= 500) log_warn("%s %s: %d %s: %s", rq->method, rq->path ? rq->path : "?", rp->status, error_name(err->code), err->msg);
    }
    bool read = !strcmp(rq->method, "GET") || rq->head;
    if (rp->status == 200 && read && !rp->follower && !(rp->flags & REPLY_NO_STORE)) finish_etag(rp, rq);
    else if (!reply_header_get(rp, "Cache-Control")) reply_header(rp, "Cache-Control", NULL, "no-store");
    finish_gzip(rp, rq);
    reply_header(rp, "X-Request-Id", NULL, "%s", rq->id);
    reply_header(rp, "X-Content-Type-Options", NULL, "nosniff");
    if (!reply_header_get(rp, "Content-Security-Policy"))
        reply_header(rp, "Content-Security-Policy", NULL, "default-src 'none'; frame-ancestors 'none'");
}

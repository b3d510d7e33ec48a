/* A request as handlers see it: the target taken apart, the headers that we read, the body. It knows nothing of libmicrohttpd, so a
 * test (and a fuzzer) can make one by hand.
 *
 * The target is decoded once, after it was cut at its slashes, so that an encoded slash, dot or NUL can never become one. Texts
 * belong to the request and live as long as it does. One thread holds a request at a time. */
#ifndef TRAINYARD_SERVICE_HTTP_REQUEST_H
#define TRAINYARD_SERVICE_HTTP_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/faults.h"
#include "base/json.h"

struct service;
struct route;

/* clang-format off */
#define REQUEST_HEADERS(X) /* name, spelling, what joins several (NULL: sent twice is an error): one row a line */ \
    X(ACCEPT, "Accept", ", ") \
    X(ACCEPT_ENCODING, "Accept-Encoding", ", ") \
    X(AUTHORIZATION, "Authorization", NULL) \
    X(CONTENT_ENCODING, "Content-Encoding", ", ") \
    X(CONTENT_LENGTH, "Content-Length", NULL) \
    X(CONTENT_TYPE, "Content-Type", NULL) \
    X(EXPECT, "Expect", NULL) \
    X(HOST, "Host", NULL) \
    X(IDEMPOTENCY_KEY, "Idempotency-Key", NULL) \
    X(IF_NONE_MATCH, "If-None-Match", ", ") \
    X(IF_RANGE, "If-Range", NULL) \
    X(LAST_EVENT_ID, "Last-Event-ID", NULL) \
    X(ORIGIN, "Origin", NULL) \
    X(PREFER, "Prefer", ", ") \
    X(RANGE, "Range", NULL) \
    X(REQUEST_ID, "X-Request-Id", NULL) \
    X(TRANSFER_ENCODING, "Transfer-Encoding", NULL)
/* clang-format on */

enum request_header {
#define X(name, text, joiner) HEADER_##name,
    REQUEST_HEADERS(X)
#undef X
        REQUEST_HEADER_COUNT
};

enum {
    REQUEST_SEGMENTS_MAX = 8,
    REQUEST_QUERY_MAX = 16,
    REQUEST_PARAMS_MAX = 2,
    REQUEST_TARGET_MAX = 8192, /* bytes of path and query */
    REQUEST_WAIT_MAX_S = 600,  /* the longest poll; Prefer: wait beyond it waits so long */
};

struct request_pair {
    const char *name, *value;
};

struct request {
    const struct service *service; /* what all handlers share; see service.h */
    const struct route *route;     /* NULL until one was found */
    char method[16];
    bool head;    /* HEAD: as GET, without a body */
    char id[72];  /* X-Request-Id: the client's when it is harmless, else ours */
    char *path;   /* as sent, without the query, for messages */
    char *target; /* the decoded texts that the pairs and segments point into */
    const char *segments[REQUEST_SEGMENTS_MAX];
    size_t segment_count;
    struct request_pair params[REQUEST_PARAMS_MAX]; /* from the template: {id} */
    struct request_pair query[REQUEST_QUERY_MAX];
    size_t param_count, query_count;
    char *headers[REQUEST_HEADER_COUNT]; /* NULL: not sent */
    struct bytes body;
    struct faults *faults; /* what request_faults() made; becomes `errors` of the problem */
    int64_t begun_ms;      /* monotonic: when the head had come */

    /* A long poll runs the handler again; what it must remember between its runs stands here. */
    char job[ID_SIZE];     /* the job that it made or waits for; "" before */
    int64_t wait_until_ms; /* monotonic; 0: not asked to wait, or time is up */
    bool replayed;         /* the job came from an Idempotency-Key seen before */
};

void request_init(struct request *rq);  /* zeroes it; sets no limit yet: the route's comes later */
void request_close(struct request *rq); /* safe on a zeroed struct, and twice */

/* request_parse_target: "/v1/jobs/job_01?limit=3" into segments and query. ERROR_MALFORMED: bad %XX, control bytes, "..", a repeated
 * parameter, too many or too long. */
int request_parse_target(struct request *rq, const char *target, struct error *err);

/* request_add_header: one header as it came. Those that we do not read are ignored; ERROR_MALFORMED: sent twice. */
int request_add_header(struct request *rq, const char *name, const char *value, struct error *err);

/* NULL: not given. */
const char *request_header(const struct request *rq, enum request_header header);
const char *request_query(const struct request *rq, const char *name);
const char *request_path(const struct request *rq, const char *name); /* never NULL for a name in the route's template */

/* request_query_int: the parameter within min..max, or def when it is not there. ERROR_MALFORMED or (out of range) ERROR_INVALID. */
int request_query_int(const struct request *rq, const char *name, int64_t def, int64_t min, int64_t max, int64_t *out, struct error *err);

/* request_json: the body as a JSON value. New reference or NULL + ERROR_MALFORMED. */
json_t *request_json(struct request *rq, struct error *err);

/* request_faults: where a handler collects all faults of a body; on failure of the handler they are its problem's `errors`. */
struct faults *request_faults(struct request *rq, struct error *err);

/* request_may_wait: the handler has nothing final to say about this job yet; is the caller willing to wait? Then it sets REPLY_WAIT and
 * returns 0, and runs again when the job changes or time is up. */
bool request_may_wait(struct request *rq, const char *job);
int64_t request_wait_ms(const struct request *rq); /* of `Prefer: wait=SECONDS`, at most REQUEST_WAIT_MAX_S; 0: none, or not understood */

/* header_list_has: does a comma-separated header value hold the element, compared without case, with a q above 0? NULL value: no. */
bool header_list_has(const char *value, const char *element);

#endif

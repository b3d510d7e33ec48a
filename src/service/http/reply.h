/* A reply in the making: status, headers and one kind of body (bytes, a piece of a file, or a stream of events). Handlers fill it; the
 * server sends it. It knows nothing of libmicrohttpd.
 *
 * reply_finish() gives a complete reply its last touches, the same for all: the ETag of what can be polled and the 304 that
 * If-None-Match earns, gzip where accepted, the problem document of an error. */
#ifndef TRAINYARD_SERVICE_HTTP_REPLY_H
#define TRAINYARD_SERVICE_HTTP_REPLY_H

#include "service/http/request.h"

struct follower;

enum {
    REPLY_BODY_MAX = 256 << 20, /* bytes; a list, a log tail or a metric history stays far below */
    REPLY_HEADERS_MAX = 24,
    REPLY_GZIP_MIN = 1024, /* smaller bodies are not worth it */
};

enum reply_flags {
    REPLY_NO_STORE = 1, /* nobody may keep it: no ETag, Cache-Control: no-store */
    REPLY_GZIPPED = 2,  /* the body is gzip already, or must not be: reply_finish() leaves it */
    REPLY_WAIT = 4,     /* not a reply yet: run the handler again when rq->job changes, or at rq->wait_until_ms */
    REPLY_CLOSE = 8,    /* the connection ends after it */
    REPLY_ETAGGED = 16, /* the handler set the ETag itself */
};

struct reply_header {
    const char *name; /* static */
    char *value;      /* owned */
};

struct reply {
    int status;
    unsigned flags;
    struct bytes body;
    struct file *file;               /* NULL: none; owned */
    uint64_t file_offset, file_size; /* the piece that is sent */
    struct follower *follower;       /* an event stream; NULL: none; owned until the server takes it */
    struct reply_header headers[REPLY_HEADERS_MAX];
    size_t header_count;
};

void reply_init(struct reply *rp);
void reply_close(struct reply *rp); /* safe on a zeroed struct, and twice */

/* reply_header: name must be a literal. A header with that name is replaced. Line breaks and other control bytes in the value become
 * blanks, so that no text of a client can start a header of its own. */
int reply_header(struct reply *rp, const char *name, struct error *err, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
const char *reply_header_get(const struct reply *rp, const char *name); /* NULL: not set */

/* reply_json: takes the reference of value (NULL means that building it failed: ERROR_NOMEM). */
int reply_json(struct reply *rp, int status, json_t *value, struct error *err);
int reply_bytes(struct reply *rp, int status, const char *type, const void *data, size_t size, struct error *err); /* copied */
int reply_text(struct reply *rp, int status, const char *text, struct error *err);

/* reply_problem: forget what was in rp and make it application/problem+json (RFC 9457) of err, with all of rq's faults as `errors`. If
 * even that fails for memory, a fixed small one. */
void reply_problem(struct reply *rp, const struct request *rq, const struct error *err);

/* reply_finish: see above. rc, err: what the handler returned; below 0, the reply becomes a problem. */
void reply_finish(struct reply *rp, const struct request *rq, int rc, const struct error *err);

/* etag_matches: does an If-None-Match or If-Range value name the tag? Weak comparison unless strong. NULL: no. */
bool etag_matches(const char *value, const char *etag, bool strong);

#endif

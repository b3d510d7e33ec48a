/* Errors: what went wrong, where, and what to do about it.
 *
 * A function that can fail returns 0 or a negative code and takes a `struct error *err` last. error_set() records the first
 * failure and returns its negative code; a later error_set() on the same struct keeps the first one (clean-up cannot hide the
 * cause). error_wrap() puts "what: " in front on the way up. A NULL err is fine everywhere: only the code is returned.
 *
 * One table maps each code to its HTTP status, the exit code of `trainyard run` and a short title (RFC 9457 `title`). */
#ifndef TRAINYARD_BASE_ERROR_H
#define TRAINYARD_BASE_ERROR_H

#include <stddef.h>

#define ERROR_TABLE(X) /* code, HTTP status, exit code, title: one row a line */ \
    X(USAGE, 400, 64, "wrong usage") \
    X(MALFORMED, 400, 65, "malformed request") \
    X(UNAUTHORIZED, 401, 77, "authentication required") \
    X(FORBIDDEN, 403, 77, "not allowed") \
    X(NOTFOUND, 404, 66, "not found") \
    X(METHOD, 405, 64, "method not allowed") \
    X(CONFLICT, 409, 75, "not possible in this state") \
    X(TOOLARGE, 413, 65, "too large") \
    X(MEDIATYPE, 415, 65, "unsupported media type") \
    X(RANGE, 416, 65, "range not satisfiable") \
    X(INVALID, 422, 65, "invalid specification") \
    X(DATA, 422, 65, "invalid data") \
    X(BUSY, 429, 75, "too many requests") \
    X(INTERNAL, 500, 70, "internal error") \
    X(DIVERGED, 500, 70, "training diverged") \
    X(IO, 500, 74, "input or output failed") \
    X(NOMEM, 503, 71, "out of memory") \
    X(UNAVAILABLE, 503, 69, "service unavailable") \
    X(NOSPACE, 507, 73, "no space left") \
    X(STOPPED, 503, 75, "stopped, can be resumed")

enum error_code {
    ERROR_NONE,
#define X(name, http, exit_code, title) ERROR_##name,
    ERROR_TABLE(X)
#undef X
        ERROR_CODES
};

struct error {
    enum error_code code; /* ERROR_NONE: nothing failed yet */
    char field[128];      /* JSON pointer of the offending field, or "" */
    char msg[1024];       /* what, where, what to do; truncated with "..." when longer */
};

/* error_set: record a failure unless err already holds one. field: JSON pointer or NULL. Returns -code. */
int error_set(struct error *err, enum error_code code, const char *field, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* error_set_errno: like error_set with "fmt: strerror(errnum)"; the code follows errnum (ENOSPC, EDQUOT -> NOSPACE; ENOENT ->
 * NOTFOUND; EACCES, EPERM -> FORBIDDEN; ENOMEM -> NOMEM; else IO). */
int error_set_errno(struct error *err, int errnum, const char *field, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* error_wrap: put "fmt: " in front of the message. Returns -err->code (for `return error_wrap(...)`). */
int error_wrap(struct error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *err);

int error_http_status(enum error_code code);
int error_exit_code(enum error_code code);
const char *error_title(enum error_code code); /* static */
const char *error_name(enum error_code code);  /* "NOSPACE"; static */

#endif

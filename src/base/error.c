/* The error table's lookups, and the rule "the first failure wins". See error.h. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

static const struct error_row {
    int http, exit_code;
    const char *title, *name;
} error_rows[ERROR_CODES] = {[ERROR_NONE] = {200, 0, "ok", "NONE"},
#define X(name, http, exit_code, title) [ERROR_##name] = {http, exit_code, title, #name},
                             ERROR_TABLE(X)
#undef X
};

/* Marks a text that was cut, and keeps bytes of hostile input out of terminals and JSON. */
static void error_ellipsis(char *buf, size_t size, int wrote)
{
    if (wrote >= 0 && (size_t)wrote >= size) memcpy(buf + size - 4, "...", 4);
    str_clean(buf);
}

static int error_set_v(struct error *err, enum error_code code, const char *field, const char *fmt, va_list ap)
{
    if (!err) return -(int)code;
    if (err->code != ERROR_NONE) return -(int)err->code;
    err->code = code;
    error_ellipsis(err->field, sizeof err->field, snprintf(err->field, sizeof err->field, "%s", field ? field : ""));
    error_ellipsis(err->msg, sizeof err->msg, vsnprintf(err->msg, sizeof err->msg, fmt, ap));
    return -(int)code;
}

int error_set(struct error *err, enum error_code code, const char *field, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int rc = error_set_v(err, code, field, fmt, ap);
    va_end(ap);
    return rc;
}

static enum error_code error_from_errno(int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT: return ERROR_NOSPACE;
    case ENOENT:
    case ENOTDIR: return ERROR_NOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS: return ERROR_FORBIDDEN;
    case ENOMEM: return ERROR_NOMEM;
    default: return ERROR_IO;
    }
}

int error_set_errno(struct error *err, int errnum, const char *field, const char *fmt, ...)
{
    char what[768], why[128];
    va_list ap;
    va_start(ap, fmt);
    error_ellipsis(what, sizeof what, vsnprintf(what, sizeof what, fmt, ap));
    va_end(ap);
    return error_set(err, error_from_errno(errnum), field, "%s: %s", what, strerror_r(errnum, why, sizeof why)); /* GNU form */
}

int error_wrap(struct error *err, const char *fmt, ...)
{
    if (!err) return -(int)ERROR_INTERNAL;
    char what[512], whole[sizeof err->msg];
    va_list ap;
    va_start(ap, fmt);
    error_ellipsis(what, sizeof what, vsnprintf(what, sizeof what, fmt, ap));
    va_end(ap);
    error_ellipsis(whole, sizeof whole, snprintf(whole, sizeof whole, "%s: %s", what, err->msg));
    memcpy(err->msg, whole, sizeof whole);
    return -(int)err->code;
}

void error_clear(struct error *err)
{
    if (err) *err = (struct error){0};
}

static const struct error_row *error_row(enum error_code code) { return &error_rows[(unsigned)code < ERROR_CODES ? code : ERROR_INTERNAL]; }

int error_http_status(enum error_code code) { return error_row(code)->http; }
int error_exit_code(enum error_code code) { return error_row(code)->exit_code; }
const char *error_title(enum error_code code) { return error_row(code)->title; }
const char *error_name(enum error_code code) { return error_row(code)->name; }

#include "base/faults.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

void faults_add(struct faults *faults, const char *pointer, const char *fmt, ...)
{
    if (faults->count++ >= FAULTS_MAX) return;
    struct fault *fault = &faults->list[faults->count - 1];
    str_copy(fault->pointer, sizeof fault->pointer, pointer);
    str_clean(fault->pointer);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(fault->detail, sizeof fault->detail, fmt, ap);
    va_end(ap);
    str_clean(fault->detail);
}

int faults_error(const struct faults *faults, struct error *err)
{
    if (faults->count == 0) return 0;
    char msg[sizeof err->msg];
    size_t used = 0;
    for (size_t i = 0; i < faults->count && i < FAULTS_MAX && used < sizeof msg - 1; i++) {
        int n = snprintf(msg + used, sizeof msg - used, "%s%s %s", i ? "; " : "", faults->list[i].pointer, faults->list[i].detail);
        used += n > 0 ? (size_t)n : 0;
    }
    return error_set(err, ERROR_INVALID, faults->list[0].pointer, "%s", msg);
}

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
    char msg[sizeof err->msg], more[40] = "";
    size_t used = 0, i = 0, room = sizeof msg - sizeof more; /* cut or not, the message ends with how many are missing from it */
    for (; i < faults->count && i < FAULTS_MAX && used < room; i++) {
        const struct fault *fault = &faults->list[i]; /* of the whole: no pointer, and no blank in its place */
        int n = snprintf(msg + used, room - used, "%s%s%s%s", i ? "; " : "", fault->pointer, *fault->pointer ? " " : "", fault->detail);
        used += n > 0 ? (size_t)n : 0;
    }
    if (used >= room) i--, used = room - 1;
    if (i < faults->count) snprintf(more, sizeof more, "...; %zu more", faults->count - i);
    memcpy(msg + used, more, strlen(more) + 1);
    return error_set(err, ERROR_INVALID, faults->list[0].pointer, "%s", msg);
}

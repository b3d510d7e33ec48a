#include "base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

static _Atomic int log_least = LOG_INFO;

void log_level_set(enum log_level least) { log_least = (int)least; }

void log_write(enum log_level level, const char *fmt, ...)
{
    static const char *const names[] = {"debug", "info ", "warn ", "error"};
    char line[2048], when[TIME_TEXT_SIZE];
    if ((int)level < log_least) return;
    time_text(world_utc_ms(&world_real), when);
    int used = snprintf(line, sizeof line, "%s %s ", when, names[level]);
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(line + used, sizeof line - (size_t)used - 1, fmt, ap);
    va_end(ap);
    size_t size = (size_t)used + (n < 0 ? 0 : (size_t)n);
    if (size > sizeof line - 2) size = sizeof line - 2;
    for (size_t i = (size_t)used; i < size; i++)
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) line[i] = ' '; /* hostile text can neither forge a line nor steer a terminal */
    line[size++] = '\n';
    ssize_t wrote = write(STDERR_FILENO, line, size); /* one write: lines of threads and processes do not mix */
    (void)wrote;
}

/* What all formats share: reporting bad rows. */
#include "engine/data/format/format.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/str.h"

void bad_row(struct bad_rows *bad, uint64_t line, const char *fmt, ...)
{
    va_list args;
    if (bad->count++ > 0) return;
    bad->line = line;
    va_start(args, fmt);
    vsnprintf(bad->text, sizeof bad->text, fmt, args);
    va_end(args);
}

void bad_field(struct bad_rows *bad, uint64_t line, size_t column, const char *text, size_t size, const char *why)
{
    char shown[160];
    if (bad->count > 0) bad->count++; /* only the first one is told: do not format the others */
    else bad_row(bad, line, "column %zu: \"%s\" %s", column, str_shown(shown, sizeof shown, text, size, 40), why);
}

void bad_line_long(struct bad_rows *bad, uint64_t line, const char *p, size_t limit)
{
    char shown[160];
    bad_row(bad, line, "line is longer than %zu bytes; it starts with \"%s\"", limit, str_shown(shown, sizeof shown, p, limit < 40 ? limit : 40, 40));
}

void bad_nul(struct bad_rows *bad, uint64_t line, const char *line_start, const char *nul)
{
    bad_row(bad, line, "byte %zu of the line is NUL, which text has not; is this a text file?", (size_t)(nul - line_start) + 1);
}

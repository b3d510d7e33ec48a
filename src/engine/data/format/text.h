/* Numbers and lines in text, for the formats: no locale, no allocation, no copy. All take [p, end), which need not end in NUL. */
#ifndef TRAINYARD_ENGINE_DATA_TEXT_H
#define TRAINYARD_ENGINE_DATA_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "engine/data/format/format.h"

/* text_u64, text_i64: all of [p, end) is a decimal number (an i64 with an optional sign) that fits; else false. */
bool text_u64(const char *p, const char *end, uint64_t *out);
bool text_i64(const char *p, const char *end, int64_t *out);

/* text_real: all of [p, end) is a decimal number, correctly rounded to double. "nan", "inf", hex and blanks are not numbers; a number
 * that overflows gives an infinity. */
bool text_real(const char *p, const char *end, double *out);

/* text_label: 0 or 1 for the texts of 0, 1, -1 and +1 in any decimal notation; else -1. */
int text_label(const char *p, const char *end);

/* text_mark: bytes of the byte order mark that some editors put in front of UTF-8, at the start of a file's text. */
enum { TEXT_MARK_BYTES = 3 };
static inline size_t text_mark(const char *text, size_t size)
{
    return size >= TEXT_MARK_BYTES && memcmp(text, "\xEF\xBB\xBF", TEXT_MARK_BYTES) == 0 ? TEXT_MARK_BYTES : 0;
}

/* text_line: one line of a chunk: [p, *end) without its newline and the \r before it. Returns the next line's start. */
static inline const char *text_line(const char *p, const char *chunk_end, const char **end)
{
    const char *newline = memchr(p, '\n', (size_t)(chunk_end - p));
    const char *stop = newline ? newline : chunk_end;
    *end = stop > p && stop[-1] == '\r' ? stop - 1 : stop;
    return newline ? newline + 1 : chunk_end;
}

/* line_check: may the line be parsed at all? false: blank (nothing reported), too long or with a NUL byte (reported). */
static inline bool line_check(const char *p, const char *end, const struct chunk *chunk, uint64_t line, struct bad_rows *bad)
{
    if (p == end) return false;
    if ((size_t)(end - p) > chunk->line_bytes_max) {
        bad_line_long(bad, line, p, chunk->line_bytes_max);
        return false;
    }
    const char *nul = chunk->has_nul ? memchr(p, 0, (size_t)(end - p)) : NULL;
    if (nul) bad_nul(bad, line, p, nul);
    return !nul;
}

#endif

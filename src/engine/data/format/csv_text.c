#include "engine/data/format/csv.h"

#include <stdio.h>
#include <string.h>

/* The end of the quoted text that opens at p (a quote): behind its closing quote, or NULL when it does not close before end. */
static const char *quoted_end(const char *p, const char *end)
{
    for (p++; (p = memchr(p, '"', (size_t)(end - p))); p += 2)
        if (p + 1 == end || p[1] != '"') return p + 1;
        else if (p + 2 >= end) return NULL;
    return NULL;
}

const char *csv_record_end(const void *state, const char *p, const char *end, size_t line_bytes_max, bool final)
{
    const struct csv *csv = state;
    if (csv->no_quotes) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        return newline ? newline + 1 : final ? end : NULL;
    }
    const char *limit = (size_t)(end - p) > line_bytes_max ? p + line_bytes_max + 1 : end;
    for (const char *q = p; q < limit;) {
        const char *newline = memchr(q, '\n', (size_t)(limit - q));
        const char *quote = memchr(q, '"', (size_t)((newline ? newline : limit) - q));
        if (!quote && newline) return newline + 1;
        if (!quote) break;
        bool opens = quote == p || quote[-1] == csv->delimiter;
        q = opens ? quoted_end(quote, limit) : quote + 1;
        if (!q || (q == limit && limit == end && !final)) break; /* the next byte tells whether that quote closed */
    }
    if (limit == end && !final) return NULL; /* more text may end it properly */
    const char *newline = memchr(p, '\n', (size_t)(end - p));
    return newline ? newline + 1 : final ? end : NULL;
}

/* A quoted field at p: its text without the quotes, doubled ones single. Returns where it ends, or NULL. */
static const char *unquote(const char *p, const char *end, struct cell *field, char **scratch)
{
    char *to = *scratch;
    *field = (struct cell){.text = to};
    for (p++; p < end; p++) {
        if (*p == '"' && (p + 1 == end || p[1] != '"')) break;
        p += *p == '"';
        *to++ = *p;
    }
    if (p >= end) return NULL;
    field->size = (uint32_t)(to - *scratch);
    *scratch = to;
    return p + 1;
}

static const char unclosed[] = "opens a quote that nothing closes";

size_t csv_fields(char delimiter, bool quotes, const char *p, const char *end, struct cell *fields, size_t max, char *scratch, const char **why,
                  size_t *column, const char **where)
{
    struct cell beyond = {0};
    for (size_t count = 0;; p++) {
        struct cell *field = count < max ? &fields[count] : &beyond;
        *column = ++count;
        *where = p;
        if (quotes && p < end && *p == '"') {
            *why = unclosed;
            if (!(p = unquote(p, end, field, &scratch))) return 0;
            *why = "goes on behind its closing quote; a quote inside quotes is written twice";
            if (p < end && *p != delimiter) return 0;
        } else {
            const char *stop = memchr(p, delimiter, (size_t)(end - p));
            *field = (struct cell){p, (uint32_t)((stop ? stop : end) - p), false};
            p += field->size;
        }
        if (p == end) return count;
    }
}

void csv_bad_fields(struct parsed *out, const struct chunk *chunk, size_t column, const char *where, const char *stop, const char *why)
{
    char limited[120];
    snprintf(limited, sizeof limited, "%s within %zu bytes, the longest that a record may be", unclosed, chunk->line_bytes_max);
    if (why == unclosed) why = limited; /* what lies beyond the limit was not looked at */
    bad_field(&out->bad, out->lines, column, where, (size_t)(stop - where), why);
}

#include "engine/data/format/json_line.h"

#include <string.h>

static int fail(struct json_line *l, const char *at, const char *why)
{
    l->p = at < l->end ? at : l->end;
    l->why = why;
    return -1;
}

static void skip_blanks(struct json_line *l)
{
    while (l->p < l->end && (*l->p == ' ' || *l->p == '\t' || *l->p == '\r')) l->p++;
}

static bool take(struct json_line *l, char c)
{
    skip_blanks(l);
    if (l->p == l->end || *l->p != c) return false;
    l->p++;
    return true;
}

/* The length of the well-formed character of several bytes at p, or 0 (Unicode 15, table 3-7). */
static size_t utf8_length(const char *p, const char *end)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t left = (size_t)(end - p), n = u[0] >= 0xF0 ? 4 : u[0] >= 0xE0 ? 3 : 2;
    if (u[0] < 0xC2 || u[0] > 0xF4 || left < n) return 0;
    for (size_t i = 1; i < n; i++)
        if ((u[i] & 0xC0) != 0x80) return 0;
    if ((u[0] == 0xE0 && u[1] < 0xA0) || (u[0] == 0xED && u[1] > 0x9F) || (u[0] == 0xF0 && u[1] < 0x90) || (u[0] == 0xF4 && u[1] > 0x8F)) return 0;
    return n;
}

/* Four hex digits at p, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t value = 0;
    if (end - p < 4) return -1;
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
        if (digit < 0) return -1;
        value = value * 16 + digit;
    }
    return value;
}

static char *utf8_write(char *to, uint32_t c)
{
    if (c < 0x80) *to++ = (char)c;
    else if (c < 0x800) *to++ = (char)(0xC0 | c >> 6);
    else {
        if (c < 0x10000) *to++ = (char)(0xE0 | c >> 12);
        else {
            *to++ = (char)(0xF0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 0x3F));
        }
        *to++ = (char)(0x80 | (c >> 6 & 0x3F));
    }
    if (c >= 0x80) *to++ = (char)(0x80 | (c & 0x3F));
    return to;
}

/* The escape at *p, a backslash, to *to; both move. A text never grows by it. False: why is set. */
static bool escape_read(struct json_line *l, const char **p, char **to)
{
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    const char *at = *p + 1, *known = at < l->end && *at ? strchr(from, *at) : NULL;
    if (known) {
        *(*to)++ = into[known - from];
        *p += 2;
        return true;
    }
    if (at == l->end || *at != 'u') return fail(l, *p, "is no escape of JSON"), false;
    int32_t c = hex4(at + 1, l->end);
    at += 5;
    if (c < 0) return fail(l, *p, "wants four hex digits"), false;
    if (c == 0) return fail(l, *p, "is a NUL character, which text has not"), false;
    if (c >= 0xD800 && c < 0xDC00) {
        int32_t low = l->end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, l->end) : -1;
        if (low < 0xDC00 || low > 0xDFFF) return fail(l, *p, "is half a character: its low surrogate does not follow"), false;
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
        at += 6;
    } else if (c >= 0xDC00 && c < 0xE000) return fail(l, *p, "is half a character: no high surrogate stands before it"), false;
    *to = utf8_write(*to, (uint32_t)c);
    *p = at;
    return true;
}

/* The string at l->p, behind its opening quote. */
static bool string_read(struct json_line *l, struct cell *out)
{
    const char *p = l->p, *start = p;
    char *to = NULL; /* NULL: no escape yet */
    while (p < l->end && *p != '"') {
        unsigned char c = (unsigned char)*p;
        if (c == '\\') {
            if (!to) {
                to = l->scratch;
                memcpy(to, start, (size_t)(p - start));
                to += p - start;
            }
            if (!escape_read(l, &p, &to)) return false;
            continue;
        }
        size_t n = c < 0x80 ? 1 : utf8_length(p, l->end);
        if (c < 0x20) return fail(l, p, "is a control character inside a string"), false;
        if (n == 0) return fail(l, p, "is not UTF-8"), false;
        if (to) memcpy(to, p, n), to += n;
        p += n;
    }
    if (p >= l->end) return fail(l, start - 1, "opens a string that nothing closes"), false;
    *out = (struct cell){to ? l->scratch : start, (uint32_t)(to ? to - l->scratch : p - start), false};
    if (to) l->scratch = to;
    l->p = p + 1;
    return true;
}

static const char *digits_end(const char *p, const char *end)
{
    while (p < end && *p >= '0' && *p <= '9') p++;
    return p;
}

static bool number_read(struct json_line *l, struct cell *out)
{
    const char *p = l->p + (*l->p == '-'), *end = digits_end(p, l->end);
    if (end == p) return fail(l, l->p, "is no value of JSON"), false;
    if (*p == '0' && end > p + 1) return fail(l, l->p, "is a number with a leading zero, which JSON has not"), false;
    p = end;
    if (p < l->end && *p == '.') {
        if ((end = digits_end(p + 1, l->end)) == p + 1) return fail(l, l->p, "is a number without digits behind its point"), false;
        p = end;
    }
    if (p < l->end && (*p == 'e' || *p == 'E')) {
        p += 1 + (p + 1 < l->end && (p[1] == '+' || p[1] == '-'));
        if ((end = digits_end(p, l->end)) == p) return fail(l, l->p, "is a number without digits in its exponent"), false;
        p = end;
    }
    *out = (struct cell){l->p, (uint32_t)(p - l->p), false};
    l->p = p;
    return true;
}

/* A string, a number or a word. */
static bool scalar_read(struct json_line *l, struct cell *out)
{
    static const char *const words[] = {"true", "false", "null"};
    skip_blanks(l);
    if (l->p == l->end) return fail(l, l->p, "is where the line ends, and a value is missing"), false;
    if (*l->p == '"') return l->p++, string_read(l, out);
    for (int i = 0; i < 3; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(l->end - l->p) < n || memcmp(l->p, words[i], n) != 0) continue;
        *out = (struct cell){l->p, i == 2 ? 0 : (uint32_t)n, false};
        l->p += n;
        return true;
    }
    if (*l->p == '{')
        return fail(l, l->p, "begins an object inside the record; only strings, numbers, booleans, null and arrays of such are read"), false;
    if (*l->p == '[') return fail(l, l->p, "begins an array inside an array; only strings, numbers, booleans and null are read there"), false;
    return number_read(l, out);
}

/* The array behind its bracket: its values in the scratch, each with a NUL behind it. Every value is followed by a comma or the bracket, so
 * that there is room. */
static bool list_read(struct json_line *l, struct cell *out)
{
    char *start = l->scratch;
    if (!take(l, ']')) do {
            struct cell item;
            char *at = l->scratch; /* an escaped string is decoded here, and is in its place already */
            if (!scalar_read(l, &item)) return false;
            memmove(at, item.text, item.size);
            at[item.size] = 0;
            l->scratch = at + item.size + (item.size > 0);
        } while (take(l, ','));
    else {
        *out = (struct cell){start, 0, false};
        return true;
    }
    if (!take(l, ']')) return fail(l, l->p, "is not the comma or bracket that must follow a value of an array"), false;
    *out = (struct cell){start, (uint32_t)(l->scratch - start), l->scratch > start};
    return true;
}

int json_line_next(struct json_line *l, struct cell *key, struct cell *value)
{
    if (!l->begun && !take(l, '{')) return fail(l, l->p, "is not the brace that begins a record like {\"label\": 1, \"user\": \"u1\"}");
    bool first = !l->begun;
    l->begun = true;
    if (take(l, '}')) {
        skip_blanks(l);
        return l->p == l->end ? 0 : fail(l, l->p, "goes on behind the record's end; a line holds one record");
    }
    if (!first && !take(l, ',')) return fail(l, l->p, "is not the comma or brace that must follow a value");
    if (!take(l, '"')) return fail(l, l->p, "is not the quote that begins a key");
    if (!string_read(l, key)) return -1;
    if (!take(l, ':')) return fail(l, l->p, "is not the colon that must follow a key");
    skip_blanks(l);
    if (l->p < l->end && *l->p == '[') return l->p++, list_read(l, value) ? 1 : -1;
    return scalar_read(l, value) ? 1 : -1;
}

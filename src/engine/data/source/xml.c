#include "engine/data/source/xml.h"

#include <stdint.h>
#include <string.h>

#include "base/str.h"

void xml_begin(struct xml *x, const char *text, size_t size)
{
    *x = (struct xml){.at = text, .start = text, .end = text + size};
    if (size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) x->at += 3;
}

static int wrong(const struct xml *x, const char *what, struct error *err)
{
    return error_set(err, ERROR_DATA, NULL, "XML: %s at byte %zu", what, (size_t)(x->at - x->start));
}

static bool blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static bool name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == ':';
}

static void skip_blanks(struct xml *x)
{
    while (x->at < x->end && blank(*x->at)) x->at++;
}

/* The whole name into full (prefix and all). */
static int take_name(struct xml *x, char full[XML_NAME_SIZE], struct error *err)
{
    size_t n = 0;
    while (x->at + n < x->end && name_char(x->at[n])) n++;
    if (n == 0 || (*x->at >= '0' && *x->at <= '9') || *x->at == '-' || *x->at == '.') return wrong(x, "no name", err);
    if (n >= XML_NAME_SIZE) return wrong(x, "a name that is too long", err);
    memcpy(full, x->at, n);
    full[n] = 0;
    x->at += n;
    const char *colon = strrchr(full, ':');
    str_copy(x->name, sizeof x->name, colon ? colon + 1 : full);
    return 0;
}

/* name="value" pairs up to the tag's end. */
static int skip_attributes(struct xml *x, struct error *err)
{
    char name[XML_NAME_SIZE], kept[XML_NAME_SIZE];
    int rc = 0;
    str_copy(kept, sizeof kept, x->name);
    for (;;) {
        const char *before = x->at;
        skip_blanks(x);
        if (x->at == x->end) return wrong(x, "the text ends inside a tag", err);
        if (*x->at == '>' || *x->at == '/') break;
        if (x->at == before) return wrong(x, "a stray character in a tag", err);
        if ((rc = take_name(x, name, err)) < 0) return rc;
        if (x->end - x->at < 3 || x->at[0] != '=' || (x->at[1] != '"' && x->at[1] != '\'')) return wrong(x, "an attribute without a value", err);
        const char *close = memchr(x->at + 2, x->at[1], (size_t)(x->end - x->at - 2));
        if (!close || memchr(x->at, '<', (size_t)(close - x->at))) return wrong(x, "an attribute that does not end", err);
        x->at = close + 1;
    }
    str_copy(x->name, sizeof x->name, kept);
    return 0;
}

static int take_open(struct xml *x, struct error *err)
{
    int rc;
    if (x->depth == 0 && x->seen) return wrong(x, "a second root", err);
    if (x->depth == XML_DEPTH_MAX) return wrong(x, "too many elements inside each other", err);
    if ((rc = take_name(x, x->names[x->depth], err)) < 0) return rc;
    if ((rc = skip_attributes(x, err)) < 0) return rc;
    if (*x->at == '/') {
        if (x->end - x->at < 2 || x->at[1] != '>') return wrong(x, "a stray character in a tag", err);
        x->closing = true;
        x->at++;
    }
    x->at++;
    x->depth++;
    x->seen = true;
    return XML_OPEN;
}

static int take_close(struct xml *x, struct error *err)
{
    char full[XML_NAME_SIZE];
    int rc = take_name(x, full, err);
    if (rc < 0) return rc;
    skip_blanks(x);
    if (x->at == x->end || *x->at != '>') return wrong(x, "the text ends inside a tag", err);
    if (x->depth == 0 || strcmp(full, x->names[x->depth - 1]) != 0) return wrong(x, "a tag that closes what is not open", err);
    x->at++;
    x->depth--;
    return XML_CLOSE;
}

/* <?xml ... ?>, at the very start only. */
static int skip_declaration(struct xml *x, struct error *err)
{
    const char *close = memmem(x->at, (size_t)(x->end - x->at), "?>", 2);
    if (x->seen || !close || x->end - x->at < 6 || memcmp(x->at, "<?xml", 5) != 0 || !blank(x->at[5]))
        return wrong(x, "a processing instruction", err);
    x->at = close + 2;
    return 0;
}

int xml_next(struct xml *x, struct error *err)
{
    int rc;
    if (x->closing) {
        x->closing = false;
        const char *full = x->names[--x->depth], *colon = strrchr(full, ':');
        str_copy(x->name, sizeof x->name, colon ? colon + 1 : full);
        return XML_CLOSE;
    }
    for (;;) {
        if (x->at == x->end)
            return x->depth > 0 ? wrong(x, "the text ends inside an element", err) : !x->seen ? wrong(x, "no element", err) : XML_END;
        if (*x->at != '<') {
            const char *next = memchr(x->at, '<', (size_t)(x->end - x->at)), *stop = next ? next : x->end, *p = x->at;
            while (p < stop && blank(*p)) p++;
            x->text = x->at;
            x->text_size = (size_t)(stop - x->at);
            if (p < stop && x->depth == 0) return wrong(x, "text outside of the root", err);
            x->at = stop;
            if (p < stop) return XML_TEXT;
            continue;
        }
        char after = x->end - x->at > 1 ? x->at[1] : 0;
        if (after == '!') return wrong(x, "a comment, CDATA or DOCTYPE", err);
        if (after == '?') {
            if ((rc = skip_declaration(x, err)) < 0) return rc;
            continue;
        }
        x->at += after == '/' ? 2 : 1;
        return after == '/' ? take_close(x, err) : take_open(x, err);
    }
}

/* UTF-8 of a character number, up to 4 bytes; 0: none. */
static size_t utf8(uint32_t c, char out[4])
{
    if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)) return 0;
    if (c < 0x80) return out[0] = (char)c, 1;
    if (c < 0x800) return out[0] = (char)(0xC0 | c >> 6), out[1] = (char)(0x80 | (c & 63)), 2;
    if (c < 0x10000) return out[0] = (char)(0xE0 | c >> 12), out[1] = (char)(0x80 | (c >> 6 & 63)), out[2] = (char)(0x80 | (c & 63)), 3;
    return out[0] = (char)(0xF0 | c >> 18), out[1] = (char)(0x80 | (c >> 12 & 63)), out[2] = (char)(0x80 | (c >> 6 & 63)),
           out[3] = (char)(0x80 | (c & 63)), 4;
}

/* "&...;" at p, of n bytes: bytes of its meaning, 0: unknown. */
static size_t entity(const char *p, size_t n, char out[4])
{
    static const struct {
        const char *name;
        char value;
    } named[] = {{"&lt;", '<'}, {"&gt;", '>'}, {"&amp;", '&'}, {"&quot;", '"'}, {"&apos;", '\''}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++)
        if (strlen(named[i].name) == n && memcmp(named[i].name, p, n) == 0) return out[0] = named[i].value, 1;
    if (n < 4 || p[1] != '#') return 0;
    bool hex = p[2] == 'x';
    uint32_t c = 0;
    if (hex && n < 5) return 0;
    for (size_t i = hex ? 3 : 2; i + 1 < n; i++) {
        uint32_t digit = p[i] >= '0' && p[i] <= '9'          ? (uint32_t)(p[i] - '0')
                         : hex && p[i] >= 'a' && p[i] <= 'f' ? (uint32_t)(p[i] - 'a' + 10)
                         : hex && p[i] >= 'A' && p[i] <= 'F' ? (uint32_t)(p[i] - 'A' + 10)
                                                             : 99;
        if (digit == 99) return 0;
        c = c * (hex ? 16 : 10) + digit;
        if (c > 0x10FFFF) return 0;
    }
    return utf8(c, out);
}

int xml_text(const struct xml *x, char *buf, size_t size, struct error *err)
{
    size_t used = 0;
    for (const char *p = x->text, *end = p + x->text_size; p < end;) {
        char one[4] = {*p};
        size_t n = 1, from = 1;
        if (*p == 0) return error_set(err, ERROR_DATA, NULL, "XML: a NUL byte in a text");
        if (*p == '&') {
            const char *semicolon = memchr(p, ';', (size_t)(end - p) < 12 ? (size_t)(end - p) : 12);
            from = semicolon ? (size_t)(semicolon - p) + 1 : 0;
            if (!from || (n = entity(p, from, one)) == 0) return error_set(err, ERROR_DATA, NULL, "XML: an entity that nobody knows");
        }
        if (used + n >= size) return error_set(err, ERROR_DATA, NULL, "XML: a text longer than %zu bytes", size - 1);
        memcpy(buf + used, one, n);
        used += n;
        p += from;
    }
    buf[used] = 0;
    return 0;
}

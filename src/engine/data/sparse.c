#include "engine/data/sparse.h"

#include <math.h>

#include "engine/data/text.h"

static bool blank(char c) { return c == ' ' || c == '\t'; }

static const char *token_end(const char *p, const char *end)
{
    while (p < end && !blank(*p)) p++;
    return p;
}

const char *sparse_value(const char *p, const char *end, float *value)
{
    double real;
    if (!text_real(p, end, &real)) return "has a value that is not a number";
    *value = (float)real;
    return isfinite(*value) ? NULL : "has a value beyond the range of a 32-bit float";
}

static int sparse_any_line(const void *state, sparse_token_fn *token, const char *p, const char *end, struct parsed *out, struct error *err)
{
    struct rows *rows = &out->rows;
    const char *stop = token_end(p, end);
    int label = text_label(p, stop), rc;
    size_t features = 0;
    if (label < 0) {
        bad_field(&out->bad, out->lines, 1, p, (size_t)(stop - p), "is not a label; it must be 0 or 1 (or -1 and 1)");
        return 0;
    }
    if ((rc = rows_reserve(rows, 1, (size_t)(end - p) / 2 + 1, err)) < 0) return rc; /* a token and its blank are two bytes at least */
    for (size_t column = 2;; column++) {
        for (p = stop; p < end && blank(*p);) p++;
        if (p == end) break;
        stop = token_end(p, end);
        size_t at = rows->features + features++;
        struct sparse_feature f = {0};
        const char *why = token(state, p, stop, &f);
        if (!why) {
            rows->keys[at] = f.key;
            rows->values[at] = f.value;
            if (rows->fields) rows->fields[at] = f.field;
            continue;
        }
        bad_field(&out->bad, out->lines, column, p, (size_t)(stop - p), why);
        return 0;
    }
    rows_end_row(rows, features, (uint8_t)label);
    return 0;
}

int sparse_parse(const void *state, sparse_line_fn *line, sparse_token_fn *token, unsigned with, const struct chunk *chunk, struct parsed *out,
                 struct error *err)
{
    enum { TOKEN_MIN = 4 }; /* bytes of "0:0" and a blank */
    const char *end = chunk->text + chunk->size, *stop;
    int rc;
    rows_clear(&out->rows, ROWS_VALUES | with);
    for (const char *p = chunk->text, *next; p < end; p = next, out->lines++) {
        if ((rc = rows_reserve(&out->rows, 1, (size_t)(end - p) / TOKEN_MIN + 1, err)) < 0) return rc;
        if (!chunk->has_nul && (next = line(state, p, chunk->line_bytes_max, &out->rows))) continue;
        next = text_line(p, end, &stop);
        if (!line_check(p, stop, chunk, out->lines, &out->bad)) continue;
        const char *comment = memchr(p, '#', (size_t)(stop - p));
        if (comment) stop = comment;
        while (p < stop && blank(*p)) p++;
        rc = p == stop ? 0 : sparse_any_line(state, token, p, stop, out, err);
        if (rc < 0) return rc;
    }
    return 0;
}

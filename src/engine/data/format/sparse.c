#include "engine/data/format/sparse.h"

#include <math.h>

#include "engine/data/format/roles.h"
#include "engine/data/format/text.h"

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

/* The label at *p, which moves behind it; -1: none (told). Where there need be none, what has no colon is passed over. One that is no bit goes to the
 * row itself. */
static int line_label(const struct sparse_lines *lines, const char **p, const char *end, struct parsed *out)
{
    const char *stop = token_end(*p, end), *start = *p, *why = NULL;
    double number;
    int label = 0;
    bool bits = label_bits(&lines->labels);
    if (!bits) out->rows.reals[out->rows.count] = 0;
    if (lines->no_labels && memchr(start, ':', (size_t)(stop - start))) return 0;
    if (lines->no_labels) why = text_real(start, stop, &number) ? NULL : label_no_bit;
    else if (!bits) why = label_read(&lines->labels, start, stop, &out->rows);
    else if ((label = text_label(start, stop)) < 0) why = label_no_bit;
    if (why) bad_field(&out->bad, out->lines, 1, start, (size_t)(stop - start), why);
    *p = stop;
    return why ? -1 : label;
}

/* The group after the label; *p moves behind it, and *column counts it. False: there must be one and is none (told). */
static bool line_group(const struct sparse_lines *lines, const char **p, const char *end, size_t *column, struct parsed *out)
{
    const char *start = *p;
    while (start < end && blank(*start)) start++;
    const char *stop = token_end(start, end);
    bool there = lines->qid && stop - start > 4 && memcmp(start, "qid:", 4) == 0;
    if (there) *p = stop, ++*column;
    if (!(lines->with & ROWS_GROUPS)) return true;
    if (there) roles[ROLE_GROUP].take(start + 4, stop, &out->rows, out->rows.count);
    else
        bad_field(&out->bad, out->lines, *column, start, (size_t)(stop - start),
                  "is not qid:N, which must follow the label: dataset.group is \"qid\"");
    return there;
}

static int sparse_any_line(const void *state, sparse_token_fn *token, const char *p, const char *end, struct parsed *out, struct error *err)
{
    const struct sparse_lines *lines = state;
    struct rows *rows = &out->rows;
    const char *stop = p;
    size_t features = 0, column = 2;
    int label = line_label(lines, &stop, end, out), rc;
    if (label < 0) return 0;
    if ((rc = rows_reserve(rows, 1, (size_t)(end - p) / 2 + 1, err)) < 0) return rc; /* a token and its blank are two bytes at least */
    if (stop == p) column = 1;
    if (!line_group(lines, &stop, end, &column, out)) return 0;
    for (;; column++) {
        for (p = stop; p < end && blank(*p);) p++;
        if (p == end) break;
        stop = token_end(p, end);
        size_t at = rows->features + features++;
        struct sparse_feature f = {0};
        const char *why = token(state, p, stop, &f);
        if (why) {
            bad_field(&out->bad, out->lines, column, p, (size_t)(stop - p), why);
            return 0;
        }
        rows->keys[at] = f.key;
        rows->values[at] = f.value;
        if (rows->with & ROWS_FIELDS) rows->fields[at] = f.field;
        const char *colon = out->notes ? memrchr(p, ':', (size_t)(stop - p)) : NULL; /* what is before the value names the feature */
        if (colon && (rc = note_feature(out->notes, at, p, (size_t)(colon - p), false, err)) < 0) return rc;
    }
    rows_end_row(rows, features, (uint8_t)label);
    return 0;
}

int sparse_parse(const void *state, sparse_line_fn *line, sparse_token_fn *token, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    enum { TOKEN_MIN = 4 }; /* bytes of "0:0" and a blank */
    const struct sparse_lines *lines = state;
    const char *end = chunk->text + chunk->size, *stop;
    bool usual = !chunk->has_nul && !(lines->with & ROWS_GROUPS) && !out->notes;
    int rc;
    rows_clear(&out->rows, ROWS_VALUES | lines->with | label_part(&lines->labels));
    for (const char *p = chunk->text, *next; p < end; p = next, out->lines++) {
        if ((rc = rows_reserve(&out->rows, 1, (size_t)(end - p) / TOKEN_MIN + 1, err)) < 0) return rc;
        if (usual && (next = line(state, p, chunk->line_bytes_max, &out->rows))) continue;
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

/* The usual line of the libsvm family, read in one go: "label token token ...\n" with tokens of plain numbers. For sparse.c: it takes
 * any other line by finding its end, its comment and its tokens first, and says what is wrong. Both give a line the same row. */
#ifndef TRAINYARD_ENGINE_DATA_SPARSE_LINE_H
#define TRAINYARD_ENGINE_DATA_SPARSE_LINE_H

#include "engine/data/format/digits.h"
#include "engine/data/format/sparse.h"

static inline bool sparse_blank(char c) { return c == ' ' || c == '\t'; }

/* Behind the newline if the line ends at p, else NULL. p[1] may be read. */
static inline const char *sparse_newline(const char *p)
{
    if (*p == '\n') return p + 1;
    return *p == '\r' && p[1] == '\n' ? p + 2 : NULL;
}

/* A value with what follows it: behind the number if that is a blank or the line's end. */
static inline const char *sparse_fast_value(const char *p, float *value)
{
    double real;
    if (!(p = digits_real(p, &real))) return NULL;
    *value = (float)real;
    return sparse_blank(*p) || *p == '\n' || *p == '\r' ? p : NULL;
}

/* A token that the fast function does not know, by the thorough one; NULL: that one refuses it, or the line has something special. */
static inline const char *sparse_other_token(const void *state, sparse_token_fn *token, const char *p, struct sparse_feature *out)
{
    const char *stop = p;
    while (!sparse_blank(*stop) && *stop != '\n' && *stop != '#' && *stop != '\r') stop++;
    return *stop == '#' || token(state, p, stop, out) ? NULL : stop;
}

/* What follows the label that is no bit, of the usual kind, at p; p: another kind. */
static inline const char *sparse_fast_label(const struct label_rule *rule, const char *p, struct rows *rows)
{
    double number;
    const char *behind = digits_real(p, &number);
    if (!behind || label_refuse(rule, number)) return p;
    rows->reals[rows->count] = (float)number;
    return behind;
}

/* sparse_line: the row of the line at p, added to rows, where room for it is; a newline comes, and no byte before it is NUL. Returns the
 * next line's start, or NULL: nothing was added. Inlined, so that `fast` (what follows the token at p, or NULL) is, too. */
static inline const char *sparse_line(const void *state, sparse_fast_fn *fast, sparse_token_fn *token, const char *p, size_t line_bytes_max,
                                      struct rows *rows)
{
    const struct sparse_lines *lines = state;
    const char *start = p, *next;
    uint32_t *keys = rows->keys + rows->features;
    float *values = rows->values + rows->features;
    uint16_t *fields = rows->with & ROWS_FIELDS ? rows->fields + rows->features : NULL;
    size_t features = 0;
    const char *behind = p; /* the label */
    uint8_t label = 0;
    if (!label_bits(&lines->labels)) behind = sparse_fast_label(&lines->labels, p, rows);
    else if ((*p == '+' || *p == '-') && p[1] == '1') label = *p == '+', behind += 2;
    else if ((*p | 1) == '1') label = *p & 1, behind++;
    if (behind > p && (sparse_blank(*behind) || sparse_newline(behind))) p = behind;
    else if (!lines->no_labels) return NULL;
    if (lines->no_labels) label = 0;
    if (lines->no_labels && rows->with & ROWS_REALS) rows->reals[rows->count] = 0;
    for (;; features++) {
        struct sparse_feature f = {0};
        const char *stop;
        while (sparse_blank(*p)) p++;
        if (*p == '\n' || *p == '\r' || *p == '#') break;
        if (!(stop = fast(state, p, &f)) && !(stop = sparse_other_token(state, token, p, &f))) return NULL;
        keys[features] = f.key;
        values[features] = f.value;
        if (fields) fields[features] = f.field;
        p = stop;
    }
    if (features == 0 && behind == start) return NULL; /* a blank line */
    if (!(next = sparse_newline(p)) || (size_t)(p - start) > line_bytes_max) return NULL;
    rows_end_row(rows, features, label);
    return next;
}

#endif

/* Vowpal Wabbit text: "[label [importance [base]]] [tag]|namespace[:scale] feature[:value] ... |namespace ..." (VW wiki, Input format).
 *
 * As VW reads it: a word that touches the first bar, or begins with ', is the tag; a namespace begins right behind its bar and is without name
 * where a blank stands there; its scale multiplies its values; a value that is not given is 1, and a feature of value 0 is none; a feature
 * without a name (":0.5") is known by its place among such ones of its namespace. Labels are -1 and 1, or 0 and 1. The importance is the row's
 * weight, when dataset.weight is "importance". A base is a prediction to start from, which no model here has: it must be 0.
 *
 * The field in a key is the namespace's whole name. Its number is the name's first byte (a blank for none), by which VW's own -q names namespaces:
 * no other number is the same in whatever order the text comes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/data/format/digits.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/formats.h"
#include "engine/data/format/label.h"
#include "engine/data/format/roles.h"
#include "engine/data/format/sparse.h"
#include "engine/data/format/text.h"

enum { BYTES = 256 };
#define NO_TAG "has no tag, which is the row's group (dataset.group)"

struct vw {
    uint64_t hash_seed;
    struct label_rule labels;
    bool no_labels, scoring, tag_is_group, importance; /* importance: it is the weight, wanted or not */
    unsigned with;                                     /* rows_part */
    char names[BYTES][8];
};

static void *vw_prepare(const void *params, const struct format_context *context, struct error *err)
{
    bool tag = strcmp(role_column(context, ROLE_GROUP), "tag") == 0, importance = strcmp(role_column(context, ROLE_WEIGHT), "importance") == 0;
    (void)params;
    if (roles_refuse(context, (unsigned)tag << ROLE_GROUP | (unsigned)importance << ROLE_WEIGHT, "vw",
                     "its weight may be the \"importance\" behind the label, its group the \"tag\"; csv and jsonl have columns", err) < 0)
        return NULL;
    struct vw *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    s->hash_seed = context->hash_seed;
    s->no_labels = context->no_labels;
    s->labels = context->labels;
    s->scoring = context->scoring;
    s->importance = importance;
    importance &= role_reads(context, ROLE_WEIGHT);
    s->tag_is_group = tag && role_reads(context, ROLE_GROUP);
    s->with = ROWS_VALUES | ROWS_FIELDS | (importance ? ROWS_WEIGHTS : 0) | (s->tag_is_group ? ROWS_GROUPS : 0) | label_part(&context->labels);
    for (int b = 0; b < BYTES; b++) snprintf(s->names[b], sizeof s->names[b], b >= ' ' && b < 0x7f ? "%c" : "\\x%02X", b);
    return s;
}

static bool blank(char c) { return c == ' ' || c == '\t'; }

struct line { /* on its way */
    const struct vw *vw;
    struct parsed *out;
    const char *end;
    size_t features, column, head_words;
};

/* Always 0: the line is done with. */
static int refuse(const struct line *l, const char *p, const char *stop, const char *why)
{
    bad_field(&l->out->bad, l->out->lines, l->column, p, (size_t)(stop - p), why);
    return 0;
}

struct word {
    const char *text, *end;
};

/* The words before the bar, the tag apart. False: there are too many (told). */
static bool head_words(struct line *l, const char *p, const char *bar, struct word words[4], size_t *count, struct word *tag)
{
    *count = 0;
    *tag = (struct word){bar, bar};
    for (l->column = 1;; l->column++) {
        while (p < bar && blank(*p)) p++;
        if (p == bar) return true;
        const char *stop = p;
        while (stop < bar && !blank(*stop)) stop++;
        if (stop == bar || *p == '\'') *tag = (struct word){p + (*p == '\''), stop};
        else if (*count == 3 || tag->text < bar)
            return refuse(l, p, stop, "is too much before the bar, where label, importance, base and tag may stand");
        else words[(*count)++] = (struct word){p, stop};
        p = stop;
    }
}

/* The importance, which is the row's weight. False: told. */
static bool importance_read(const struct line *l, const struct word *w, float *weight)
{
    const char *why = role_weight(w->text, w->end, weight);
    if (!why && *weight != 1 && !l->vw->importance) why = "is an importance; set dataset.weight to \"importance\", which weighs the rows by it";
    return !why || refuse(l, w->text, w->end, why);
}

/* The label in the word, as a bit or in the row. Why it is none, or NULL. */
static const char *label_word(const struct line *l, const struct word *word, uint8_t *label)
{
    if (!label_bits(&l->vw->labels)) return label_read(&l->vw->labels, word->text, word->end, &l->out->rows);
    int got = text_label(word->text, word->end);
    if (got < 0) return label_no_bit;
    *label = (uint8_t)got;
    return NULL;
}

/* Label, weight and group of the line. False: told. */
static bool line_head(struct line *l, const char *p, const char *bar, uint8_t *label)
{
    struct rows *rows = &l->out->rows;
    struct word words[4], tag;
    size_t count;
    double base = 0;
    float weight = 1;
    *label = 0;
    if (!head_words(l, p, bar, words, &count, &tag)) return false;
    l->head_words = l->column - 1;
    l->column = 1;
    if (rows->with & ROWS_REALS) rows->reals[rows->count] = 0;
    if (!l->vw->no_labels) {
        if (count == 0 && !label_word(l, &tag, label))
            return refuse(l, tag.text, tag.end, "touches the bar, which makes it a tag; a blank belongs between the label and the bar");
        if (count == 0) return refuse(l, tag.text, tag.end, "is no label: nothing stands before the bar that could be one");
        const char *why = label_word(l, &words[0], label);
        if (why) return refuse(l, words[0].text, words[0].end, why);
        l->column = 2;
        if (count > 1 && !importance_read(l, &words[1], &weight)) return false;
        l->column = 3;
        if (count > 2 && (!text_real(words[2].text, words[2].end, &base) || base != 0))
            return refuse(l, words[2].text, words[2].end, "is a base to start from, which no model here has; it must be 0");
    }
    if (rows->with & ROWS_WEIGHTS) rows->weights[rows->count] = weight;
    if (!l->vw->tag_is_group) return true;
    if (tag.text == tag.end)
        return refuse(l, p, bar,
                      l->vw->scoring ? NO_TAG ", within which GAUC, NDCG and the hit rate rank it; predict --no-labels needs none" : NO_TAG);
    return !roles[ROLE_GROUP].take(tag.text, tag.end, rows, rows->count);
}

/* The number at p up to a blank, a bar or the line's end, where *p is left. Why not, or NULL. */
static const char *number_read(const char **p, const char *end, float *value)
{
    double real;
    const char *stop = digits_real(*p, &real);
    if (stop && stop <= end && (stop == end || blank(*stop) || *stop == '|')) {
        *p = stop;
        *value = (float)real;
        return isfinite(*value) ? NULL : "has a value beyond the range of a 32-bit float";
    }
    for (stop = *p; stop < end && !blank(*stop) && *stop != '|';) stop++;
    const char *why = sparse_value(*p, stop, value);
    *p = stop;
    return why;
}

static const char *name_end(const char *p, const char *end)
{
    while (p < end && !blank(*p) && *p != '|' && *p != ':') p++;
    return p;
}

/* The features of the namespace at p, behind its bar; to the next bar or the line's end. Returns where, or NULL: told. *rc: a failure. */
static const char *namespace_read(struct line *l, const char *p, int *rc, struct error *err)
{
    struct rows *rows = &l->out->rows;
    const char *start = p, *stop = name_end(p, l->end);
    uint64_t seed = hash64_inline(p, (size_t)(stop - p), l->vw->hash_seed), nameless = 0;
    uint16_t field = stop > p ? (uint8_t)*p : ' ';
    float scale = 1, value;
    const char *why = NULL;
    p = stop;
    l->column++;
    if (p < l->end && *p == ':') p++, why = number_read(&p, l->end, &scale);
    if (why) return refuse(l, start, p, why), NULL;
    for (;;) {
        while (p < l->end && blank(*p)) p++;
        if (p == l->end || *p == '|') return p;
        l->column++;
        start = p;
        stop = p = name_end(p, l->end);
        value = 1;
        if (p < l->end && *p == ':') p++, why = number_read(&p, l->end, &value);
        value *= scale;
        if (!why && !isfinite(value)) why = "has a value beyond the range of a 32-bit float";
        if (why) return refuse(l, start, p, why), NULL;
        uint32_t key = stop > start ? feature_key(start, (size_t)(stop - start), seed) : feature_key_number(nameless++, seed);
        if (value == 0) continue;
        size_t at = rows->features + l->features++;
        rows->keys[at] = key;
        rows->values[at] = value;
        rows->fields[at] = field;
        if (l->out->notes && (*rc = note_feature(l->out->notes, at, start, (size_t)(stop - start), false, err)) < 0) return NULL;
    }
}

static int vw_line(const struct vw *vw, const char *p, const char *end, struct parsed *out, struct error *err)
{
    struct line l = {.vw = vw, .out = out, .end = end, .column = 1};
    const char *bar = memchr(p, '|', (size_t)(end - p));
    uint8_t label;
    int rc = rows_reserve(&out->rows, 1, (size_t)(end - p) / 2 + 1, err); /* a feature and what parts it from the next are two bytes at least */
    if (rc < 0) return rc;
    if (!bar) return refuse(&l, p, end, "has no bar; features follow one, as in \"1 |user id7 |ad a3:0.5\"");
    if (!line_head(&l, p, bar, &label)) return 0;
    l.column = l.head_words;
    for (p = bar; p && p < end;) p = namespace_read(&l, p + 1, &rc, err);
    if (p) rows_end_row(&out->rows, l.features, label);
    return rc;
}

static int vw_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    const struct vw *vw = state;
    const char *end = chunk->text + chunk->size, *stop;
    rows_clear(&out->rows, vw->with);
    for (const char *p = chunk->text, *next; p < end; p = next, out->lines++) {
        next = text_line(p, end, &stop);
        if (!line_check(p, stop, chunk, out->lines, &out->bad)) continue;
        const char *text = p;
        while (text < stop && blank(*text)) text++;
        int rc = text == stop ? 0 : vw_line(vw, p, stop, out, err);
        if (rc < 0) return rc;
    }
    return 0;
}

static const char *vw_field_name(const void *state, size_t field) { return field < BYTES ? ((const struct vw *)state)->names[field] : NULL; }

const struct format format_vw = {
    .kind = {"vw", "Vowpal Wabbit text: label importance tag|namespace feature:value ...", "Vowpal Wabbit wiki, Input format", 0, NULL},
    .tokens = true,
    .prepare = vw_prepare,
    .release = mem_free,
    .parse = vw_parse,
    .field_name = vw_field_name};

#include "engine/data/inspect/infer_column.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"

/* Names by which logs call their label, whose rows belong together, and when; compared without case. Best first. */
static const char *const label_names[] = {"label", "click", "clicked",    "is_click",  "isclick", "target",
                                          "y",     "class", "conversion", "converted", "outcome", NULL};
static const char *const group_names[] = {"user",  "user_id",  "userid",    "uid",    "session",  "session_id",  "visitor", "visitor_id",
                                          "query", "query_id", "device_id", "member", "customer", "customer_id", "group",   NULL};
static const char *const time_names[] = {"time", "timestamp", "ts", "date", "datetime", "event_time", "hour", "day", NULL};
static const char separators[SEPARATORS] = {'|', ';', ',', ' '};

static bool among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcasecmp(name, *names) == 0) return true;
    return false;
}

static int column_new(struct column_guess **out, const char *name, struct error *err)
{
    struct column_guess *c = mem_zero(sizeof *c, err);
    if (!c) return -ERROR_NOMEM;
    c->ascending = true;
    if (!(c->name = mem_text(name, err))) {
        mem_free(c);
        return -ERROR_NOMEM;
    }
    *out = c;
    return 0;
}

static void column_tokens(struct column_guess *c, const char *text, size_t size)
{
    for (size_t s = 0; s < SEPARATORS; s++) {
        const char *end = text + size;
        if (size == 0 || !memchr(text, separators[s], size)) continue;
        c->split[s]++;
        for (const char *p = text, *stop; p < end; p = stop + 1) {
            stop = memchr(p, separators[s], (size_t)(end - p));
            if (!stop) stop = end;
            c->tokens[s]++;
            cardinality_add(&c->distinct_tokens[s], hash64(p, (size_t)(stop - p), 0));
        }
    }
}

static void column_cell(struct column_guess *c, const char *text, size_t size, bool missing)
{
    double number = 0;
    c->cells++;
    if (missing || size == 0) {
        c->empty++;
        return;
    }
    uint64_t hash = hash64(text, size, 0);
    cardinality_add(&c->distinct, hash);
    frequent_add(&c->frequent, hash, text, size);
    enum text_kind kind = text_kind_of(text, size, &number);
    c->of_kind[kind]++;
    if (kind == TEXT_OTHER) column_tokens(c, text, size);
    if (kind != TEXT_INTEGER && kind != TEXT_REAL) return;
    uint64_t numbers = c->of_kind[TEXT_INTEGER] + c->of_kind[TEXT_REAL];
    if (numbers == 1 || number < c->min) c->min = number;
    if (numbers == 1 || number > c->max) c->max = number;
    if (numbers > 1 && number <= c->last) c->ascending = false;
    c->last = number;
}

int table_guess_feature(void *context, const struct explained *e, struct error *err)
{
    struct table_guess *g = context;
    if (e->field >= COLUMNS_GUESSED || g->rows >= GUESS_ROWS_MAX) return 0;
    while (g->count <= e->field) {
        int rc = column_new(&g->columns[g->count], g->count == e->field ? e->name : "", err);
        if (rc < 0) return rc;
        g->count++;
    }
    struct column_guess *c = g->columns[e->field];
    if (!*c->name && *e->name) {
        mem_free(c->name);
        if (!(c->name = mem_text(e->name, err))) return -ERROR_NOMEM;
    }
    if (g->header_wanted && !g->beyond_first) {
        if (!(c->first = mem_zero(e->size + 1, err))) return -ERROR_NOMEM;
        if (e->size > 0) memcpy(c->first, e->text, e->size);
        return 0;
    }
    if (c->first && strlen(c->first) == e->size && memcmp(c->first, e->text, e->size) == 0) g->first_recurs = true;
    c->rows += c->row != e->row + 1;
    c->row = e->row + 1;
    column_cell(c, e->text, e->size, e->missing);
    return 0;
}

int table_guess_row(void *context, float label, struct error *err)
{
    struct table_guess *g = context;
    (void)label, (void)err;
    if (!g->header_wanted || g->beyond_first) g->rows++;
    g->beyond_first = true;
    return 0;
}

void table_guess_close(struct table_guess *g)
{
    for (size_t i = 0; i < g->count; i++) {
        mem_free(g->columns[i]->first);
        mem_free(g->columns[i]->name);
        mem_free(g->columns[i]);
    }
    *g = (struct table_guess){0};
}

/* What all cells that are not empty are. */
static enum text_kind column_kind(const struct column_guess *c)
{
    const uint64_t *n = c->of_kind;
    if (n[TEXT_OTHER] || (n[TEXT_DATE] && (n[TEXT_INTEGER] || n[TEXT_REAL]))) return TEXT_OTHER;
    return n[TEXT_DATE] ? TEXT_DATE : n[TEXT_REAL] ? TEXT_REAL : n[TEXT_INTEGER] ? TEXT_INTEGER : TEXT_NONE;
}

/* The first row holds names: none of its cells is a number, a date, empty or there twice; and some column is otherwise, or a name is known, or no
 * cell comes again below. */
static bool has_header(const struct table_guess *g)
{
    bool typed = false, known = false;
    double number;
    for (size_t i = 0; i < g->count; i++) {
        const struct column_guess *c = g->columns[i];
        if (!c->first || text_kind_of(c->first, strlen(c->first), &number) != TEXT_OTHER) return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->first, g->columns[k]->first) == 0) return false;
        enum text_kind kind = column_kind(c);
        typed |= kind != TEXT_OTHER && kind != TEXT_NONE;
        known |= among(c->first, label_names);
    }
    return g->count > 0 && (typed || known || !g->first_recurs);
}

static double distinct_of(const struct column_guess *c) { return c->frequent.lowered ? cardinality_count(&c->distinct) : (double)c->frequent.used; }

static bool cell_is_like(const struct frequent_cell *cell, const char *text)
{
    return cell->size == strlen(text) && strncasecmp(cell->text, text, cell->size) == 0;
}

static bool cell_is(const struct frequent_cell *cell, const char *text)
{
    return cell->size == strlen(text) && memcmp(cell->text, text, cell->size) == 0;
}

/* Two texts that mean no and yes: 0 and 1, or a pair of words; positive is "" when labels are 0 and 1, or -1 and 1. */
static bool two_classes(const struct column_guess *c, char positive[FREQUENT_TEXT + 1])
{
    static const char *const pairs[][2] = {{"no", "yes"},  {"false", "true"}, {"n", "y"}, {"f", "t"}, {"negative", "positive"},
                                           {"neg", "pos"}, {"<=50K", ">50K"}};
    static const char *const numbers[] = {"0", "1", "-1", "+1", "0.0", "1.0", "-1.0", NULL};
    const struct frequent_cell *top[3];
    if (c->empty > 0 || c->frequent.lowered) return false;
    size_t n = frequent_top(&c->frequent, top, 3), plain = 0;
    *positive = 0;
    if (n == 0 || n > 2) return false;
    for (size_t i = 0; i < n; i++)
        for (const char *const *o = numbers; *o; o++) plain += cell_is(top[i], *o);
    for (size_t p = 0; n == 2 && p < sizeof pairs / sizeof *pairs; p++)
        for (size_t i = 0; i < 2; i++)
            if (cell_is_like(top[i], pairs[p][1]) && cell_is_like(top[1 - i], pairs[p][0]))
                snprintf(positive, FREQUENT_TEXT + 1, "%.*s", (int)top[i]->size, top[i]->text);
    return plain == n || *positive;
}

/* Numbers all, as labels that are no bits. */
static bool all_numbers(const struct column_guess *c)
{
    enum text_kind kind = column_kind(c);
    return c->empty == 0 && (kind == TEXT_INTEGER || kind == TEXT_REAL);
}

static int find_label(const struct table_guess *g, char positive[FREQUENT_TEXT + 1])
{
    *positive = 0;
    if (g->labels.range != LABELS_BINARY) {
        for (const char *const *name = label_names; *name; name++)
            for (size_t i = 0; i < g->count; i++)
                if (strcasecmp(g->columns[i]->name, *name) == 0 && all_numbers(g->columns[i])) return (int)i;
        return g->count > 0 && all_numbers(g->columns[0]) ? 0 : -1;
    }
    for (const char *const *name = label_names; *name; name++)
        for (size_t i = 0; i < g->count; i++)
            if (strcasecmp(g->columns[i]->name, *name) == 0 && two_classes(g->columns[i], positive)) return (int)i;
    for (size_t i = 0; i < g->count; i++)
        if (two_classes(g->columns[i], positive) && distinct_of(g->columns[i]) == 2) return (int)i;
    *positive = 0;
    return -1;
}

struct verdict {
    char type[48]; /* of the schema; "": the default, categorical */
    char why[96];
};

static void decide(struct verdict *v, const char *type, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void decide(struct verdict *v, const char *type, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    snprintf(v->type, sizeof v->type, "%s", type);
    vsnprintf(v->why, sizeof v->why, fmt, args);
    va_end(args);
}

static bool name_ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcasecmp(name + n - m, end) == 0;
}

/* Its last word ends in id and is no id: total_bid. */
static bool id_is_part(const char *name)
{
    static const char *const words[] = {"bid", "paid", "valid", "grid", "mid", "void", NULL};
    const char *last = strrchr(name, '_');
    return among(last ? last + 1 : name, words);
}

/* A list: most cells hold the separator, and their parts come again more often than the cells. */
static bool column_list(const struct column_guess *c, double distinct, struct verdict *v)
{
    for (size_t s = 0; s < SEPARATORS; s++) {
        double parts = cardinality_count(&c->distinct_tokens[s]);
        if (c->split[s] * 3 < c->cells - c->empty || parts * 1.5 > distinct || parts * 4 > (double)c->tokens[s]) continue;
        char type[16];
        snprintf(type, sizeof type, separators[s] == ' ' ? "multi(' ')" : separators[s] == ',' ? "multi(',')" : "multi(%c)", separators[s]);
        decide(v, type, "lists of about %.0f parts", parts);
        return true;
    }
    return false;
}

/* Most often none, one or a few of something: a count, not a code. */
static bool counts(const struct column_guess *c)
{
    const struct frequent_cell *top;
    return c->min >= 0 && frequent_top(&c->frequent, &top, 1) == 1 && top->size == 1 && top->text[0] >= '0' && top->text[0] <= '3';
}

/* Integers of three digits and more that come again and again: codes. Measures of that size repeat themselves less; counts may, but have more of the
 * least ones. */
static bool codes(const struct column_guess *c, double cells)
{
    const struct frequent_cell *top[3];
    size_t n = counts(c) ? 0 : frequent_top(&c->frequent, top, 3);
    for (size_t i = 0; i < n; i++) {
        size_t digits = top[i]->size - (size_t)(top[i]->text[0] == '-');
        if (digits >= 3 && top[i]->count >= 3 && (double)top[i]->count >= 0.01 * cells) return true;
    }
    return false;
}

static void judge(const struct column_guess *c, struct verdict *v)
{
    double distinct = distinct_of(c), cells = (double)(c->cells - c->empty);
    enum text_kind kind = column_kind(c);
    bool id = (name_ends(c->name, "id") && !id_is_part(c->name)) || name_ends(c->name, "_code") || name_ends(c->name, "hash");
    *v = (struct verdict){0};
    if (c->cells > c->rows) decide(v, "multi(,)", "lists of %.0f values in all", distinct);
    else if (distinct <= 1 && c->empty == 0) decide(v, "ignore", "one value only");
    else if (kind == TEXT_NONE) decide(v, "ignore", "empty");
    else if (kind == TEXT_DATE) decide(v, "ignore", "dates; a candidate for time");
    else if (distinct > 0.97 * cells && (strcasecmp(c->name, "id") == 0 || (cells > 50 && kind == TEXT_INTEGER && c->ascending)))
        decide(v, "ignore", "another value in each row");
    else if (kind == TEXT_OTHER) column_list(c, distinct, v);
    else if (kind == TEXT_INTEGER && (id || distinct <= 20)) decide(v, "", id ? "numbers that are names" : "%.0f numbers", distinct);
    else if (kind == TEXT_INTEGER && (codes(c, cells) || (!counts(c) && distinct <= 0.05 * cells)))
        decide(v, "", "%.0f numbers, perhaps names", distinct);
    else if (c->min >= 0 && c->max >= 1000) decide(v, "log", "numbers from %.6g to %.6g", c->min, c->max);
    else decide(v, "quantile(32)", "numbers from %.6g to %.6g", c->min, c->max);
}

static int column_add(const struct column_guess *c, bool label, json_t *schema, struct inferred *out)
{
    struct verdict v;
    char note[512], name[4 * 40 + 8];
    judge(c, &v);
    if (label) return 0;
    int rc = 0;
    if (*v.type) rc |= json_object_set_new(schema, c->name, json_string(v.type));
    if (*v.why) {
        bool ignored = strcmp(v.type, "ignore") == 0;
        snprintf(note, sizeof note, "%s: %s%s", str_shown(name, sizeof name, c->name, strlen(c->name), 40), ignored ? "ignored: " : "", v.why);
        rc |= json_array_append_new(out->notes, json_string(note));
        if (ignored) rc |= json_object_set_new(out->ignored, c->name, json_string(v.why));
    }
    double distinct = distinct_of(c);
    if (among(c->name, group_names) && distinct > 1 && distinct < 0.9 * (double)c->cells)
        rc |= json_array_append_new(json_object_get(out->candidates, "group"), json_string(c->name));
    enum text_kind kind = column_kind(c);
    if (kind == TEXT_DATE || (among(c->name, time_names) && (kind == TEXT_INTEGER || kind == TEXT_REAL) && distinct > 1))
        rc |= json_array_append_new(json_object_get(out->candidates, "time"), json_string(c->name));
    return rc;
}

/* Names by the header; and by number, counted from 0, where JSON cannot hold the name. */
static int columns_name(struct table_guess *g, bool header, struct error *err)
{
    char number[24];
    for (size_t i = 0; i < g->count; i++) {
        const char *wanted = header ? g->columns[i]->first : g->columns[i]->name;
        json_t *fits = json_string(wanted);
        snprintf(number, sizeof number, "%zu", i);
        char *name = mem_text(fits ? wanted : number, err);
        json_decref(fits);
        if (!name) return -ERROR_NOMEM;
        mem_free(g->columns[i]->name);
        g->columns[i]->name = name;
    }
    return 0;
}

int table_guess_end(struct table_guess *g, json_t *options, struct inferred *out, struct error *err)
{
    char positive[FREQUENT_TEXT + 1];
    bool header = g->header_wanted && has_header(g);
    int rc = columns_name(g, header, err);
    if (rc < 0) return rc;
    if (header) json_object_del(options, "header"); /* the default */
    int label = find_label(g, positive), bad = 0;
    json_t *schema = json_object();
    out->candidates = json_pack("{s:[], s:[]}", "group", "time");
    out->notes = json_array();
    out->ignored = json_object();
    if (!schema || !out->candidates || !out->notes || !out->ignored) bad = -1;
    if (label >= 0) bad |= json_object_set_new(options, "label", json_string(g->columns[label]->name));
    else bad |= json_array_append_new(out->notes, json_string("no column looks like a label; name it in \"label\""));
    if (*positive) bad |= json_object_set_new(options, "positive", json_string(positive));
    for (size_t i = 0; i < g->count && bad == 0; i++) bad |= column_add(g->columns[i], (int)i == label, schema, out);
    if (json_object_size(schema) > 0) bad |= json_object_set(options, "schema", schema);
    json_decref(schema);
    return bad ? error_set(err, ERROR_NOMEM, NULL, "cannot write what the columns look like") : 0;
}

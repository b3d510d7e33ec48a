#include "engine/data/format/columns.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/feature.h"
#include "engine/data/format/text.h"

const char cell_absent[CHUNK_SLACK] = "";

const char *const columns_types[] = {"categorical", "numeric", "log", "ignore", "normalised", NULL};

int columns_open(struct columns *t, const struct columns_params *params, const struct format_context *context, struct error *err)
{
    *t = (struct columns){.hash_seed = context->hash_seed,
                          .world = context->world,
                          .labels = context->labels,
                          .no_labels = context->no_labels,
                          .ignored_too = context->ignored_too};
    t->scoring = context->scoring;
    t->params = *params;
    if (!label_bits(&t->labels) && (*params->positive || *params->negative))
        return error_set(err, ERROR_DATA, *params->positive ? "/dataset/positive" : "/dataset/negative", LABEL_WORDS_UNWANTED);
    for (int r = 0; r < ROLES; r++) t->role_name[r] = role_column(context, (enum role)r), t->role_read[r] = role_reads(context, (enum role)r);
    square_log_init(&t->log);
    int rc = schema_read(&t->schema, params->schema, err);
    if (rc == 0) rc = schema_load(&t->schema, t->world, err);
    if (rc < 0) columns_close(t);
    return rc;
}

void columns_close(struct columns *t)
{
    for (size_t i = 0; t->columns && i < t->count; i++) {
        mem_free(t->columns[i].name);
        mem_free(t->columns[i].keys);
    }
    mem_free(t->columns);
    mem_free(t->feeds);
    mem_free(t->layout);
    cell_keys_close(&t->text_keys);
    schema_close(&t->schema);
    t->columns = NULL, t->feeds = NULL, t->layout = NULL, t->count = 0;
}

#define LABEL_HELP "; name the label's in dataset.label (\"label\" in --format); predict --no-labels needs none"

/* As many names as fit. */
static const char *columns_shown(const struct columns *t, char *buf, size_t size)
{
    size_t at = 0, i;
    buf[0] = 0;
    for (i = 0; i < t->count && at + 48 < size; i++) {
        char name[40];
        str_shown(name, sizeof name, t->columns[i].name, strlen(t->columns[i].name), 30);
        at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? ", " : "", name);
    }
    if (i < t->count) snprintf(buf + at, size - at, ", ...");
    return buf;
}

/* help: what can be done, or "". */
static int no_column(const struct columns *t, const char *pointer, const char *wish, const char *help, struct error *err)
{
    char names[300], shown[80];
    return error_set(err, ERROR_DATA, pointer, "no column \"%s\"; the columns are %s%s", str_shown(shown, sizeof shown, wish, strlen(wish), 40),
                     columns_shown(t, names, sizeof names), help);
}

/* The column that `wish` means; count: none. A name goes before a number, so that a header may call its columns 3, 2, 1. */
static size_t column_find(const struct columns *t, const char *wish, bool numbers)
{
    uint64_t number;
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->columns[i].name, wish) == 0) return i;
    for (size_t i = 0; numbers && text_u64(wish, wish + strlen(wish), &number) && i < t->count; i++)
        if (t->columns[i].number == number) return i;
    return t->count;
}

static int plan_label(struct columns *t, enum columns_names how, struct error *err)
{
    const char *wish = t->params.label;
    if (t->no_labels) { /* where a header tells that it is there all the same, it is no feature */
        t->label = how == NAMES_NUMBERED ? t->count : column_find(t, *wish ? wish : "label", false);
        return 0;
    }
    t->label = column_find(t, *wish ? wish : "label", how != NAMES_KEYS);
    t->label_taken = t->label == t->count && !*wish && how != NAMES_KEYS;
    if (t->label_taken) t->label = 0;
    return t->label < t->count ? 0 : no_column(t, "/dataset/label", *wish ? wish : "label", LABEL_HELP, err);
}

static int no_role(const struct columns *t, enum role r, struct error *err)
{
    char help[240] = "";
    if (t->scoring)
        snprintf(help, sizeof help,
                 "; it is the %s of a row (dataset.%s when the model was trained), %s: put it in, or take --no-labels, which gives "
                 "scores without metrics",
                 roles[r].name, roles[r].name, roles[r].judges);
    return no_column(t, roles[r].pointer, t->role_name[r], help, err);
}

static int plan_roles(struct columns *t, enum columns_names how, struct error *err)
{
    for (int r = 0; r < ROLES; r++) {
        const char *wish = t->role_name[r];
        t->role[r] = *wish ? column_find(t, wish, how != NAMES_KEYS) : t->count;
        if (!*wish) continue;
        if (t->role[r] == t->count && !t->role_read[r]) continue;
        if (t->role[r] == t->count) return no_role(t, (enum role)r, err);
        if (t->role[r] == t->label) return error_set(err, ERROR_DATA, roles[r].pointer, COLUMN_IS_LABEL, wish);
        if (t->role_read[r]) t->with |= roles[r].part;
    }
    return 0;
}

static int name_compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Two columns of one name would share their features. */
static int check_names(const struct columns *t, struct error *err)
{
    char shown[80];
    char **names = mem_array(t->count, 1, sizeof *names, err);
    int rc = names ? 0 : -ERROR_NOMEM;
    for (size_t i = 0; i < t->count && rc == 0; i++) names[i] = t->columns[i].name;
    if (rc == 0) qsort(names, t->count, sizeof *names, name_compare);
    for (size_t i = 1; i < t->count && rc == 0; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            rc = error_set(err, ERROR_DATA, "/dataset/uri", "two columns are called \"%s\"; rename one, or set header to false if this is no header",
                           str_shown(shown, sizeof shown, names[i], strlen(names[i]), 30));
    mem_free(names);
    return rc;
}

/* A header without a name is a blank line in front of the real one, more likely than a table whose columns have none. */
static int check_blank(const struct cell *names, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < names[i].size; c++)
            if (names[i].text[c] != ' ' && names[i].text[c] != '\t') return 0;
    return error_set(err, ERROR_DATA, "/dataset/uri", "the header is blank and names no column; remove the line, or set header to false");
}

static int plan_names(struct columns *t, const struct cell *names, size_t count, enum columns_names how, struct error *err)
{
    char digits[24];
    uint64_t gap = SIZE_MAX; /* the number that a label would have that is not there */
    int rc = how == NAMES_GIVEN ? check_blank(names, count, err) : 0;
    if (rc < 0) return rc;
    if (how == NAMES_NUMBERED && t->no_labels && !text_u64(t->params.label, strchr(t->params.label, 0), &gap)) gap = 0;
    if (!(t->columns = mem_array(count + 1, 1, sizeof *t->columns, err))) return -ERROR_NOMEM;
    t->count = count;
    for (size_t i = 0; i < count; i++) {
        struct column *c = &t->columns[i];
        c->number = i + (i >= gap);
        snprintf(digits, sizeof digits, "%zu", c->number);
        size_t size = how == NAMES_NUMBERED ? strlen(digits) : names[i].size;
        if (!(c->name = mem_zero(size + 1, err))) return -ERROR_NOMEM;
        memcpy(c->name, how == NAMES_NUMBERED ? digits : names[i].text, size);
    }
    return check_names(t, err);
}

/* Has column i a part to play, so that it is no feature? */
static bool plays(const struct columns *t, size_t i)
{
    bool part = i == t->label;
    for (int r = 0; r < ROLES; r++) part |= i == t->role[r];
    return part;
}

/* The schema names it alone, and gives it a type that would make a feature. */
static int column_plays(const struct columns *t, size_t i, struct error *err)
{
    const struct column *c = &t->columns[i];
    char pointer[JSON_POINTER_SIZE], name[80], part[80] = "the label";
    for (int r = 0; r < ROLES; r++)
        if (i == t->role[r] && i != t->label) snprintf(part, sizeof part, "the %s of a row (dataset.%s)", roles[r].name, roles[r].name);
    return error_set(err, ERROR_DATA, schema_pointer(&t->schema, c->item->column, pointer), COLUMN_PLAYS,
                     str_shown(name, sizeof name, c->name, strlen(c->name), 30), part);
}

static int plan_column(struct columns *t, size_t i, enum columns_names how, struct error *err)
{
    static const struct item_data nothing = {0};
    struct column *c = &t->columns[i];
    struct schema_item *item = schema_find(&t->schema, c->name, how == NAMES_KEYS ? SIZE_MAX : c->number);
    c->item = item;
    c->data = item ? &item->data : &nothing;
    c->type = item ? item->type : column_type_find(columns_types[t->params.columns]);
    c->log = &t->log;
    c->seed = feature_seed(c->name, t->hash_seed);
    c->missing_key = feature_key("", 0, c->seed);
    c->value_key = feature_key_value(c->seed);
    if (item && c->type->feature && !t->scoring && plays(t, i) && schema_is_one(item, c->name)) return column_plays(t, i, err);
    return c->type->column && !plays(t, i) ? c->type->column(c, err) : 0;
}

/* The schema's items against the columns that there are. Rows to be scored go by the schema that was good enough for training. */
static int check_items(const struct columns *t, enum columns_names how, struct error *err)
{
    char pointer[JSON_POINTER_SIZE];
    const size_t last = t->count > 0 ? t->columns[t->count - 1].number : 0;
    size_t from, to;
    for (size_t i = 0; i < t->schema.count; i++) {
        const struct schema_item *item = &t->schema.items[i];
        schema_pointer(&t->schema, item->column, pointer);
        if (!item->used && t->scoring && !item->type->feature) continue; /* nobody misses it */
        if (!item->used) return no_column(t, pointer, item->column, "", err);
        if (t->scoring || how == NAMES_KEYS || !schema_range(item, &from, &to) || from == to || to <= last) continue;
        if (column_find(t, item->column, false) == t->count)
            return error_set(err, ERROR_DATA, pointer, "columns %.40s: the last one is number %zu, counted from 0; end the range there", item->column,
                             last);
    }
    return 0;
}

static int plan_feed(struct columns *t, size_t i, struct error *err)
{
    const struct column *c = &t->columns[i];
    struct columns_feed *f = &t->feeds[t->feed_count];
    char why[80];
    *f = (struct columns_feed){.column = c, .cell = i, .field = (uint16_t)t->feed_count, .constant_value = 1};
    t->layout[t->feed_count] = f->field;
    t->feed_count++;
    if (c->item && c->type->feature) f->missing = c->item->missing;
    if (c->type->values) t->with |= ROWS_VALUES;
    if (c->type->splits || f->missing == MISSING_SKIP || !c->type->feature) t->with |= ROWS_FIELDS; /* an ignored cell may be a list */
    const char *text = f->missing == MISSING_CONSTANT ? c->item->constant : "";
    const char *wrong = *text ? c->type->make(c, text, strlen(text), &f->constant_key, &f->constant_value) : NULL;
    if (!wrong) return 0;
    return error_set(err, ERROR_DATA, "/dataset/schema", CONSTANT_IS_WRONG, str_shown(why, sizeof why, c->name, strlen(c->name), 30), text, wrong,
                     c->type->name);
}

/* The runs of columns that cell_keys.h can take together. */
static int plan_texts(struct columns *t, struct error *err)
{
    int rc = cell_keys_init(&t->text_keys, t->feed_count, err);
    for (size_t i = t->feed_count; rc == 0 && i-- > 0;) {
        struct columns_feed *f = &t->feeds[i];
        cell_keys_set(&t->text_keys, i, f->column);
        if (!f->column->type->text || f->missing != MISSING_OWN) continue;
        bool joined = i + 1 < t->feed_count && f[1].cell == f->cell + 1;
        f->texts = 1 + (joined ? f[1].texts : 0);
    }
    t->text_keys_of = cell_keys_best();
    return rc;
}

int columns_plan(struct columns *t, const struct cell *names, size_t count, enum columns_names how, struct error *err)
{
    int rc;
    t->planned = true;
    t->keyed = how == NAMES_KEYS;
    if ((rc = plan_names(t, names, count, how, err)) < 0) return rc;
    if ((rc = plan_label(t, how, err)) < 0) return rc;
    if ((rc = plan_roles(t, how, err)) < 0) return rc;
    if (!(t->feeds = mem_array(count + 1, 1, sizeof *t->feeds, err))) return -ERROR_NOMEM;
    if (!(t->layout = mem_array(count + 1, 1, sizeof *t->layout, err))) return -ERROR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        if ((rc = plan_column(t, i, how, err)) < 0) return rc;
        if ((t->columns[i].type->feature || t->ignored_too) && !plays(t, i) && (rc = plan_feed(t, i, err)) < 0) return rc;
    }
    if ((rc = check_items(t, how, err)) < 0) return rc;
    if (t->feed_count > 0 || t->ignored_too) return plan_texts(t, err);
    return error_set(err, ERROR_DATA, "/dataset/schema", "no column is left to learn from (%zu with the label)%s", count,
                     t->label_taken ? LABEL_HELP : "");
}

void columns_begin(const struct columns *t, struct rows *rows)
{
    rows_clear(rows, t->with | label_part(&t->labels));
    if (t->with & ROWS_FIELDS) return;
    rows->layout = t->layout;
    rows->layout_size = t->feed_count;
}

static void trim(const char **text, size_t *size)
{
    while (*size > 0 && (**text == ' ' || **text == '\t')) ++*text, --*size;
    while (*size > 0 && ((*text)[*size - 1] == ' ' || (*text)[*size - 1] == '\t')) --*size;
}

/* "x"; [a, b] of a list. */
static const char *cell_shown(const struct cell *cell, char buf[200])
{
    char joined[200], shown[180];
    size_t n = 0;
    for (size_t i = 0; cell->list && i + 1 < cell->size && n + 2 < sizeof joined; i++) { /* the last byte ends the last value */
        if (cell->text[i]) joined[n++] = cell->text[i];
        else joined[n++] = ',', joined[n++] = ' ';
    }
    if (cell->list) snprintf(buf, 200, "[%s]", str_shown(shown, sizeof shown, joined, n, 40));
    else snprintf(buf, 200, "\"%s\"", str_shown(shown, sizeof shown, cell->text, cell->size, 40));
    return buf;
}

/* "column 3 (age): "x" is not a number; the schema says numeric". Always 0, so that the caller can end with it. */
static int bad_cell(const struct columns *t, size_t i, const struct cell *cell, const char *why, const struct column_type *type, struct parsed *out)
{
    char name[60], text[200], number[24];
    const struct column *c = &t->columns[i];
    if (out->bad.count > 0) return out->bad.count++, 0; /* only the first one is told */
    snprintf(number, sizeof number, "%zu", c->number);
    bool named = strcmp(number, c->name) != 0;
    str_shown(name, sizeof name, c->name, strlen(c->name), 30);
    if (t->keyed) snprintf(number, sizeof number, "key ");
    else snprintf(number, sizeof number, "column %zu%s", i + 1, named ? " (" : "");
    const char *absent = cell->text == cell_absent ? " is not in the record" : "";
    bad_row(&out->bad, out->lines, "%s%s%s%s: %s %s%s%s", number, named || t->keyed ? name : "", named && !t->keyed ? ")" : "", absent,
            cell_shown(cell, text), why, type ? "; the schema says " : "", type ? type->name : "");
    return 0;
}

static bool text_is(const char *text, size_t size, const char *word) { return size == strlen(word) && memcmp(text, word, size) == 0; }

/* The label in the cell, or -1. */
static int columns_label(const struct columns *t, const struct cell *cell)
{
    const char *positive = t->params.positive, *negative = t->params.negative, *text = cell->text;
    size_t size = cell->size;
    trim(&text, &size);
    if (!*positive && !*negative) {
        int label = text_label(text, text + size);
        return label < 0 && text_is(text, size, "true") ? 1 : label < 0 && text_is(text, size, "false") ? 0 : label;
    }
    if (*positive && text_is(text, size, positive)) return 1;
    if (*negative && text_is(text, size, negative)) return 0;
    return *positive && *negative ? -1 : *positive ? 0 : 1;
}

/* A row on its way: features so far, behind those of the rows before. */
struct growing {
    const struct columns *table;
    struct parsed *out;
    size_t features, left; /* left: columns that may still want room */
};

static int grow_feature(struct growing *g, const struct columns_feed *f, uint32_t key, float value, const char *text, size_t size, bool missing,
                        struct error *err)
{
    struct rows *rows = &g->out->rows;
    size_t at = rows->features + g->features++;
    rows->keys[at] = key;
    if (g->table->with & ROWS_VALUES) rows->values[at] = value;
    if (g->table->with & ROWS_FIELDS) rows->fields[at] = f->field;
    return g->out->notes ? note_feature(g->out->notes, at, text, size, missing, err) : 0;
}

/* An empty cell. Returns 1 when the row is bad. */
static int grow_missing(struct growing *g, const struct columns_feed *f, const struct cell *cell, struct error *err)
{
    switch (f->missing) {
    case MISSING_OWN: return grow_feature(g, f, f->column->missing_key, 1, cell->text, 0, true, err);
    case MISSING_CONSTANT: return grow_feature(g, f, f->constant_key, f->constant_value, cell->text, 0, true, err);
    case MISSING_SKIP: return 0;
    case MISSING_ERROR: bad_cell(g->table, f->cell, cell, "is missing, which the schema's missing=error forbids", NULL, g->out); return 1;
    }
    return 0;
}

static int grow_value(struct growing *g, const struct columns_feed *f, const struct cell *cell, const char *text, size_t size, struct error *err)
{
    uint32_t key = 0;
    float value = 1;
    const char *why = f->column->type->make(f->column, text, size, &key, &value);
    if (!why) return grow_feature(g, f, key, value, text, size, false, err);
    bad_cell(g->table, f->cell, cell, why, f->column->type, g->out);
    return 1;
}

/* A list: its values one after another; empty ones do not count. */
static int grow_list(struct growing *g, const struct columns_feed *f, const struct cell *cell, struct error *err)
{
    const char *p = cell->text, *end = p + cell->size, separator = cell->list ? 0 : f->column->data->separator;
    size_t before = g->features;
    int rc = rows_reserve(&g->out->rows, 1, g->features + cell->size / 2 + 1 + g->left, err);
    for (const char *stop; rc == 0 && p < end; p = stop + 1) {
        if (!(stop = memchr(p, separator, (size_t)(end - p)))) stop = end;
        if (stop > p) rc = grow_value(g, f, cell, p, (size_t)(stop - p), err);
    }
    return rc == 0 && g->features == before ? grow_missing(g, f, &(struct cell){cell->text, 0, false}, err) : rc;
}

static int grow_cell(struct growing *g, const struct columns_feed *f, const struct cell *cell, struct error *err)
{
    const struct column_type *type = f->column->type;
    const char *text = cell->text;
    size_t size = cell->size;
    if (type->splits || (cell->list && !type->feature)) return grow_list(g, f, cell, err);
    if (cell->list) {
        bad_cell(g->table, f->cell, cell, "is a list, which only type multi can hold (\"multi(,)\" in dataset.schema)", type, g->out);
        return 1;
    }
    if (type->trims) trim(&text, &size);
    return size ? grow_value(g, f, cell, text, size, err) : grow_missing(g, f, cell, err);
}

/* Feeds f .. f + n - 1, which are texts, at once. */
static void grow_texts(struct growing *g, size_t f, size_t n, const struct cell *cells)
{
    const struct columns *t = g->table;
    struct rows *rows = &g->out->rows;
    size_t at = rows->features + g->features;
    t->text_keys_of(&t->text_keys, f, &cells[t->feeds[f].cell], n, rows->keys + at);
    for (size_t i = 0; t->with & ROWS_VALUES && i < n; i++) rows->values[at + i] = 1;
    for (size_t i = 0; t->with & ROWS_FIELDS && i < n; i++) rows->fields[at + i] = t->feeds[f + i].field;
    g->features += n;
    g->left -= n;
}

/* The label that is no bit, or why the cell has none. */
static const char *columns_real(const struct columns *t, const struct cell *cell, struct rows *rows)
{
    rows->reals[rows->count] = 0;
    if (t->no_labels) return NULL;
    const char *text = cell->text;
    size_t size = cell->size;
    trim(&text, &size);
    return label_read(&t->labels, text, text + size, rows);
}

/* What is in the label's cell is none. Where nobody said which column it is, the fault may be the column rather than the row. */
static void bad_label(const struct columns *t, const struct cell *cell, const char *why, struct parsed *out)
{
    char names[80], said[300];
    if (t->label_taken && out->bad.count == 0) {
        snprintf(said, sizeof said, "is not a label; no column is called \"label\", so the first is taken; the columns are %s" LABEL_HELP,
                 columns_shown(t, names, sizeof names));
        why = said;
    } else if (cell->text == cell_absent) why = *t->params.label ? "is not a label" : "is not a label" LABEL_HELP;
    bad_cell(t, t->label, cell, why, NULL, out);
}

/* Label and roles. 1: the row is bad. */
static int row_parts(const struct columns *t, const struct cell *cells, struct parsed *out, uint8_t *label)
{
    const bool words = *t->params.positive || *t->params.negative;
    bool bits = label_bits(&t->labels);
    const char *no_real = bits ? NULL : columns_real(t, &cells[t->label], &out->rows);
    int got = t->no_labels || !bits ? 0 : columns_label(t, &cells[t->label]);
    if (no_real) {
        bad_label(t, &cells[t->label], no_real, out);
        return 1;
    }
    if (got < 0) {
        bad_label(t, &cells[t->label], words ? "is neither the positive nor the negative label" : label_no_bit, out);
        return 1;
    }
    *label = (uint8_t)got;
    for (int r = 0; r < ROLES; r++) {
        if (t->role[r] == t->count || !t->role_read[r]) continue;
        const struct cell *cell = &cells[t->role[r]];
        const char *why = cell->list ? "is a list, which no role can take"
                                     : roles[r].take(cell->text, cell->text + cell->size, &out->rows, out->rows.count);
        if (!why) continue;
        bad_cell(t, t->role[r], cell, why, NULL, out);
        return 1;
    }
    return 0;
}

int columns_row(const struct columns *t, const struct cell *cells, struct parsed *out, struct error *err)
{
    struct growing g = {.table = t, .out = out, .left = t->feed_count};
    uint8_t label;
    int rc = rows_reserve(&out->rows, 1, t->feed_count, err);
    if (rc == 0) rc = row_parts(t, cells, out, &label);
    for (size_t f = 0; rc == 0 && f < t->feed_count;) {
        const struct columns_feed *feed = &t->feeds[f];
        if (feed->texts > 1 && t->plain_cells && !out->notes) {
            grow_texts(&g, f, feed->texts, cells);
            f += feed->texts;
        } else {
            rc = grow_cell(&g, feed, &cells[feed->cell], err);
            f++, g.left--;
        }
    }
    if (rc == 0) rows_end_row(&out->rows, g.features, label);
    return rc < 0 ? rc : 0;
}

const char *columns_field_name(const struct columns *t, size_t field) { return field < t->feed_count ? t->feeds[field].column->name : NULL; }

struct field_kind columns_field_kind(const struct columns *t, size_t field)
{
    if (field >= t->feed_count) return (struct field_kind){FIT_NONE, 0};
    const struct column *c = t->feeds[field].column;
    return (struct field_kind){c->type->fit, c->data->quantiles};
}

bool columns_value_name(const struct columns *t, size_t field, const char *text, size_t size, char *name, size_t room)
{
    if (field >= t->feed_count) return false;
    const struct columns_feed *f = &t->feeds[field];
    const struct column *c = f->column;
    if (size == 0 && f->missing != MISSING_CONSTANT) return false;
    if (size == 0) text = c->item->constant;
    if (c->type->name_of && c->type->name_of(c, text, size ? size : strlen(text), name, room)) return true;
    if (size == 0) str_shown(name, room, text, strlen(text), room);
    return size == 0;
}

int columns_files(const void *params, format_file_fn *each, void *context, struct error *err)
{
    struct schema schema;
    int rc = schema_read(&schema, ((const struct columns_params *)params)->schema, err);
    if (rc < 0) return rc;
    for (size_t i = 0; rc == 0 && i < schema.count; i++)
        if (schema.items[i].type->names_file) rc = each(context, schema.items[i].argument, err);
    schema_close(&schema);
    return rc;
}

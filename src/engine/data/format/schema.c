#include "engine/data/format/schema.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/text.h"

static int schema_error(struct error *err, const char *column, const char *why)
{
    char shown[80];
    return error_set(err, ERROR_DATA, NULL, "column %s: %s", str_shown(shown, sizeof shown, column, strlen(column), 40), why);
}

const char *schema_pointer(const struct schema *s, const char *column, char out[JSON_POINTER_SIZE])
{
    if (s->object && column) return json_pointer_add(out, "/dataset/schema", column);
    snprintf(out, JSON_POINTER_SIZE, "/dataset/schema");
    return out;
}

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t' || *p == '\n') p++;
    return p;
}

static char *copy_text(const char *p, const char *end, struct error *err)
{
    char *copy = mem_zero((size_t)(end - p) + 1, err);
    if (copy) memcpy(copy, p, (size_t)(end - p));
    return copy;
}

/* The quoted text at p, unquoted into *out. Returns what follows it; NULL: *out is NULL for want of memory, or the quote does not end. */
static const char *quoted_text(const char *p, char **out, struct error *err)
{
    char *to = *out = mem_zero(strlen(p) + 1, err);
    if (!to) return NULL;
    for (p++; *p; p++) {
        if (*p == '\'' && p[1] != '\'') return p + 1;
        p += *p == '\'';
        *to++ = *p;
    }
    return NULL;
}

/* Where the unquoted text from p on ends: at `stop` outside brackets, or at the string's end. */
static const char *plain_end(const char *p, char stop)
{
    int depth = 0;
    for (; *p && (*p != stop || depth > 0); p++) {
        depth += *p == '(';
        depth -= *p == ')' && depth > 0;
        if (*p == '\'' && (p[-1] == '(' || p[-1] == '=')) /* a quoted argument may hold anything */
            while (p[1] && (p[1] != '\'' || p[2] == '\'')) p += 1 + (p[1] == '\'');
    }
    return p;
}

/* The bracket that closes the argument at p (behind the opening one), or NULL. */
static const char *argument_end(const char *p)
{
    int depth = 1;
    for (; *p; p++) {
        depth += *p == '(';
        if (*p == ')' && --depth == 0) return p;
    }
    return NULL;
}

static int item_argument(struct schema_item *item, const char **p, struct error *err)
{
    const char *start = ++*p, *end;
    if (*start == '\'') {
        end = quoted_text(start, &item->argument, err);
        if (!item->argument) return -ERROR_NOMEM;
        if (!end || *end != ')') return schema_error(err, item->column, "the bracket behind its type's name does not close");
    } else {
        if (!(end = argument_end(start))) return schema_error(err, item->column, "the bracket behind its type's name does not close");
        if (!(item->argument = copy_text(start, end, err))) return -ERROR_NOMEM;
    }
    *p = end + 1;
    return 0;
}

static int item_missing(struct schema_item *item, const char *p, struct error *err)
{
    static const char *const words[] = {[MISSING_OWN] = "own", [MISSING_ERROR] = "error", [MISSING_SKIP] = "skip", NULL};
    const char *end = p + strlen(p);
    bool quoted = *p == '\'';
    if (quoted) {
        const char *behind = quoted_text(p, &item->constant, err);
        if (!item->constant) return -ERROR_NOMEM;
        if (!behind || *skip_blanks(behind))
            return schema_error(err, item->column, "the quote behind missing= does not close, or something follows it");
    } else {
        while (end > p && strchr(" \t\n", end[-1])) end--;
        if (!(item->constant = copy_text(p, end, err))) return -ERROR_NOMEM;
    }
    item->missing = MISSING_CONSTANT;
    for (int i = 0; !quoted && words[i]; i++)
        if (strcmp(words[i], item->constant) == 0) item->missing = (enum missing)i;
    return *item->constant ? 0 : schema_error(err, item->column, "missing= wants own, error, skip, or the text to read instead");
}

/* "TYPE[(ARGUMENT)] [missing=WHAT]" */
static int item_read(struct schema_item *item, const char *p, struct error *err)
{
    const char *names[32];
    char name[40], choices[300], why[400];
    size_t n = strcspn(p = skip_blanks(p), "( \t\n");
    int rc = 0;
    snprintf(name, sizeof name, "%.*s", (int)(n < sizeof name ? n : sizeof name - 1), p);
    item->type = column_type_find(name);
    if (!item->type) {
        column_type_names(names, sizeof names / sizeof *names);
        snprintf(why, sizeof why, "no type \"%s\"; %s", name, str_choices(choices, sizeof choices, name, names));
        return schema_error(err, item->column, why);
    }
    p += n;
    if (*p == '(' && (rc = item_argument(item, &p, err)) < 0) return rc;
    p = skip_blanks(p);
    if (str_starts(p, "missing=")) {
        if ((rc = item_missing(item, p + 8, err)) < 0) return rc;
        p += strlen(p);
    }
    if (*p) return schema_error(err, item->column, "only missing=... may follow its type");
    snprintf(why, sizeof why, !item->type->argument ? "type %s takes no argument" : "type %s wants an argument: %s(%s)", item->type->name,
             item->type->name, item->type->argument ? item->type->argument : "");
    if (!item->argument != !item->type->argument || (item->argument && !*item->argument)) return schema_error(err, item->column, why);
    if (!item->argument && !(item->argument = mem_text("", err))) return -ERROR_NOMEM;
    if (!item->constant && !(item->constant = mem_text("", err))) return -ERROR_NOMEM;
    return 0;
}

/* One more item, empty; NULL: there is no room for it. */
static struct schema_item *item_add(struct schema *s, struct error *err)
{
    if (s->count == SCHEMA_ITEMS_MAX) {
        error_set(err, ERROR_DATA, "/dataset/schema", "more than %d columns", SCHEMA_ITEMS_MAX);
        return NULL;
    }
    if ((s->count & (s->count - 1)) == 0) /* room doubles at each power of two */
        if (mem_grow((void **)&s->items, s->count ? 2 * s->count : 1, sizeof *s->items, err) < 0) return NULL;
    struct schema_item *item = &s->items[s->count++];
    *item = (struct schema_item){0};
    return item;
}

static void item_close(struct schema_item *item)
{
    mem_free(item->column);
    mem_free(item->argument);
    mem_free(item->constant);
    item_data_close(&item->data);
}

/* The last item is wrong, or the whole is (column NULL). With faults it goes and reading goes on; else that is the failure. */
static int refuse(const struct schema *s, const char *column, const struct error *why, struct faults *faults, struct error *err)
{
    char pointer[JSON_POINTER_SIZE];
    if (why->code == ERROR_NOMEM) return error_set(err, ERROR_NOMEM, NULL, "%s", why->msg);
    schema_pointer(s, column, pointer);
    if (!faults) return error_set(err, why->code, pointer, "%s", why->msg);
    faults_add(faults, pointer, "%s", why->msg);
    return 0;
}

static int refuse_last(struct schema *s, const struct error *why, struct faults *faults, struct error *err)
{
    struct schema_item *item = &s->items[s->count - 1];
    int rc = refuse(s, item->column, why, faults, err);
    if (rc == 0) item_close(item), s->count--;
    return rc;
}

/* One "COLUMN:TYPE..." of the text form, [p, end). The colon is the last one outside brackets, so that names may hold colons. */
static int text_item(struct schema_item *item, const char *p, const char *end, struct error *err)
{
    char *text = copy_text(p, end, err), shown[80];
    const char *colon = NULL;
    int rc = text ? 0 : -ERROR_NOMEM;
    if (rc == 0 && *text == '\'') {
        colon = quoted_text(text, &item->column, err);
        if (!item->column) rc = -ERROR_NOMEM;
        if (colon && *(colon = skip_blanks(colon)) != ':') colon = NULL;
    } else if (rc == 0) {
        for (const char *at = text; *(at = plain_end(at, ':')); at++) colon = at;
        const char *stop = colon ? colon : text;
        while (stop > text && strchr(" \t\n", stop[-1])) stop--;
        if (!(item->column = copy_text(text, stop, err))) rc = -ERROR_NOMEM;
    }
    if (rc == 0 && (!colon || !*item->column))
        rc = error_set(err, ERROR_DATA, NULL, "\"%s\" has no type; write it as COLUMN:TYPE", str_shown(shown, sizeof shown, text, strlen(text), 40));
    else if (rc == 0) rc = item_read(item, colon + 1, err);
    mem_free(text);
    return rc;
}

static int read_text(struct schema *s, const char *p, struct faults *faults, struct error *err)
{
    for (;; p++) {
        struct error why = {0};
        int rc = 0;
        p = skip_blanks(p);
        const char *start = p;
        if (*p == '\'')
            for (p++; *p && (*p != '\'' || p[1] == '\''); p++) p += *p == '\'';
        p = plain_end(p, ',');
        const char *end = p;
        while (end > start && strchr(" \t\n", end[-1])) end--;
        if (end > start) {
            struct schema_item *item = item_add(s, &why);
            if (!item) return refuse(s, NULL, &why, faults, err);
            if (text_item(item, start, end, &why) < 0) rc = refuse_last(s, &why, faults, err);
        }
        if (rc < 0 || !*p) return rc;
    }
}

static int read_object(struct schema *s, const char *text, struct faults *faults, struct error *err)
{
    struct error why = {0};
    json_t *object = json_read(text, strlen(text), "the schema", &why), *value;
    const char *key;
    int rc = object ? 0 : refuse(s, NULL, &why, faults, err);
    s->object = true;
    json_object_foreach (object, key, value) {
        struct schema_item *item = item_add(s, &why);
        if (!item) {
            rc = refuse(s, NULL, &why, faults, err);
            break;
        }
        if (!(item->column = mem_text(key, &why))) rc = -ERROR_NOMEM;
        else if (!json_is_string(value)) rc = schema_error(&why, key, "its type must be a string like \"numeric\"");
        else rc = item_read(item, json_string_value(value), &why);
        if (rc < 0 && (rc = refuse_last(s, &why, faults, err)) < 0) break;
        why = (struct error){0};
    }
    json_decref(object);
    return rc;
}

int schema_read_all(struct schema *s, const char *text, struct faults *faults, struct error *err)
{
    *s = (struct schema){0};
    const char *start = skip_blanks(text);
    int rc = *start == '{' ? read_object(s, start, faults, err) : read_text(s, text, faults, err);
    if (rc < 0) schema_close(s);
    return rc;
}

int schema_read(struct schema *s, const char *text, struct error *err) { return schema_read_all(s, text, NULL, err); }

int schema_item_load(const struct schema *s, struct schema_item *item, const struct world *world, struct error *err)
{
    struct error why = {0}, told = {0};
    int rc = item->type->item ? item->type->item(&item->data, item->argument, world, &why) : 0;
    if (rc == 0) return 0;
    if (why.code != ERROR_NOMEM) schema_error(&told, item->column, why.msg);
    return refuse(s, item->column, why.code == ERROR_NOMEM ? &why : &told, NULL, err);
}

int schema_load(struct schema *s, const struct world *world, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < s->count; i++) rc = schema_item_load(s, &s->items[i], world, err);
    return rc;
}

void schema_close(struct schema *s)
{
    for (size_t i = 0; i < s->count; i++) item_close(&s->items[i]);
    mem_free(s->items);
    *s = (struct schema){0};
}

bool schema_range(const struct schema_item *item, size_t *from, size_t *to)
{
    const char *text = item->column;
    const char *dash = strchr(text, '-'), *end = text + strlen(text);
    uint64_t low, high;
    if (!text_u64(text, dash ? dash : end, &low)) return false;
    high = low;
    if (dash && !text_u64(dash + 1, end, &high)) return false;
    *from = (size_t)low, *to = (size_t)high;
    return true;
}

/* How well the item fits: larger is better, 0 not at all. */
static uint64_t item_fits(const struct schema_item *item, const char *name, size_t number)
{
    size_t n = strlen(item->column), from, to;
    if (strcmp(item->column, name) == 0) return UINT64_MAX;
    if (number != SIZE_MAX && schema_range(item, &from, &to) && number >= from && number <= to)
        return UINT64_MAX / 2 - (to - from < UINT32_MAX ? to - from : UINT32_MAX);
    return n > 0 && item->column[n - 1] == '*' && strncmp(item->column, name, n - 1) == 0 ? n : 0;
}

struct schema_item *schema_find(struct schema *s, const char *name, size_t number)
{
    struct schema_item *best = NULL;
    uint64_t best_fit = 0;
    for (size_t i = 0; i < s->count; i++) {
        uint64_t fit = item_fits(&s->items[i], name, number);
        s->items[i].used |= fit > 0;
        if (fit > 0 && fit >= best_fit) best_fit = fit, best = &s->items[i]; /* of equal ones the last holds */
    }
    return best;
}

bool schema_is_name(const struct schema_item *item)
{
    size_t n = strlen(item->column);
    return n == 0 || item->column[n - 1] != '*';
}

bool schema_is_one(const struct schema_item *item, const char *name)
{
    size_t from, to;
    return strcmp(item->column, name) == 0 || (schema_range(item, &from, &to) && from == to);
}

#include "engine/data/format/same_keys.h"

#include <stdio.h>
#include <string.h>

#include "engine/data/format/columns.h"

static bool is_table(const struct kind *format) { return ((const struct format *)format)->files == columns_files; }

static int item_differs(const char *column, const char *then, const char *now, struct error *err)
{
    return error_set(err, ERROR_INVALID, "/dataset/schema",
                     "column %.60s was read as %s and would now be read as %s, which gives its features other keys", column, then, now);
}

static struct schema_item *item_of(struct schema *schema, const char *column)
{
    for (size_t i = 0; i < schema->count; i++)
        if (strcmp(schema->items[i].column, column) == 0) return &schema->items[i];
    return NULL;
}

/* A file's words may have changed; what they are called has not. */
static bool item_same(const struct schema_item *a, const struct schema_item *b)
{
    return a->type == b->type && a->missing == b->missing && strcmp(a->constant, b->constant) == 0 &&
           (a->type->names_file || strcmp(a->argument, b->argument) == 0);
}

static const char *item_text(const struct schema_item *item, char *buf, size_t size)
{
    const char *said = *item->argument ? item->argument : "";
    snprintf(buf, size, "%s%s%.40s%s%s", item->type->name, *said ? "(" : "", said, *said ? ")" : "", item->missing ? " with another missing" : "");
    return buf;
}

/* Does the item say of a column what holds where no item does? */
static bool item_implied(const struct schema_item *item, const struct key_maker *others)
{
    const struct columns_params *p = others->params;
    return item->type == column_type_find(columns_types[p->columns]) && item->missing == MISSING_OWN && !*item->argument;
}

/* Items of one schema against what the other says of that column, where the other side's rows have it, or where the item means several. */
static int schema_covers(struct schema *one, struct schema *other, const struct key_maker *others, bool one_is_then, struct error *err)
{
    char mine[80], theirs[80];
    for (size_t i = 0; i < one->count; i++) {
        struct schema_item *a = &one->items[i], *b = item_of(other, a->column);
        const bool named = schema_is_name(a);
        if (!b && named) b = schema_find(other, a->column, SIZE_MAX);
        if (b && item_same(a, b)) continue;
        if (named && !others->has(others->context, a->column)) continue;
        if (!b && named && item_implied(a, others)) continue;
        item_text(a, mine, sizeof mine);
        if (b) item_text(b, theirs, sizeof theirs);
        else snprintf(theirs, sizeof theirs, "the type of dataset.columns");
        return one_is_then ? item_differs(a->column, mine, theirs, err) : item_differs(a->column, theirs, mine, err);
    }
    return 0;
}

static int schemas_agree(const struct key_maker *then, const struct key_maker *now, struct error *err)
{
    struct schema a = {0}, b = {0};
    int rc = schema_read(&a, ((const struct columns_params *)then->params)->schema, err);
    if (rc == 0) rc = schema_read(&b, ((const struct columns_params *)now->params)->schema, err);
    if (rc == 0) rc = schema_covers(&a, &b, now, true, err);
    if (rc == 0) rc = schema_covers(&b, &a, then, false, err);
    schema_close(&a);
    schema_close(&b);
    return rc;
}

/* Options of the same name, but for those that are compared otherwise or bear on no key. */
static int options_agree(const struct key_maker *then, const struct key_maker *now, struct error *err)
{
    static const char *const passed[] = {"label", "positive", "negative", "schema", "delimiter", "quotes", "unknown", NULL};
    json_t *a = json_object(), *b = json_object(), *value;
    const char *key;
    int rc = a && b ? options_write(then->format->options, then->params, a, false, err) : -ERROR_NOMEM;
    if (rc == 0) rc = options_write(now->format->options, now->params, b, false, err);
    if (rc == 0)
        json_object_foreach (a, key, value) {
            char pointer[JSON_POINTER_SIZE], was[80], is[80];
            const json_t *other = json_object_get(b, key);
            bool bears = other != NULL;
            for (size_t i = 0; passed[i]; i++) bears &= strcmp(passed[i], key) != 0;
            if (!bears || json_equal(value, other)) continue;
            json_pointer_add(pointer, "/dataset", key);
            rc = error_set(err, ERROR_INVALID, pointer, "dataset.%s was %s and is %s now, which gives features other keys", key,
                           json_brief(was, sizeof was, value), json_brief(is, sizeof is, other));
            break;
        }
    json_decref(a);
    json_decref(b);
    return rc;
}

int keys_agree(const struct key_maker *then, const struct key_maker *now, struct error *err)
{
    bool tables = is_table(then->format) && is_table(now->format);
    if (then->format != now->format && !tables)
        return error_set(err, ERROR_INVALID, "/dataset/format", "dataset.format was %s and is %s now: each makes keys of its own", then->format->name,
                         now->format->name);
    if (!then->params || !now->params) return 0;
    int rc = options_agree(then, now, err);
    return rc < 0 || !tables ? rc : schemas_agree(then, now, err);
}

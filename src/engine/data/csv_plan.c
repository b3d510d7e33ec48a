/* What each CSV column is. The schema text is "COLUMN:TYPE, COLUMN:TYPE, ...", where COLUMN is a name, the start of names (C*), a number
 * counted from 0, or a range of numbers (0-5); columns that it does not name have the type of option `columns`. */
#include "engine/data/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/feature.h"
#include "engine/data/text.h"

const char *const csv_types[] = {"categorical", "numeric", "log", "ignore", NULL};

static bool number_range(const char *text, size_t *from, size_t *to)
{
    const char *dash = strchr(text, '-'), *end = text + strlen(text);
    uint64_t low, high;
    if (!text_u64(text, dash ? dash : end, &low)) return false;
    high = low;
    if (dash && !text_u64(dash + 1, end, &high)) return false;
    *from = (size_t)low, *to = (size_t)high;
    return true;
}

/* Does the schema's COLUMN mean column number i? A header's name goes before a number. */
static bool column_matches(const struct csv *csv, size_t i, const char *text)
{
    size_t n = strlen(text), from, to;
    if (strcmp(csv->columns[i].name, text) == 0) return true;
    if (n > 0 && text[n - 1] == '*' && strncmp(csv->columns[i].name, text, n - 1) == 0) return true;
    return number_range(text, &from, &to) && i >= from && i <= to;
}

static const char *columns_shown(const struct csv *csv, char *buf, size_t size)
{
    size_t at = 0;
    buf[0] = 0;
    for (size_t i = 0; i < csv->count && at + 48 < size; i++) {
        char name[40];
        str_shown(name, sizeof name, csv->columns[i].name, strlen(csv->columns[i].name), 30);
        at += (size_t)snprintf(buf + at, size - at, "%s%s", i ? ", " : "", name);
    }
    return buf;
}

static char *trimmed(char *text)
{
    size_t n;
    while (*text == ' ' || *text == '\n' || *text == '\t') text++;
    for (n = strlen(text); n > 0 && (text[n - 1] == ' ' || text[n - 1] == '\n' || text[n - 1] == '\t');) text[--n] = 0;
    return text;
}

/* One "COLUMN:TYPE" of the schema. */
static int plan_item(struct csv *csv, char *item, struct error *err)
{
    char names[400], choices[200];
    char *colon = strrchr(item, ':');
    if (!colon) return error_set(err, ERROR_DATA, "/dataset/schema", "\"%s\" has no type; write it as COLUMN:TYPE", item);
    *colon = 0;
    const char *column = trimmed(item), *type = trimmed(colon + 1);
    int found = -1;
    for (int t = 0; csv_types[t]; t++)
        if (strcmp(csv_types[t], type) == 0) found = t;
    if (found < 0)
        return error_set(err, ERROR_DATA, "/dataset/schema", "column %s: no type \"%s\"; %s", column, type,
                         str_choices(choices, sizeof choices, type, csv_types));
    bool any = false;
    for (size_t i = 0; i < csv->count; i++)
        if (column_matches(csv, i, column)) csv->columns[i].type = (enum csv_type)found, any = true;
    if (any) return 0;
    return error_set(err, ERROR_DATA, "/dataset/schema", "no column \"%s\"; the columns are %s", column, columns_shown(csv, names, sizeof names));
}

static int plan_schema(struct csv *csv, struct error *err)
{
    char schema[OPTION_TEXT_SIZE], *rest = schema;
    str_copy(schema, sizeof schema, csv->params.schema);
    for (char *item; (item = strsep(&rest, ","));) {
        item = trimmed(item);
        int rc = *item ? plan_item(csv, item, err) : 0;
        if (rc < 0) return rc;
    }
    return 0;
}

/* The column that `wish` means; count: none. A header's name goes before a number, so that a header may call its columns 3, 2, 1. */
static size_t column_find(const struct csv *csv, const char *wish)
{
    size_t number, same;
    for (size_t i = 0; i < csv->count; i++)
        if (strcmp(csv->columns[i].name, wish) == 0) return i;
    return number_range(wish, &number, &same) && number == same && number < csv->count ? number : csv->count;
}

static int plan_label(struct csv *csv, struct error *err)
{
    const char *wish = csv->params.label;
    char names[400];
    csv->label = column_find(csv, *wish ? wish : "label");
    if (csv->label == csv->count && !*wish && !csv->no_labels) csv->label = 0;
    if (csv->label < csv->count || csv->no_labels) return 0;
    return error_set(err, ERROR_DATA, "/dataset/label", "no column \"%s\"; the columns are %s", wish, columns_shown(csv, names, sizeof names));
}

static int plan_roles(struct csv *csv, struct error *err)
{
    char names[400];
    for (int r = 0; r < ROLES; r++) {
        const char *wish = csv->role_name[r];
        csv->role[r] = *wish ? column_find(csv, wish) : csv->count;
        if (*wish && csv->role[r] == csv->count)
            return error_set(err, ERROR_DATA, roles[r].pointer, "no column \"%s\"; the columns are %s", wish,
                             columns_shown(csv, names, sizeof names));
        if (!*wish) continue;
        if (csv->role[r] == csv->label) return error_set(err, ERROR_DATA, roles[r].pointer, "column \"%s\" is the label", wish);
        csv->columns[csv->role[r]].type = CSV_PART;
        csv->with |= roles[r].part;
    }
    return 0;
}

static int name_compare(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Two columns of one name would share their features. */
static int plan_check_names(const struct csv *csv, struct error *err)
{
    char shown[80];
    char **names = mem_array(csv->count, 1, sizeof *names, err);
    int rc = names ? 0 : -ERROR_NOMEM;
    for (size_t i = 0; i < csv->count && rc == 0; i++) names[i] = csv->columns[i].name;
    if (rc == 0) qsort(names, csv->count, sizeof *names, name_compare);
    for (size_t i = 1; i < csv->count && rc == 0; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            rc = error_set(err, ERROR_DATA, "/dataset/uri", "two columns are called \"%s\"; rename one, or set header to false if this is no header",
                           str_shown(shown, sizeof shown, names[i], strlen(names[i]), 30));
    mem_free(names);
    return rc;
}

int csv_plan(struct csv *csv, const struct csv_field *names, size_t count, struct error *err)
{
    int rc = 0;
    if (!(csv->columns = mem_array(count, 1, sizeof *csv->columns, err))) return -ERROR_NOMEM;
    csv->count = count;
    for (size_t i = 0; i < count; i++) {
        struct csv_column *c = &csv->columns[i];
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        size_t size = csv->params.header ? names[i].size : strlen(number);
        if (!(c->name = mem_zero(size + 1, err))) return -ERROR_NOMEM;
        memcpy(c->name, csv->params.header ? names[i].text : number, size);
        c->type = (enum csv_type)csv->params.columns;
    }
    if ((rc = plan_check_names(csv, err)) < 0) return rc;
    if ((rc = plan_schema(csv, err)) < 0) return rc;
    if ((rc = plan_label(csv, err)) < 0) return rc;
    if (csv->label < count) csv->columns[csv->label].type = CSV_PART;
    if ((rc = plan_roles(csv, err)) < 0) return rc;
    size_t features = 0;
    for (size_t i = 0; i < count; i++) {
        struct csv_column *c = &csv->columns[i];
        c->seed = feature_seed(c->name, csv->hash_seed);
        c->missing_key = feature_key("", 0, c->seed);
        c->value_key = feature_key("#", 1, c->seed);
        csv->with |= c->type == CSV_NUMERIC ? ROWS_VALUES : 0;
        features += c->type != CSV_PART && c->type != CSV_IGNORE;
    }
    if (!(csv->layout = mem_array(features + 1, 1, sizeof *csv->layout, err))) return -ERROR_NOMEM;
    for (size_t i = 0; i < features; i++) csv->layout[i] = (uint16_t)i;
    csv->layout_size = features;
    if (features == 0) return error_set(err, ERROR_DATA, "/dataset/schema", "no column is left to learn from (%zu with the label)", count);
    return 0;
}

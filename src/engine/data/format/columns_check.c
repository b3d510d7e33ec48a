/* What is wrong with the options of a table before a byte of it is read: the schema's items one by one and beside each other, and beside the label
 * and the roles. What takes the names or the number of the columns is columns_plan()'s. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/columns.h"
#include "engine/data/format/crosses.h"

static const char *shown(char out[80], const char *text) { return str_shown(out, 80, text, strlen(text), 40); }

static void check_roles(const char *label, const struct format_context *context, struct faults *faults)
{
    for (int r = 0; r < ROLES; r++)
        if (strcmp(role_column(context, (enum role)r), label) == 0) faults_add(faults, roles[r].pointer, COLUMN_IS_LABEL, label);
}

/* A constant is read as a cell would be. */
static int check_constant(const struct schema *schema, const struct schema_item *item, const struct square_log *log, struct faults *faults,
                          struct error *err)
{
    const struct column_type *type = item->type;
    struct column column = {.type = type, .item = item, .data = &item->data, .log = log};
    char pointer[JSON_POINTER_SIZE], name[80], text[80];
    uint32_t key;
    float value;
    if (item->missing != MISSING_CONSTANT || !type->feature || type->names_file) return 0;
    int rc = type->column ? type->column(&column, err) : 0;
    const char *why = rc == 0 ? type->make(&column, item->constant, strlen(item->constant), &key, &value) : NULL;
    if (why)
        faults_add(faults, schema_pointer(schema, item->column, pointer), CONSTANT_IS_WRONG, shown(name, item->column), shown(text, item->constant),
                   why, type->name);
    mem_free(column.keys);
    return rc;
}

/* What of a row a column of that name is, so that it is no feature: "the label", or NULL. */
static const char *part_of(const char *column, const char *label, const struct format_context *context, char out[80])
{
    const struct role_row *role = role_of(context, column);
    if (strcmp(column, label) == 0) return "the label";
    if (role) snprintf(out, 80, "the %s of a row (dataset.%s)", role->name, role->name);
    return role ? out : NULL;
}

static int check_item(const struct schema *schema, struct schema_item *item, const char *label, const struct format_context *context,
                      const struct square_log *log, struct faults *faults, struct error *err)
{
    struct error why = {0};
    char pointer[JSON_POINTER_SIZE], name[80], buf[80];
    const char *part = item->type->feature ? part_of(item->column, label, context, buf) : NULL;
    size_t from, to;
    schema_pointer(schema, item->column, pointer);
    if (part) faults_add(faults, pointer, COLUMN_PLAYS, shown(name, item->column), part);
    if (schema_range(item, &from, &to) && from > to)
        faults_add(faults, pointer, "column %s: a range goes from the lower number to the higher one", shown(name, item->column));
    int rc = item->type->names_file ? 0 : schema_item_load(schema, item, NULL, &why);
    if (rc == 0) rc = check_constant(schema, item, log, faults, err);
    item_data_close(&item->data);
    if (why.code == ERROR_NONE) return rc;
    if (why.code == ERROR_NOMEM) return error_set(err, ERROR_NOMEM, NULL, "%s", why.msg);
    faults_add(faults, why.field, "%s", why.msg);
    return 0;
}

struct ranked {
    const struct schema_item *item;
};

/* Ranges by their width, then by where they begin, behind the names. */
static int item_compare(const void *a, const void *b)
{
    const struct schema_item *x = ((const struct ranked *)a)->item, *y = ((const struct ranked *)b)->item;
    size_t x_from, x_to, y_from, y_to;
    bool x_range = schema_range(x, &x_from, &x_to), y_range = schema_range(y, &y_from, &y_to);
    if (!x_range && !y_range) return strcmp(x->column, y->column);
    if (x_range != y_range) return x_range ? 1 : -1;
    if (x_to - x_from != y_to - y_from) return x_to - x_from < y_to - y_from ? -1 : 1;
    return (x_from > y_from) - (x_from < y_from);
}

/* Of two items that are as specific neither holds: the same column twice, or ranges of one width that meet. */
static int check_twice(const struct schema *schema, struct faults *faults, struct error *err)
{
    char pointer[JSON_POINTER_SIZE], one[80], other[80];
    struct ranked *sorted = mem_array(schema->count + 1, 1, sizeof *sorted, err);
    if (!sorted) return -ERROR_NOMEM;
    for (size_t i = 0; i < schema->count; i++) sorted[i].item = &schema->items[i];
    qsort(sorted, schema->count, sizeof *sorted, item_compare);
    for (size_t i = 1; i < schema->count; i++) {
        const struct schema_item *a = sorted[i - 1].item, *b = sorted[i].item;
        size_t a_from, a_to, b_from, b_to;
        schema_pointer(schema, b->column, pointer);
        if (strcmp(a->column, b->column) == 0)
            faults_add(faults, pointer, "column %s stands twice, as %s and as %s; leave one out", shown(one, b->column), (a < b ? a : b)->type->name,
                       (a < b ? b : a)->type->name);
        else if (schema_range(a, &a_from, &a_to) && schema_range(b, &b_from, &b_to) && a_to - a_from == b_to - b_from && b_from <= a_to)
            faults_add(faults, pointer, "columns %s and %s are as many and both mean column %zu; make one of them narrower", shown(one, a->column),
                       shown(other, b->column), b_from);
    }
    mem_free(sorted);
    return 0;
}

int columns_check(const void *params, const struct format_context *context, struct faults *faults, struct error *err)
{
    const struct columns_params *p = params;
    const char *label = *p->label ? p->label : "label";
    struct schema schema;
    struct square_log log;
    if (!label_bits(&context->labels) && (*p->positive || *p->negative))
        faults_add(faults, *p->positive ? "/dataset/positive" : "/dataset/negative", LABEL_WORDS_UNWANTED);
    check_roles(label, context, faults);
    square_log_init(&log);
    int rc = schema_read_all(&schema, p->schema, faults, err);
    if (rc < 0) return rc;
    for (size_t i = 0; rc == 0 && i < schema.count; i++) rc = check_item(&schema, &schema.items[i], label, context, &log, faults, err);
    if (rc == 0) rc = check_twice(&schema, faults, err);
    schema_close(&schema);
    return rc;
}

const char *columns_no_field(const struct schema *schema, const char *label, const struct format_context *context, const char *name, bool member,
                             char out[160])
{
    char buf[80];
    const char *part = part_of(name, *label ? label : "label", context, buf);
    out[0] = 0;
    if (part) snprintf(out, 160, "is %s, so it is no feature", part);
    for (size_t i = 0; !part && i < schema->count; i++) {
        const struct schema_item *item = &schema->items[i];
        if (strcmp(item->column, name) != 0) continue;
        if (!item->type->feature) snprintf(out, 160, "is a column of type %s in dataset.schema, so it is no feature", item->type->name);
        else if (member && item->type->fit != FIT_NONE) snprintf(out, 160, "%s", FITTED_IS_NO_MEMBER);
        else if (!member && item->type->values && item->type->fit != FIT_QUANTILE) snprintf(out, 160, "%s", NUMBER_IS_NO_SLICE);
    }
    return *out ? out : NULL;
}

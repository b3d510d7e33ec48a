#include "engine/data/format/csv.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void csv_release(void *state)
{
    struct csv *csv = state;
    if (!csv) return;
    columns_close(&csv->table);
    mem_free(csv);
}

/* The delimiter, or 0 where it is none. */
static char delimiter_of(const char *text)
{
    char d = strcmp(text, "tab") == 0 || strcmp(text, "\\t") == 0 ? '\t' : *text;
    return (d == *text && strlen(text) != 1) || strchr("\"\r\n", d) ? 0 : d;
}

#define NO_DELIMITER "must be one byte other than a quote or a newline, or the word tab; got \"%s\""

int csv_options_check(const void *params, const struct format_context *context, struct faults *faults, struct error *err)
{
    const struct csv_params *p = params;
    if (!delimiter_of(p->delimiter)) faults_add(faults, "/dataset/delimiter", NO_DELIMITER, p->delimiter);
    return columns_check(params, context, faults, err);
}

void *csv_prepare(const void *params, const struct format_context *context, struct error *err)
{
    const struct csv_params *p = params;
    struct csv *csv = mem_zero(sizeof *csv, err);
    if (!csv) return NULL;
    csv->header = p->header, csv->no_quotes = !p->quotes;
    csv->delimiter = delimiter_of(p->delimiter);
    int rc = csv->delimiter ? 0 : error_set(err, ERROR_DATA, "/dataset/delimiter", NO_DELIMITER, p->delimiter);
    if (rc == 0) rc = columns_open(&csv->table, &p->table, context, err);
    csv->table.plain_cells = true; /* the chunk's slack and csv_records() see to it */
    if (rc == 0) return csv;
    csv_release(csv);
    return NULL;
}

/* Later files must have the columns of the first one. */
static int csv_header_check(const struct csv *csv, const struct cell *names, size_t count, struct error *err)
{
    char shown[80];
    if (count != csv->count)
        return error_set(err, ERROR_DATA, "/dataset/uri", "%zu column%s, the first file has %zu", count, str_s(count), csv->count);
    for (size_t i = 0; i < count && csv->header; i++)
        if (strlen(csv->table.columns[i].name) != names[i].size || memcmp(csv->table.columns[i].name, names[i].text, names[i].size) != 0)
            return error_set(err, ERROR_DATA, "/dataset/uri",
                             "column %zu is called \"%s\", in the first file \"%.40s\"; all files need the same header", i + 1,
                             str_shown(shown, sizeof shown, names[i].text, names[i].size, 30), csv->table.columns[i].name);
    return 0;
}

static int csv_plan(struct csv *csv, const struct cell *names, size_t count, struct error *err)
{
    csv->count = count;
    return columns_plan(&csv->table, names, count, csv->header ? NAMES_GIVEN : NAMES_NUMBERED, err);
}

int csv_header(void *state, const char *text, size_t size, size_t *used, struct error *err)
{
    struct csv *csv = state;
    const char *p = text, *end = text + size, *why, *where;
    size_t column;
    char shown[80];
    int rc = 0;
    if (end > p && end[-1] == '\n') end--;
    if (end > p && end[-1] == '\r') end--;
    *used = csv->header ? size : 0;
    if (memchr(p, 0, (size_t)(end - p))) return error_set(err, ERROR_DATA, "/dataset/uri", "a NUL byte in the first line; is this a text file?");
    struct cell *fields = mem_array(COLUMNS_MAX, 1, sizeof *fields, err);
    char *scratch = mem_zero((size_t)(end - p) + 1, err);
    if (!fields || !scratch) rc = -ERROR_NOMEM;
    size_t count = rc == 0 ? csv_fields(csv->delimiter, !csv->no_quotes, p, end, fields, COLUMNS_MAX, scratch, &why, &column, &where) : 0;
    if (count > COLUMNS_MAX) rc = error_set(err, ERROR_DATA, "/dataset/uri", "more than %d columns", COLUMNS_MAX);
    else if (rc == 0 && count == 0)
        rc = error_set(err, ERROR_DATA, "/dataset/uri", "column %zu: \"%s\" %s", column,
                       str_shown(shown, sizeof shown, where, (size_t)(end - where), 30), why);
    else if (rc == 0) rc = csv->table.planned ? csv_header_check(csv, fields, count, err) : csv_plan(csv, fields, count, err);
    mem_free(fields);
    mem_free(scratch);
    return rc;
}

static int csv_row(void *context, const struct cell *fields, struct parsed *out, struct error *err)
{
    const struct csv *csv = context;
    return columns_row(&csv->table, fields, out, err);
}

int csv_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    const struct csv *csv = state;
    columns_begin(&csv->table, &out->rows);
    return csv_records(csv, chunk, out, csv_row, (void *)state, err);
}

const char *csv_field_name(const void *state, size_t field) { return columns_field_name(&((const struct csv *)state)->table, field); }

bool csv_value_name(const void *state, size_t field, const char *text, size_t size, char *name, size_t room)
{
    return columns_value_name(&((const struct csv *)state)->table, field, text, size, name, room);
}

struct field_kind csv_field_kind(const void *state, size_t field) { return columns_field_kind(&((const struct csv *)state)->table, field); }

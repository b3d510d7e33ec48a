/* CSV by RFC 4180: a header, or columns by number; any one-byte delimiter; quotes, doubled quotes and newlines inside quotes.
 *
 * Every column but the label and the ignored ones gives a row one feature: `categorical` the text of the cell; `numeric` one feature of
 * the column whose value is the number; `log` the class floor(ln(v)^2), as the criteo format has it. An empty cell is a value of its own
 * in all of them. The field in the key is the column's name, so columns may move between files of different jobs. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/csv.h"
#include "engine/data/feature.h"
#include "engine/data/formats.h"
#include "engine/data/square_log.h"
#include "engine/data/text.h"

static const struct option csv_options[] = {
    {"label", OPT_TEXT, offsetof(struct csv_params, label), 0, 0, 0,
     "column with the label: its name, or its number counted from 0; empty: the one called label, else the first", NULL, 0, ""},
    {"positive", OPT_TEXT, offsetof(struct csv_params, positive), 0, 0, 0, "label text that means 1; empty: labels are 0 and 1 (or -1 and 1)", NULL,
     0, ""},
    {"negative", OPT_TEXT, offsetof(struct csv_params, negative), 0, 0, 0, "label text that means 0; empty: every text but positive", NULL, 0, ""},
    {"schema", OPT_TEXT, offsetof(struct csv_params, schema), 0, 0, 0,
     "types of columns, like \"age:numeric, C*:categorical, 0-3:ignore\"; types: categorical, numeric, log (class floor(ln(v)^2)), ignore", NULL, 0,
     ""},
    {"columns", OPT_NAME, offsetof(struct csv_params, columns), 0, 0, 0, "type of the columns that schema does not name", csv_types, 0, NULL},
    {"delimiter", OPT_TEXT, offsetof(struct csv_params, delimiter), 0, 0, 0, "one byte between columns, or the word tab", NULL, 0, ","},
    {"header", OPT_BOOL, offsetof(struct csv_params, header), 1, 0, 0, "the first line of each file holds the names of the columns", NULL, 0, NULL},
    {0},
};

static void csv_release(void *state)
{
    struct csv *csv = state;
    if (!csv) return;
    for (size_t i = 0; i < csv->count; i++) mem_free(csv->columns[i].name);
    mem_free(csv->columns);
    mem_free(csv->layout);
    mem_free(csv);
}

static void *csv_prepare(const void *params, const struct format_context *context, struct error *err)
{
    struct csv *csv = mem_zero(sizeof *csv, err);
    if (!csv) return NULL;
    csv->params = *(const struct csv_params *)params;
    csv->hash_seed = context->hash_seed;
    csv->no_labels = context->no_labels;
    for (int r = 0; r < ROLES; r++) csv->role_name[r] = role_column(context, (enum role)r);
    const char *d = csv->params.delimiter;
    csv->delimiter = strcmp(d, "tab") == 0 || strcmp(d, "\\t") == 0 ? '\t' : *d;
    if ((csv->delimiter == *d && strlen(d) != 1) || strchr("\"\r\n", csv->delimiter)) {
        error_set(err, ERROR_DATA, "/dataset/delimiter", "must be one byte other than a quote or a newline, or the word tab; got \"%s\"", d);
        csv_release(csv);
        return NULL;
    }
    return csv;
}

/* Later files must have the columns of the first one. */
static int csv_header_check(const struct csv *csv, const struct csv_field *names, size_t count, struct error *err)
{
    char shown[80];
    if (count != csv->count) return error_set(err, ERROR_DATA, "/dataset/uri", "%zu columns, the first file has %zu", count, csv->count);
    for (size_t i = 0; i < count && csv->params.header; i++)
        if (strlen(csv->columns[i].name) != names[i].size || memcmp(csv->columns[i].name, names[i].text, names[i].size) != 0)
            return error_set(err, ERROR_DATA, "/dataset/uri",
                             "column %zu is called \"%s\", in the first file \"%.40s\"; all files need the same header", i + 1,
                             str_shown(shown, sizeof shown, names[i].text, names[i].size, 30), csv->columns[i].name);
    return 0;
}

static int csv_header(void *state, const char *text, size_t size, size_t *used, struct error *err)
{
    struct csv *csv = state;
    const char *p = text, *end = text + size, *why, *where;
    size_t column;
    char shown[80];
    int rc = 0;
    if (end > p && end[-1] == '\n') end--;
    if (end > p && end[-1] == '\r') end--;
    *used = csv->params.header ? size : 0;
    if (memchr(p, 0, (size_t)(end - p))) return error_set(err, ERROR_DATA, "/dataset/uri", "a NUL byte in the first line; is this a text file?");
    struct csv_field *fields = mem_array(CSV_COLUMNS_MAX, 1, sizeof *fields, err);
    char *scratch = mem_zero((size_t)(end - p) + 1, err);
    if (!fields || !scratch) rc = -ERROR_NOMEM;
    size_t count = rc == 0 ? csv_fields(csv->delimiter, p, end, fields, CSV_COLUMNS_MAX, scratch, &why, &column, &where) : 0;
    if (count > CSV_COLUMNS_MAX) rc = error_set(err, ERROR_DATA, "/dataset/uri", "more than %d columns", CSV_COLUMNS_MAX);
    else if (rc == 0 && count == 0)
        rc = error_set(err, ERROR_DATA, "/dataset/uri", "column %zu: \"%s\" %s", column,
                       str_shown(shown, sizeof shown, where, (size_t)(end - where), 30), why);
    else if (rc == 0) rc = csv->columns ? csv_header_check(csv, fields, count, err) : csv_plan(csv, fields, count, err);
    mem_free(fields);
    mem_free(scratch);
    return rc;
}

static struct csv_field trim(struct csv_field f)
{
    while (f.size > 0 && (*f.text == ' ' || *f.text == '\t')) f.text++, f.size--;
    while (f.size > 0 && (f.text[f.size - 1] == ' ' || f.text[f.size - 1] == '\t')) f.size--;
    return f;
}

static int csv_label(const struct csv *csv, struct csv_field f)
{
    const char *positive = csv->params.positive, *negative = csv->params.negative;
    f = trim(f);
    if (!*positive && !*negative) return text_label(f.text, f.text + f.size);
    if (*positive && f.size == strlen(positive) && memcmp(f.text, positive, f.size) == 0) return 1;
    if (*negative && f.size == strlen(negative) && memcmp(f.text, negative, f.size) == 0) return 0;
    return *positive && *negative ? -1 : *positive ? 0 : 1;
}

/* The class of a number as text, hashed: "SP" + v up to 2, floor(ln(v)^2) above, of the number rounded down. */
static uint32_t log_key(const struct csv_column *c, double value)
{
    char text[32];
    double whole = floor(value);
    int n;
    if (whole > 2) n = snprintf(text, sizeof text, "%u", square_log_exact(whole < 0x1p63 ? (uint64_t)whole : (uint64_t)1 << 63));
    else n = snprintf(text, sizeof text, "SP%" PRId64, whole > -0x1p53 ? (int64_t)whole : -((int64_t)1 << 53));
    return hash64(text, (size_t)n, c->seed) >> 32;
}

/* One cell as a feature; why it is none, or NULL. */
static const char *csv_cell(const struct csv_column *c, struct csv_field f, uint32_t *key, float *value)
{
    double real;
    *value = 1;
    if (c->type == CSV_CATEGORICAL) {
        *key = f.size ? feature_key(f.text, f.size, c->seed) : c->missing_key;
        return NULL;
    }
    f = trim(f);
    *key = c->missing_key;
    if (f.size == 0) return NULL;
    if (!text_real(f.text, f.text + f.size, &real)) return "is not a number; the schema says that this column holds numbers";
    if (!isfinite((float)real)) return "is beyond the range of a 32-bit float";
    *key = c->type == CSV_LOG ? log_key(c, real) : c->value_key;
    if (c->type == CSV_NUMERIC) *value = (float)real;
    return NULL;
}

static int csv_row(void *context, const struct csv_field *fields, struct parsed *out, struct error *err)
{
    const struct csv *csv = context;
    struct rows *rows = &out->rows;
    size_t features = 0;
    float value;
    int label = csv->no_labels ? 0 : csv_label(csv, fields[csv->label]), rc = rows_reserve(rows, 1, csv->count, err);
    if (rc < 0) return rc;
    if (label < 0) {
        bad_field(&out->bad, out->lines, csv->label + 1, fields[csv->label].text, fields[csv->label].size,
                  *csv->params.positive || *csv->params.negative ? "is neither the positive nor the negative label"
                                                                 : "is not a label; it must be 0 or 1 (or -1 and 1)");
        return 0;
    }
    for (int r = 0; r < ROLES; r++) {
        size_t i = csv->role[r];
        const char *why = i < csv->count ? roles[r].take(fields[i].text, fields[i].text + fields[i].size, rows, rows->count) : NULL;
        if (why) {
            bad_field(&out->bad, out->lines, i + 1, fields[i].text, fields[i].size, why);
            return 0;
        }
    }
    for (size_t i = 0; i < csv->count; i++) {
        const struct csv_column *c = &csv->columns[i];
        if (c->type == CSV_PART || c->type == CSV_IGNORE) continue;
        size_t at = rows->features + features++;
        const char *why = csv_cell(c, fields[i], rows->keys + at, &value);
        if (why) {
            bad_field(&out->bad, out->lines, i + 1, fields[i].text, fields[i].size, why);
            return 0;
        }
        if (csv->with & ROWS_VALUES) rows->values[at] = value;
        if (out->notes && (rc = note_feature(out->notes, at, fields[i].text, fields[i].size, fields[i].size == 0, err)) < 0) return rc;
    }
    rows_end_row(rows, features, (uint8_t)label);
    return 0;
}

static int csv_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err)
{
    const struct csv *csv = state;
    rows_clear(&out->rows, csv->with);
    out->rows.layout = csv->layout;
    out->rows.layout_size = csv->layout_size;
    return csv_records(csv, chunk, out, csv_row, (void *)state, err);
}

static const char *csv_field_name(const void *state, size_t field)
{
    const struct csv *csv = state;
    for (size_t i = 0; i < csv->count; i++)
        if (csv->columns[i].type != CSV_PART && csv->columns[i].type != CSV_IGNORE && field-- == 0) return csv->columns[i].name;
    return NULL;
}

static int csv_explain(const void *state, const struct chunk *chunk, const struct explainer *tell, struct error *err)
{
    return explain_rows(&format_csv, state, chunk, tell, err);
}

const struct format format_csv = {
    .kind = {"csv", "comma- or otherwise separated columns with a header or a declared schema", "RFC 4180", sizeof(struct csv_params), csv_options},
    .prepare = csv_prepare,
    .field_name = csv_field_name,
    .release = csv_release,
    .header = csv_header,
    .record_end = csv_record_end,
    .whole = csv_whole,
    .parse = csv_parse,
    .explain = csv_explain};

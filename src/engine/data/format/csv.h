/* Inside the data room: CSV and its kin. csv_text.c cuts records and fields (RFC 4180), csv_scan.inc.c does it fast, csv.c reads headers and hands
 * the cells to the table, which makes rows. A format of this family is a row with its own defaults (format_csv.c, format_tsv.c). */
#ifndef TRAINYARD_ENGINE_DATA_CSV_H
#define TRAINYARD_ENGINE_DATA_CSV_H

#include "base/kind.h"
#include "engine/data/format/format.h"
#include "engine/data/format/columns.h"

struct csv_params {
    struct columns_params table; /* first */
    char delimiter[OPTION_TEXT_SIZE];
    bool header, quotes;
};

struct csv {
    struct columns table;
    char delimiter;
    bool header, no_quotes;
    size_t count; /* columns */
};

/* CSV_OPTIONS, CSV_HOOKS: what the formats of this family have in common: their options, with defaults of their own, and what their rows point to. */
#define CSV_OPTIONS(delimiter_default, quotes_default) \
    COLUMNS_OPTIONS, \
        {"delimiter", OPT_TEXT, offsetof(struct csv_params, delimiter), .help = "one byte between columns, or the word tab", \
         .def_text = delimiter_default}, \
        {"header", OPT_BOOL, offsetof(struct csv_params, header), 1, .help = "the first line of each file holds the names of the columns"}, \
    { \
        "quotes", OPT_BOOL, offsetof(struct csv_params, quotes), quotes_default, \
            .help = "a cell may stand in quotes, a quote inside doubled; it may hold delimiters and newlines then" \
    }
#define CSV_HOOKS \
    .files = columns_files, .check = csv_options_check, .prepare = csv_prepare, .release = csv_release, .header = csv_header, \
    .record_end = csv_record_end, .whole = csv_whole, .parse = csv_parse, .field_name = csv_field_name, .field_kind = csv_field_kind, \
    .value_name = csv_value_name

int csv_options_check(const void *params, const struct format_context *context, struct faults *faults, struct error *err);
void *csv_prepare(const void *params, const struct format_context *context, struct error *err);
void csv_release(void *state);
int csv_header(void *state, const char *text, size_t size, size_t *used, struct error *err);
int csv_parse(const void *state, const struct chunk *chunk, struct parsed *out, struct error *err);
const char *csv_field_name(const void *state, size_t field);
struct field_kind csv_field_kind(const void *state, size_t field);
bool csv_value_name(const void *state, size_t field, const char *text, size_t size, char *name, size_t room);

/* csv_record_end: see format.record_end. A quote opens at the start of a field only; one that is not closed within line_bytes_max ends its
 * record at the first newline instead, so one stray quote costs one row. */
const char *csv_record_end(const void *state, const char *p, const char *end, size_t line_bytes_max, bool final);

/* csv_whole: see format.whole. */
size_t csv_whole(const void *state, const char *text, size_t size, size_t line_bytes_max);

/* csv_records: call `record` for each record of the chunk that has csv->count fields; tell out->bad of the others, count out->lines. fields are
 * borrowed for the call; out->marks and out->text are in use. */
typedef int csv_record_fn(void *context, const struct cell *fields, struct parsed *out, struct error *err);
int csv_records(const struct csv *csv, const struct chunk *chunk, struct parsed *out, csv_record_fn *record, void *context, struct error *err);

/* csv_fields: cut the record [p, end), without its newline. quotes: they have a meaning. fields has room for `max` (more are counted, not kept),
 * scratch for end - p bytes. Returns the number of fields, or 0 and *why, *column, *where: what is wrong. */
size_t csv_fields(char delimiter, bool quotes, const char *p, const char *end, struct cell *fields, size_t max, char *scratch, const char **why,
                  size_t *column, const char **where);

/* csv_bad_fields: tell out->bad of a record that ends at `stop`, by what csv_fields() says of it. */
void csv_bad_fields(struct parsed *out, const struct chunk *chunk, size_t column, const char *where, const char *stop, const char *why);

#endif

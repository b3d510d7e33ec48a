/* Inside the data room: CSV. csv_text.c cuts records and fields (RFC 4180), csv_scan.inc.c does it fast, csv_plan.c says what each column is,
 * format_csv.c makes rows. */
#ifndef TRAINYARD_ENGINE_DATA_CSV_H
#define TRAINYARD_ENGINE_DATA_CSV_H

#include "base/kind.h"
#include "engine/data/format.h"
#include "engine/data/roles.h"

enum { CSV_COLUMNS_MAX = 16384 };

enum csv_type { CSV_CATEGORICAL, CSV_NUMERIC, CSV_LOG, CSV_IGNORE, CSV_PART };
extern const char *const csv_types[]; /* "categorical", "numeric", "log", "ignore"; NULL-terminated */

struct csv_params {
    char label[OPTION_TEXT_SIZE], positive[OPTION_TEXT_SIZE], negative[OPTION_TEXT_SIZE];
    char schema[OPTION_TEXT_SIZE], delimiter[OPTION_TEXT_SIZE];
    int columns; /* enum csv_type of what the schema does not name */
    bool header;
};

struct csv_column {
    char *name; /* of the header, or the column's number */
    enum csv_type type;
    uint64_t seed;
    uint32_t missing_key, value_key; /* of an empty cell; of a number */
};

struct csv {
    struct csv_params params;
    uint64_t hash_seed;
    char delimiter;
    struct csv_column *columns; /* NULL until the first header */
    size_t count, label;        /* label = count: there is none */
    size_t role[ROLES];         /* column with it; count: none */
    const char *role_name[ROLES];
    bool no_labels;
    unsigned with;    /* rows_part */
    uint16_t *layout; /* (layout_size): 0, 1, ... of the columns that are features */
    size_t layout_size;
};

struct csv_field { /* [text, text + size), unquoted; points into the record, or into scratch */
    const char *text;
    size_t size;
};

/* csv_record_end: see format.record_end. A quote opens at the start of a field only; one that is not closed within line_bytes_max ends its
 * record at the first newline instead, so one stray quote costs one row. */
const char *csv_record_end(const void *state, const char *p, const char *end, size_t line_bytes_max, bool final);

/* csv_whole: see format.whole. */
size_t csv_whole(const void *state, const char *text, size_t size, size_t line_bytes_max);

/* csv_records: call `record` for each record of the chunk that has csv->count fields; tell out->bad of the others, count out->lines. fields are
 * borrowed for the call; out->marks and out->text are in use. */
typedef int csv_record_fn(void *context, const struct csv_field *fields, struct parsed *out, struct error *err);
int csv_records(const struct csv *csv, const struct chunk *chunk, struct parsed *out, csv_record_fn *record, void *context, struct error *err);

/* csv_fields: cut the record [p, end), without its newline. fields has room for `max` (more are counted, not kept), scratch for end - p
 * bytes. Returns the number of fields, or 0 and *why, *column, *where: what is wrong. */
size_t csv_fields(char delimiter, const char *p, const char *end, struct csv_field *fields, size_t max, char *scratch, const char **why,
                  size_t *column, const char **where);

/* csv_plan: types, seeds and the label's place for columns of these names (numbers when there is no header). Once a state. */
int csv_plan(struct csv *csv, const struct csv_field *names, size_t count, struct error *err);

#endif

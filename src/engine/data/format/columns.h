/* Inside the data room: rows of named columns, whatever the text around them (csv, tsv, jsonl). The format cuts a record into cells; the table knows
 * which column is the label, which have a role, and what features the others give.
 *
 * The field in a key is the column's name, so columns may move between files of different jobs. */
#ifndef TRAINYARD_ENGINE_DATA_COLUMNS_H
#define TRAINYARD_ENGINE_DATA_COLUMNS_H

#include "base/kind.h"
#include "engine/data/format/cell_keys.h"
#include "engine/data/format/column.h"
#include "engine/data/format/label.h"
#include "engine/data/format/roles.h"
#include "engine/data/format/schema.h"

enum { COLUMNS_MAX = 16384 };

struct columns_params { /* the first member of the params of every such format */
    char label[OPTION_TEXT_SIZE], positive[OPTION_TEXT_SIZE], negative[OPTION_TEXT_SIZE];
    char schema[OPTION_MAP_SIZE];
    int columns; /* index in columns_types: of what the schema does not name */
};
extern const char *const columns_types[]; /* those that take no argument; NULL-terminated */

/* COLUMNS_OPTIONS: the rows that such formats have in common. */
#define COLUMNS_OPTIONS \
    {"label", OPT_TEXT, offsetof(struct columns_params, label), \
     .help = "column with the label: its name, or its number counted from 0 (csv, tsv); empty: the one called label, else the first"}, \
        {"positive", OPT_TEXT, offsetof(struct columns_params, positive), \
         .help = "label text that means 1; empty: labels are 0 and 1 (or -1 and 1, or false and true)"}, \
        {"negative", OPT_TEXT, offsetof(struct columns_params, negative), .help = "label text that means 0; empty: every text but positive"}, \
        {"schema", OPT_MAP, offsetof(struct columns_params, schema), \
         .help = \
             "types of columns: \"age:numeric missing=0, C*:categorical, 0-3:ignore\", or an object {\"age\": \"numeric missing=0\", ...}; types: " \
             "categorical, numeric, log (class floor(ln(v)^2)), ignore, multi(separator), buckets(e1;e2;...), quantile(n), normalised, " \
             "vocab(file); " \
             "missing=own, error, skip or a text to read instead"}, \
    { \
        "columns", OPT_NAME, offsetof(struct columns_params, columns), .help = "type of the columns that schema does not name", \
                                                                       .choices = columns_types \
    }

/* What columns_check() says of the options, and columns_plan() once it knows the columns, where only they tell. */
#define LABEL_WORDS_UNWANTED "it is for labels 0 and 1, and the job's loss wants numbers; leave it out"
#define COLUMN_IS_LABEL "column \"%.60s\" is the label"
#define COLUMN_PLAYS "column %s is %s, so it is no feature and has no type; leave it out of the schema"
#define CONSTANT_IS_WRONG "column %s: missing=%s %s, as type %s wants"

struct columns_feed { /* a column that gives features, or is told all the same (ignored_too) */
    const struct column *column;
    size_t cell;
    enum missing missing;
    uint32_t constant_key;
    float constant_value;
    uint16_t field;
    uint32_t texts; /* so many feeds from this one on, one a cell, have a text as value and the own key of a missing one */
};

struct columns {
    struct columns_params params;
    uint64_t hash_seed;
    const struct world *world;
    const char *role_name[ROLES]; /* borrowed from the format's context */
    bool role_read[ROLES];        /* its cells are wanted */
    struct label_rule labels;
    bool no_labels, ignored_too, scoring;
    struct schema schema;
    struct square_log log;
    bool planned, keyed; /* keyed: NAMES_KEYS */
    bool label_taken;    /* no column is called label, and none was named: the first */
    bool plain_cells;    /* set by the format: no cell is a list, and eight bytes behind the start of each can be read */

    struct column *columns;     /* (count) */
    size_t count, label;        /* label = count: there is none */
    size_t role[ROLES];         /* column with it; count: none */
    struct columns_feed *feeds; /* (feed_count) in the order of the columns; field f is feeds[f] */
    uint16_t *layout;           /* (feed_count) */
    size_t feed_count;
    struct cell_keys text_keys; /* (feed_count) */
    cell_keys_fn *text_keys_of;
    unsigned with; /* rows_part; with ROWS_FIELDS rows differ in their features */
};

/* columns_open: read the schema; columns are not known yet. Borrows what context points to until columns_close(). */
int columns_open(struct columns *table, const struct columns_params *params, const struct format_context *context, struct error *err);
void columns_close(struct columns *table); /* safe on a zeroed struct, and twice */

enum columns_names {
    NAMES_GIVEN,    /* the columns have these names, and numbers besides */
    NAMES_NUMBERED, /* they have numbers alone (names are not looked at), counted as if the label were there even when it is not */
    NAMES_KEYS      /* they have these names alone */
};
/* columns_plan: what each of these columns is. Once a table. ERROR_DATA: names option or schema. */
int columns_plan(struct columns *table, const struct cell *names, size_t count, enum columns_names how, struct error *err);

/* cell_absent: the text of a cell of size 0 whose key is not in the record: what is said of it differs from what is said of "". */
extern const char cell_absent[];

/* columns_begin: empty rows of the table's shape. columns_row: cells (count) as one row of `out`, at line out->lines; what is wrong goes to out->bad.
 */
void columns_begin(const struct columns *table, struct rows *rows);
int columns_row(const struct columns *table, const struct cell *cells, struct parsed *out, struct error *err);

const char *columns_field_name(const struct columns *table, size_t field);
struct field_kind columns_field_kind(const struct columns *table, size_t field);
bool columns_value_name(const struct columns *table, size_t field, const char *text, size_t size, char *name, size_t room);

/* columns_check: as format.check, of formats whose params begin with struct columns_params. columns_no_field: why no field of that name can be, from
 * schema, label and roles alone ("is the label, so ..."), or NULL. member: of a cross; else it is to be sliced by. */
int columns_check(const void *params, const struct format_context *context, struct faults *faults, struct error *err);
const char *columns_no_field(const struct schema *schema, const char *label, const struct format_context *context, const char *name, bool member,
                             char out[160]);

/* columns_files: format.files of formats whose params begin with struct columns_params. */
int columns_files(const void *params, format_file_fn *each, void *context, struct error *err);

#endif

/* Inside the data room: what a column of a table (csv, tsv, jsonl) is. One row of column_types[] says how a type turns a cell into a feature; a new
 * type is one row there.
 *
 * A cell is given as text. A type is set up once for the schema's item ("C*:vocab(names.txt)"), then for each column that the item means. */
#ifndef TRAINYARD_ENGINE_DATA_COLUMN_H
#define TRAINYARD_ENGINE_DATA_COLUMN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "engine/data/dataset.h"
#include "engine/data/format/format.h"
#include "engine/data/format/square_log.h"

enum { BUCKET_EDGES_MAX = 4096, QUANTILES_MAX = 1024 };

struct cell { /* [text, text + size), without quotes or escapes */
    const char *text;
    uint32_t size;
    bool list; /* its values one after another, each with a NUL byte behind it; not empty */
};

struct item_data { /* of a schema's item, shared by its columns */
    double *edges; /* (edge_count), ascending */
    size_t edge_count;
    struct vocabulary *vocabulary;
    uint32_t quantiles;
    char separator;
};

struct column {
    char *name;    /* of the header, or the column's number, or the key */
    size_t number; /* counted from 0, as the schema counts */
    const struct column_type *type;
    const struct schema_item *item; /* NULL: the type of option `columns` */
    const struct item_data *data;
    uint64_t seed;
    uint32_t missing_key, value_key; /* of an empty cell; of a number */
    uint32_t *keys;                  /* of a type with few features: all of them */
    const struct square_log *log;
};

struct column_type {
    const char *name, *argument; /* "buckets", "e1;e2;..."; NULL: none */
    const char *means;           /* for help: one line */
    bool feature;                /* else the column gives none, and make is for whoever looks at a log */
    bool text;                   /* the cell's text is the value: make is feature_key() */
    bool trims;                  /* blanks around the cell do not count */
    bool values;                 /* values are other than 1 */
    bool splits;                 /* a cell is a list of values */
    bool names_file;             /* the argument is one */
    enum field_fit fit;          /* the training side's statistics make the feature of the number */
    /* item: the argument's meaning into data; NULL: takes no argument. ERROR_DATA: a message without field and column. */
    int (*item)(struct item_data *data, const char *argument, const struct world *world, struct error *err);
    int (*column)(struct column *column, struct error *err); /* keys; NULL: nothing to do */
    /* feature: of a cell that is not missing, or one value of a list. Why not, or NULL. *value is 1 before. */
    const char *(*make)(const struct column *column, const char *text, size_t size, uint32_t *key, float *value);
    /* name_of: what the feature is called (format.h, value_name); NULL: by its text. */
    bool (*name_of)(const struct column *column, const char *text, size_t size, char *name, size_t room);
};
extern const struct column_type column_types[]; /* ends with a NULL name; the first is the default */

const struct column_type *column_type_find(const char *name);   /* NULL: none */
const char *column_type_names(const char *names[], size_t max); /* fills names, NULL-terminated; returns the first */
void item_data_close(struct item_data *data);

#endif

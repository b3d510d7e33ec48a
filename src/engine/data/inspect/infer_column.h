/* Inside the data room: what each column of a table looks like, from the cells of its first rows, and the schema that follows from it. */
#ifndef TRAINYARD_ENGINE_DATA_INFER_COLUMN_H
#define TRAINYARD_ENGINE_DATA_INFER_COLUMN_H

#include "base/json.h"
#include "engine/data/inspect/cardinality.h"
#include "engine/data/format/format.h"
#include "engine/data/inspect/frequent.h"
#include "engine/data/inspect/infer.h"
#include "engine/data/inspect/inspect.h"

enum { COLUMNS_GUESSED = 1024, SEPARATORS = 4, GUESS_ROWS_MAX = 20000 };

struct column_guess {
    char *first; /* the first row's cell: perhaps a name */
    char *name;  /* as the format calls it */
    uint64_t cells, empty, of_kind[5];
    uint64_t rows, row; /* with a cell; private: 1 + the latest one */
    double min, max, last;
    bool ascending;             /* numbers that never fall */
    uint64_t split[SEPARATORS]; /* cells with that separator inside */
    uint64_t tokens[SEPARATORS];
    struct cardinality distinct, distinct_tokens[SEPARATORS];
    struct frequent frequent;
};

struct table_guess {
    struct column_guess *columns[COLUMNS_GUESSED];
    size_t count;
    uint64_t rows;            /* behind the first one, where that may be a header */
    struct label_rule labels; /* what they are said to be */
    bool header_wanted, beyond_first, first_recurs;
};

/* Both fit struct explainer, with a table_guess as context. */
int table_guess_feature(void *guess, const struct explained *e, struct error *err);
int table_guess_row(void *guess, float label, struct error *err);

/* table_guess_end: adds label, positive, header and schema to options; makes out's candidates, notes and ignored. */
int table_guess_end(struct table_guess *guess, json_t *options, struct inferred *out, struct error *err);
void table_guess_close(struct table_guess *guess);

#endif

/* What is in a log: one pass over its text in flat memory, whatever its length, by the very parser that training uses (explain_rows).
 *
 * Counts (rows, labels, missing cells, bytes) are exact; distinct values are estimates with a stated error (cardinality.h); frequent values have a
 * bound (frequent.h); quantiles are within 0.4 % of the number (magnitudes.h). One worker looks at the rows in their order, so what is told depends
 * on the text alone; reading and unpacking go on aside. Per field 60 KiB, for the first FIELDS_TOLD fields; what later ones hold is counted, not
 * told. */
#ifndef TRAINYARD_ENGINE_DATA_INSPECT_H
#define TRAINYARD_ENGINE_DATA_INSPECT_H

#include "engine/data/inspect/cardinality.h"
#include "engine/data/dataset.h"
#include "engine/data/inspect/frequent.h"
#include "engine/data/inspect/magnitudes.h"

enum { FIELDS_TOLD = 1024 };

struct inspect_config {
    const struct world *world;
    char *const *uris;
    size_t uri_count;
    const struct kind *format; /* a row of formats[] */
    const void *format_params;
    uint64_t hash_seed;
    struct label_rule labels;        /* what they may be */
    uint64_t rows_max;               /* look at that many rows at most; 0: all */
    const struct parallel *parallel; /* its aside thread reads ahead */
    struct dataset_progress progress;
    size_t line_bytes_max, chunk_bytes; /* 0: as dataset_open */
};

enum text_kind { TEXT_NONE, TEXT_INTEGER, TEXT_REAL, TEXT_DATE, TEXT_OTHER }; /* each is also the next one, but for dates: 2026-11-27... */
extern const char *const text_kinds[];                                        /* names */

/* A text that came before: what it looks like need not be found out again, nor need the sketches hear of it, to which a second time is nothing. */
enum { TEXTS_SEEN = 64 };
struct inspected_text {
    uint64_t hash;
    double number;
    uint32_t kind;  /* enum text_kind */
    uint32_t known; /* 0: vacant */
};

struct inspected { /* a field */
    char *name;
    uint16_t number;     /* FIELD_UNKNOWN: the features of a format without fields */
    bool ignored;        /* a column that the schema ignores: described, but its cells are no features */
    uint64_t count;      /* features, missing ones included */
    uint64_t rows;       /* rows with a feature that is not missing */
    uint64_t of_kind[5]; /* enum text_kind: of the texts that are not missing */
    uint64_t numbers;    /* in sum, min, max, magnitudes: the values of a format of tokens, else the texts that are numbers */
    double sum;
    float min, max;
    uint64_t row; /* private: the last one with a feature; texts that were seen lately */
    struct inspected_text seen[TEXTS_SEEN];
    struct cardinality distinct;
    struct frequent frequent;
    struct magnitudes magnitudes;
};
enum text_kind inspected_kind(const struct inspected *f); /* what all of its texts are; TEXT_NONE: there are none */

struct inspection {
    uint64_t rows, positives, features, bad_rows, text_bytes, packed_bytes, files; /* what ignored columns hold is no feature, here and below */
    double label_sum;                                                              /* of labels that are no bits, which have no positives */
    float label_min, label_max;
    uint64_t row_features_min, row_features_max;
    bool whole; /* false: rows_max was reached */
    char first_bad[512];
    struct inspected **fields; /* (count), in the order of their numbers */
    size_t count;
    uint64_t fields_untold;  /* features of fields beyond FIELDS_TOLD */
    struct cardinality keys; /* of all features */
};

/* inspect_run: ERROR_DATA as dataset_open, but that bad rows are counted and tolerated while there is a good one. inspection_close() it in any case.
 */
int inspect_run(const struct inspect_config *config, struct inspection *out, struct error *err);
void inspection_close(struct inspection *i); /* safe on a zeroed struct, and twice */

/* text_kind_of: what a text looks like; *number: its value when it is a number that a float holds. */
enum text_kind text_kind_of(const char *text, size_t size, double *number);

/* hash_load: share of `features` distinct features that share their slot of a table of 2^hash_bits with another: 1 - e^(-n/m). hash_bits_wanted: the
 * least table, 10 to 30 bits, in which at most a tenth do. */
double hash_collisions(double features, unsigned hash_bits);
unsigned hash_bits_wanted(double features);

#endif

/* Splits: which side a row is on, as a pure function of the row (algorithms.md §6). One file a kind, one row in splits[].
 *
 * A row is its ordinal in the data set and, where the kind needs them, its label, group and time; never its neighbours, never the chunk it came in.
 * A kind that trains several models (K-fold) is told which of them it cuts for. */
#ifndef TRAINYARD_ENGINE_DATA_SPLIT_H
#define TRAINYARD_ENGINE_DATA_SPLIT_H

#include "base/faults.h"
#include "base/kind.h"
#include "engine/core/batch.h"

/* SIDE_NONE: the row is left out: the gap between two times, another fold's held-back rows. */
enum split_side { SIDE_TRAIN, SIDE_VALIDATION, SIDE_TEST, SIDE_NONE, SIDES };

enum split_needs { SPLIT_LABELS = 1, SPLIT_GROUPS = 2, SPLIT_TIMES = 4 };

/* SPLIT_UNSEEN: rows that none of several models has seen. */
enum split_gives { SPLIT_VALIDATES = 1, SPLIT_UNSEEN = 2 };

struct split_context {        /* what a side may depend on besides the row: the whole data set, and which model */
    uint64_t rows, positives; /* that the split may judge: not those that are replayed */
    /* Rows replay_from .. validation_from - 1 are older ones that are mixed into training: a split sees none of them but where it judges by group or
     * time, and then they train or are left out. */
    uint64_t replay_from;
    uint64_t validation_from, test_from; /* first row of split.validation_uri's and split.test_uri's files; = rows: there are none */
    /* 0 .. folds - 1; = folds, of a kind with several models: the data as seen by who combines them. Then the test side is what no fold has seen,
     * neither to train nor to test, and the rest trains. */
    unsigned fold;
};

struct split_rows { /* rows first .. first + count - 1; borrowed arrays (count), NULL unless the kind needs them */
    uint64_t first;
    size_t count;
    uint64_t positives_before; /* rows before `first` whose label is 1; with SPLIT_LABELS */
    const float *labels;
    const uint64_t *groups;
    const int64_t *times;
};

struct split {
    struct kind kind; /* first */
    /* needs: enum split_needs of the rows under these options. NULL: the ordinal is enough. */
    unsigned (*needs)(const void *params);
    /* files: the sides of validation and test are the files of split.validation_uri and split.test_uri. */
    bool files;
    /* column: the name of the group or time column that the options give themselves ("": none), for data that does not name it. NULL: none. */
    const char *(*column)(const void *params);
    /* faults: of options that do not fit together, under "/split". NULL: none. */
    void (*faults)(const void *params, struct faults *faults);
    /* folds: models that one job trains and evaluates; NULL: one. */
    unsigned (*folds)(const void *params);
    /* gives: enum split_gives that the options ask for, so that who wants it can be refused before a row is read. NULL: nothing. Not for a kind with
     * `files`, whose sides are what the spec names. */
    unsigned (*gives)(const void *params);
    /* ordered: does the side of a row follow from the rows in front of it alone, and do those that train come before those that test, with no others?
     * For who sees the text once. NULL: no. */
    bool (*ordered)(const void *params);
    /* check: do params fit the data set? ERROR_INVALID with the field. NULL: always. */
    int (*check)(const void *params, const struct split_context *context, struct error *err);
    /* sides: enum split_side of each row into sides (count). Pure. */
    void (*sides)(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides);
};
extern const struct split *const splits[]; /* NULL-terminated */

struct splitter { /* a split with its options and its data set */
    const struct split *split;
    const void *params;
    struct split_context context;
};
static inline unsigned splitter_needs(const struct splitter *s) { return s->split->needs ? s->split->needs(s->params) : 0; }
static inline unsigned splitter_folds(const struct splitter *s) { return s->split->folds ? s->split->folds(s->params) : 1; }
static inline unsigned splitter_gives(const struct splitter *s) { return s->split->gives ? s->split->gives(s->params) : 0; }
static inline void splitter_sides(const struct splitter *s, const struct split_rows *rows, uint8_t *sides)
{
    s->split->sides(s->params, &s->context, rows, sides);
}

/* splitter_side: of one row that is known by its ordinal alone (a split without needs). */
enum split_side splitter_side(const struct splitter *s, uint64_t row);

/* splitter_count: rows of each side among rows first .. first + count - 1, added to counts. For a split without needs. */
void splitter_count(const struct splitter *s, uint64_t first, uint64_t count, uint64_t counts[SIDES]);

#endif

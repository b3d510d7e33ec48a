/* A model as text for people: what it holds for each value that stands in some rows.
 *
 *   field TAB value TAB <each table's columns> TAB slot TAB trained          a header, then a line a value, in order of first appearance
 *
 * A line stands for one key of one field: a value, or a bucket of values (numbers that share a parameter row; `value` is then the text of the first
 * one). A table of width 1 is one column of its name ("linear"), a wider one columns name.1 .. name.K, or where they
 * are of classes name.p0 .. name.p(K-1), as classes are called in scores. Floats have the digits that give back their
 * bits. slot is the row of the tables, which colliding values share, and those of a field
 * that are too rare for one of their own (features.min_count); trained is 1 when training has updated it, else the figures are initial ones.
 * In field and value a backslash, tab, newline and other control bytes are written as \\, \t, \n, \xNN. Dense tensors belong to no value and are
 * not told.
 *
 * Reads like prediction: in pieces on all workers, with the same output for any number of them; the set of keys seen is kept, 16 bytes each. */
#ifndef TRAINYARD_ENGINE_PREDICT_EXPORT_H
#define TRAINYARD_ENGINE_PREDICT_EXPORT_H

#include "engine/predict/reading.h"

struct export_config {
    const struct predictor *predictor;
    struct reading reading;
    uint64_t values_max; /* more different ones are ERROR_TOOLARGE; 0: 2^26 */
    int (*write)(void *context, const void *text, size_t size, struct error *err);
    void *context;
};

struct export_result {
    struct reading_result read;
    uint64_t values; /* lines */
};

int export_run(const struct export_config *config, struct export_result *result, struct error *err);

#endif

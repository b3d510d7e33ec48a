/* Sequential: rows in the order of the sources; those from validation_from on validate, those from test_from on test. The way to use
 * a data set that comes with its own test file: name both files in dataset.uri, and count the rows of the first. A bound of 0 means
 * no such side. Pure: the row number decides. */
#include "engine/data/splits.h"

struct sequential_params {
    int64_t validation_from, test_from;
};

static const struct option sequential_options[] = {
    {"test_from", OPT_INT, offsetof(struct sequential_params, test_from), 0, 0, 0x1p53,
     "rows from this one on (counted from 0 over all files) are the test side; 0 = none", NULL, 0, NULL},
    {"validation_from", OPT_INT, offsetof(struct sequential_params, validation_from), 0, 0, 0x1p53,
     "rows from this one on, up to test_from, are for validation; 0 = none", NULL, 0, NULL},
    {0},
};

static enum split_side sequential_side(const struct sequential_params *p, uint64_t row)
{
    if (p->test_from > 0 && row >= (uint64_t)p->test_from) return SIDE_TEST;
    return p->validation_from > 0 && row >= (uint64_t)p->validation_from ? SIDE_VALIDATION : SIDE_TRAIN;
}

static void sequential_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    (void)context;
    for (size_t i = 0; i < rows->count; i++) sides[i] = sequential_side(params, rows->first + i);
}

const struct split split_sequential = {
    .kind = {"sequential", "rows in order: first train, then validation, then test", "", sizeof(struct sequential_params), sequential_options},
    .sides = sequential_sides};

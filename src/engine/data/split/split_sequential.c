/* Sequential: rows in the order of the sources, first train, then validation, then test. Bounds are row numbers, for data that comes with its own
 * test file (name both files in dataset.uri, and count the rows of the first), or shares of all rows. A bound of 0, or a share of 0, means no such
 * side. */
#include <math.h>

#include "engine/data/split/splits.h"

struct sequential_params {
    int64_t validation_from, test_from;
    double validation_fraction, test_fraction;
};

static const struct option sequential_options[] = {
    {"test_from", OPT_INT, offsetof(struct sequential_params, test_from), 0, 0, 0x1p53,
     "rows from this one on (counted from 0 over all files) are the test side; 0 = none", NULL, 0, NULL},
    {"validation_from", OPT_INT, offsetof(struct sequential_params, validation_from), 0, 0, 0x1p53,
     "rows from this one on, up to test_from, are for validation; 0 = none", NULL, 0, NULL},
    {"test_fraction", OPT_REAL, offsetof(struct sequential_params, test_fraction), 0, 0, 1,
     "instead: so large a share of rows, the last ones, is the test side", NULL, OPTION_BELOW_MAX | OPTION_SHARE, NULL},
    {"validation_fraction", OPT_REAL, offsetof(struct sequential_params, validation_fraction), 0, 0, 1,
     "instead: so large a share of rows, those before the test side, is for validation", NULL, OPTION_BELOW_MAX | OPTION_SHARE, NULL},
    {0},
};

static void sequential_faults(const void *params, struct faults *faults)
{
    const struct sequential_params *p = params;
    const char *const pointers[] = {"/split/test_fraction", "/split/validation_fraction"};
    for (int i = 0; i < 2; i++)
        if ((i ? p->validation_fraction : p->test_fraction) > 0 && (p->test_from > 0 || p->validation_from > 0))
            faults_add(faults, pointers[i], "cannot stand beside split.test_from or split.validation_from; cut by shares or by row numbers");
    if (p->validation_from > 0 && p->test_from > 0 && p->validation_from >= p->test_from)
        faults_add(faults, "/split/validation_from", "must be < split.test_from (%lld), got %lld: validation comes before test",
                   (long long)p->test_from, (long long)p->validation_from);
}

static unsigned sequential_gives(const void *params)
{
    const struct sequential_params *p = params;
    return p->validation_from > 0 || p->validation_fraction > 0 ? SPLIT_VALIDATES : 0;
}

static bool sequential_ordered(const void *params)
{
    const struct sequential_params *p = params;
    return p->test_from > 0 && p->validation_from == 0;
}

/* First row of the last share of the rows; beyond all rows when it is 0. */
static double tail(uint64_t rows, double share) { return share > 0 ? (double)rows - floor(share * (double)rows + 0.5) : HUGE_VAL; }
static double bound(int64_t row) { return row > 0 ? (double)row : HUGE_VAL; }

static void sequential_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    const struct sequential_params *p = params;
    bool shares = p->test_fraction > 0 || p->validation_fraction > 0;
    double test = shares ? tail(context->rows, p->test_fraction) : bound(p->test_from);
    double validation = shares && p->validation_fraction > 0 ? tail(context->rows, p->test_fraction + p->validation_fraction)
                                                             : bound(p->validation_from);
    for (size_t i = 0; i < rows->count; i++) {
        double row = (double)(rows->first + i);
        sides[i] = row >= test ? SIDE_TEST : row >= validation ? SIDE_VALIDATION : SIDE_TRAIN;
    }
}

const struct split split_sequential = {
    .kind = {"sequential", "rows in order: first train, then validation, then test", "", sizeof(struct sequential_params), sequential_options},
    .faults = sequential_faults,
    .gives = sequential_gives,
    .ordered = sequential_ordered,
    .sides = sequential_sides};

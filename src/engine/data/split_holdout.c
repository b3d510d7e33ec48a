/* Hold-out: u = hash(seed, purpose, row) / 2^64 is uniform in [0, 1); u < test_fraction is test, the next validation_fraction is
 * validation, the rest trains. u does not depend on the fractions, so a larger test side contains the smaller one (algorithms.md §6). */
#include "engine/data/splits.h"

struct holdout_params {
    double test_fraction, validation_fraction;
    int64_t seed;
};

static const struct option holdout_options[] = {
    {"test_fraction", OPT_REAL, offsetof(struct holdout_params, test_fraction), 0.1, 0, 1, "share of rows kept for the test side", NULL,
     OPTION_BELOW_MAX | OPTION_SHARE, NULL},
    {"validation_fraction", OPT_REAL, offsetof(struct holdout_params, validation_fraction), 0, 0, 1,
     "share of rows kept for validation (curves, early stopping)", NULL, OPTION_BELOW_MAX | OPTION_SHARE, NULL},
    {"seed", OPT_INT, offsetof(struct holdout_params, seed), 7, 0, 0x1p53, "of the choice of rows", NULL, 0, NULL},
    {0},
};

static void holdout_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    const struct holdout_params *p = params;
    (void)context;
    for (size_t i = 0; i < rows->count; i++) {
        double u = split_unit(p->seed, rows->first + i);
        sides[i] = u < p->test_fraction ? SIDE_TEST : u < p->test_fraction + p->validation_fraction ? SIDE_VALIDATION : SIDE_TRAIN;
    }
}

const struct split split_holdout = {
    .kind = {"holdout", "a random share of rows is kept for test and validation", "", sizeof(struct holdout_params), holdout_options},
    .sides = holdout_sides};

/* Hold-out: u = hash(seed, purpose, row) / 2^64 is uniform in [0, 1); u < test_fraction is test, the next validation_fraction is
 * validation, the rest trains. u does not depend on the fractions, so a larger test side contains the smaller one (algorithms.md §6). */
#include "engine/data/split/splits.h"

static const struct option holdout_options[] = {SPLIT_SHARE_OPTIONS("rows"), {0}};

static void holdout_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    const struct split_shares *p = params;
    (void)context;
    for (size_t i = 0; i < rows->count; i++) sides[i] = (uint8_t)split_share_side(p, rows->first + i);
}

const struct split split_holdout = {
    .kind = {"holdout", "a random share of rows is kept for test and validation", "", sizeof(struct split_shares), holdout_options},
    .gives = split_share_gives,
    .sides = holdout_sides};

/* Stratified hold-out: as holdout, but each side gets its share of the positive and of the negative rows exactly, to within one row (strata.h). Worth
 * it where positives are so rare that chance would give the test side too many or too few. Ordinals within the class decide: depends on the order of
 * the files, as holdout does. */
#include "engine/data/split/splits.h"
#include "engine/data/split/strata.h"

static const struct option stratified_options[] = {SPLIT_SHARE_OPTIONS("rows of each class"), {0}};

static unsigned stratified_needs(const void *params)
{
    (void)params;
    return SPLIT_LABELS;
}

static void stratified_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    const struct split_shares *p = params;
    struct strata strata = strata_at(p->seed, context, rows);
    double rest = p->validation_fraction / (1 - p->test_fraction); /* of what is not tested */
    for (size_t i = 0; i < rows->count; i++) {
        uint64_t rank = strata_rank(&strata, rows->labels[i] > 0);
        if (systematic_takes(p->test_fraction, rank)) sides[i] = SIDE_TEST;
        else sides[i] = systematic_takes(rest, rank - systematic_before(p->test_fraction, rank)) ? SIDE_VALIDATION : SIDE_TRAIN;
    }
}

const struct split split_stratified = {.kind = {"stratified", "a random share of each class is kept for test and validation, exact to a row",
                                                "Madow and Madow 1944", sizeof(struct split_shares), stratified_options},
                                       .needs = stratified_needs,
                                       .gives = split_share_gives,
                                       .sides = stratified_sides};

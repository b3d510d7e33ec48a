/* Predefined: somebody else has cut the data. Rows of dataset.uri train, those of split.validation_uri validate, those of split.test_uri test. All
 * are read as one data set with one schema, in that order. */
#include "engine/data/split/splits.h"

static void predefined_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    (void)params;
    for (size_t i = 0; i < rows->count; i++) {
        uint64_t row = rows->first + i;
        sides[i] = row >= context->test_from ? SIDE_TEST : row >= context->validation_from ? SIDE_VALIDATION : SIDE_TRAIN;
    }
}

static bool predefined_ordered(const void *params) { return (void)params, true; } /* as the files are read, without those of validation */

const struct split split_predefined = {.kind = {"predefined", "split.test_uri and split.validation_uri name the files of these sides", "", 0, NULL},
                                       .files = true,
                                       .ordered = predefined_ordered,
                                       .sides = predefined_sides};

/* No split: every row trains; validation and test sides are empty, so nothing can be said about unseen rows. */
#include <string.h>

#include "engine/data/split/splits.h"

static void none_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    (void)params, (void)context;
    memset(sides, SIDE_TRAIN, rows->count);
}

const struct split split_none = {.kind = {"none", "every row trains; no test side", "", 0, NULL}, .sides = none_sides};

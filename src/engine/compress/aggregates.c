/* The table of aggregation rules. */
#include "engine/compress/aggregate.h"

const struct aggregate *const aggregates[] = {&aggregate_mean, &aggregate_vote, NULL};

#include "engine/data/split.h"

void splitter_count(const struct splitter *s, uint64_t first, uint64_t count, uint64_t counts[SIDES])
{
    for (uint64_t row = first; row < first + count; row++) counts[splitter_side(s, row)]++;
}

#include "engine/data/split/split.h"

enum { CHUNK_ROWS = 4096 };

enum split_side splitter_side(const struct splitter *s, uint64_t row)
{
    const struct split_rows rows = {.first = row, .count = 1};
    uint8_t side;
    splitter_sides(s, &rows, &side);
    return (enum split_side)side;
}

void splitter_count(const struct splitter *s, uint64_t first, uint64_t count, uint64_t counts[SIDES])
{
    uint8_t sides[CHUNK_ROWS];
    for (uint64_t done = 0; done < count; done += CHUNK_ROWS) {
        const struct split_rows rows = {.first = first + done, .count = count - done < CHUNK_ROWS ? (size_t)(count - done) : CHUNK_ROWS};
        splitter_sides(s, &rows, sides);
        for (size_t i = 0; i < rows.count; i++) counts[sides[i]]++;
    }
}

/* Any bytes as a block of the cache, its checksum put right when the first byte is odd, so that the checks behind it are reached. What is
 * taken for a block can be walked from end to end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/data/cache/block.h"

#define MUST(condition) \
    if (!(condition)) abort()

/* The checksum that block_open will reckon, if the sizes hold. */
static void seal(uint8_t *at, size_t size)
{
    struct block_header h;
    if (size < sizeof h) return;
    memcpy(&h, at, sizeof h);
    memcpy(h.magic, "TYBLOCK2", 8);
    uint64_t rows = h.rows, features = h.features, offsets = sizeof h;
    offsets += h.flags & ROWS_REALS ? (rows + 1) / 2 * 8 : (rows + 63) / 64 * 8;
    offsets += (h.flags & ROWS_GROUPS ? rows * 8 : 0) + (h.flags & ROWS_TIMES ? rows * 8 : 0) + (h.flags & ROWS_WEIGHTS ? (rows + 1) / 2 * 8 : 0);
    uint64_t part[6] = {offsets, offsets + (h.row_features ? 0 : (rows + 1) * 4)};
    part[2] = part[1] + features * 4;
    part[3] = part[2] + (h.flags & ROWS_VALUES ? features * 4 : 0);
    part[4] = part[3] + (h.flags & ROWS_FIELDS ? features * 2 : 0);
    part[5] = part[4] + (h.flags & ROWS_FIELDS ? features % 2 * 2 : 0);
    if (part[5] > size) return;
    h.size_bytes = part[5];
    h.head_checksum = hash64(at + sizeof h, offsets - sizeof h, hash64(&h, offsetof(struct block_header, head_checksum), 0));
    h.checksum = hash64(at + part[0], part[1] - part[0], hash64(&h, offsetof(struct block_header, checksum), 0));
    for (int i = 1; i < 5; i++)
        if (part[i + 1] > part[i]) h.checksum = hash64(at + part[i], part[i + 1] - part[i], h.checksum);
    memcpy(at, &h, sizeof h);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct block b = {0};
    struct error err = {0};
    uint64_t sum = 0;
    if (size == 0 || size > 1 << 20) return 0;
    MUST(block_reserve(&b, size - 1, BLOCK_ROWS, &err) == 0);
    memcpy(b.memory, data + 1, size - 1);
    if (data[0] & 1) seal(b.memory, size - 1);
    if (block_open(&b, size - 1, data[0] >> 4, 0, &err) == 0) {
        MUST(b.batch.rows > 0 && b.batch.offsets[0] == 0 && b.batch.offsets[b.batch.rows] == b.batch.features);
        for (size_t r = 0; r < b.batch.rows; r++) {
            MUST(b.batch.offsets[r] <= b.batch.offsets[r + 1] && b.batch.labels[r] - b.batch.labels[r] == 0);
            for (uint32_t f = b.batch.offsets[r]; f < b.batch.offsets[r + 1]; f++)
                sum += b.batch.keys[f] + (b.batch.values ? b.batch.values[f] != 0 : 0);
        }
    } else MUST(err.code == ERROR_DATA);
    block_close(&b);
    return sum == 1 && size == 2; /* 0: no block is that short; so that the loads stay */
}

/* Any bytes as a block of the cache, its checksum put right when the first byte is odd, so that the checks behind it are reached. What is
 * taken for a block can be walked from end to end. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/data/block.h"

#define MUST(condition) \
    if (!(condition)) abort()

/* The checksum that block_open will reckon, if the sizes hold. */
static void seal(uint8_t *at, size_t size)
{
    struct block_header h;
    if (size < sizeof h) return;
    memcpy(&h, at, sizeof h);
    memcpy(h.magic, "TYBLOCK1", 8);
    uint64_t keys = sizeof h + ((uint64_t)h.rows + 31) / 32 * 4 + (h.row_features ? 0 : ((uint64_t)h.rows + 1) * 4);
    uint64_t values = keys + (uint64_t)h.features * 4, end = values + (h.flags & BLOCK_VALUES ? (uint64_t)h.features * 4 : 0);
    if (end > size) return;
    uint64_t sum = hash64(at + sizeof h, keys - sizeof h, hash64(&h, offsetof(struct block_header, checksum), 0));
    sum = hash64(at + keys, values - keys, sum);
    h.checksum = end > values ? hash64(at + values, end - values, sum) : sum;
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
            MUST(b.batch.offsets[r] <= b.batch.offsets[r + 1] && (b.batch.labels[r] == 0 || b.batch.labels[r] == 1));
            for (uint32_t f = b.batch.offsets[r]; f < b.batch.offsets[r + 1]; f++)
                sum += b.batch.keys[f] + (b.batch.values ? b.batch.values[f] != 0 : 0);
        }
    } else MUST(err.code == ERROR_DATA);
    block_close(&b);
    return sum == 1 && size == 2; /* 0: no block is that short; so that the loads stay */
}

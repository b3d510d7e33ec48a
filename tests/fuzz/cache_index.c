/* Any bytes as the index of a cache entry (its checksum put right when the first byte is odd), beside a blocks file of a length that the
 * second byte chooses. What opens has blocks that can be asked for, and every one of them is refused or whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "engine/data/cache/cache.h"
#include "lib/world_sim.h"

#define MUST(condition) \
    if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world_sim sim;
    static const uint8_t blocks[256 * 64];
    struct cache_entry e;
    struct error err = {0};
    if (size < 10 || size > 1 << 20) return 0;
    uint8_t *index = malloc(size - 2);
    memcpy(index, data + 2, size - 2);
    if (data[0] & 1) {
        uint64_t sum = hash64(index, size - 10, 0);
        memcpy(index + size - 10, &sum, sizeof sum);
    }
    world_sim_init(&sim);
    MUST(path_mkdirs(&sim.world, "e", &err) == 0 && file_publish(&sim.world, "e/index", index, size - 2, &err) == 0);
    MUST(file_publish(&sim.world, "e/blocks", blocks, data[1] * 64u, &err) == 0);
    if (cache_entry_open(&e, &sim.world, "e", &err) == 0) {
        struct block b = {0};
        for (uint64_t i = 0; i < e.count; i++) {
            struct error why = {0};
            MUST(cache_entry_read(&e, i, &b, &why) < 0 && why.code == ERROR_DATA); /* zeros are no block */
        }
        MUST(memchr(e.totals.first_bad.text, 0, sizeof e.totals.first_bad.text));
        block_close(&b);
        cache_entry_close(&e);
    } else MUST(err.code == ERROR_DATA || err.code == ERROR_NOMEM);
    world_sim_close(&sim);
    free(index);
    return 0;
}

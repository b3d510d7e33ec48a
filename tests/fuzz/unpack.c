/* Any bytes as a data file, packed or not: read in pieces of two sizes, the text is the same, or both fail
 * (the byte near which a damage was noticed may differ: the libraries read ahead as far as there is room for the text). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "engine/data/source/source.h"
#include "lib/world_sim.h"

#define MUST(condition) \
    if (!(condition)) abort()

enum { TEXT_MAX = 1 << 22 }; /* a bomb is not unpacked to its end */

static struct hash128 unpack(const struct world *world, size_t step, struct error *err)
{
    static char buf[1 << 16];
    char *uris[] = {(char *)"f"};
    struct source_list files;
    struct hash_stream *hash = hash_stream_new(NULL);
    struct hash128 none = {0};
    int64_t n = 0;
    uint64_t size = 0;
    MUST(source_list_open(&files, world, uris, 1, err) == 0);
    struct source *s = source_open(&files, 0, err);
    while (s && size < TEXT_MAX && (n = source_read(s, buf, step, err)) > 0) hash_stream_add(hash, buf, (size_t)n), size += (uint64_t)n;
    if (s && n >= 0) none = hash_stream_end(hash);
    MUST((s && n >= 0) || err->code == ERROR_DATA);
    source_close(s);
    source_list_close(&files);
    hash_stream_free(hash);
    return none;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world_sim sim;
    struct error a = {0}, b = {0};
    if (size == 0) return 0;
    world_sim_init(&sim);
    MUST(file_publish(&sim.world, "f", data, size, NULL) == 0);
    struct hash128 x = unpack(&sim.world, 1 << 16, &a), y = unpack(&sim.world, 1 << 7, &b);
    MUST(x.low == y.low && x.high == y.high && a.code == b.code);
    world_sim_close(&sim);
    return 0;
}

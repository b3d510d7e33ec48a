/* XXH3 inlined for short keys in hot loops, where a call costs more than the hash. Same bits as hash64(). The home of xxhash, with
 * hash.c: include this, not xxhash.h. */
#ifndef TRAINYARD_BASE_HASH_INLINE_H
#define TRAINYARD_BASE_HASH_INLINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t hash64_inline(const void *data, size_t size, uint64_t seed)
{
    if (size > 16) return hash64(data, size, seed);
    return XXH3_len_0to16_64b((const xxh_u8 *)data, size, XXH3_kSecret, seed);
}

#endif

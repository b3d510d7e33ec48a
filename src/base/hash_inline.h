/* XXH3 inlined for short keys in hot loops, where a call costs more than the hash. Same bits as hash64(). The home of xxhash, with
 * hash.c: include this, not xxhash.h. */
#ifndef TRAINYARD_BASE_HASH_INLINE_H
#define TRAINYARD_BASE_HASH_INLINE_H

#include <stddef.h>
#include <stdint.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

static inline uint64_t hash64_inline(const void *data, size_t size, uint64_t seed)
{
    if (size > 16) return hash64(data, size, seed);
    return XXH3_len_0to16_64b((const xxh_u8 *)data, size, XXH3_kSecret, seed);
}

/* Keys of 4 to 8 bytes, the commonest ones, in two halves: what the seed alone determines, made once, and the rest. XXH3 mixes the first
 * four bytes and the last four (XXH3_len_4to8_64b, xxHash 0.8); here both come from one word. */
static inline uint64_t hash64_flip(uint64_t seed)
{
    seed ^= (uint64_t)__builtin_bswap32((uint32_t)seed) << 32;
    return (XXH_readLE64(XXH3_kSecret + 8) ^ XXH_readLE64(XXH3_kSecret + 16)) - seed;
}

#define HASH64_FACTOR 0x9FB21C651E98DF25u

/* hash64_word: hash64 of the first `size` (4 to 8) bytes of a word that was read from memory as little-endian. Any other size:
 * rubbish. */
static inline uint64_t hash64_word(uint64_t word, uint64_t size, uint64_t flip)
{
    uint64_t h = (word << 32 | (uint32_t)(word >> ((8 * size - 32) & 63))) ^ flip;
    h ^= (h << 49 | h >> 15) ^ (h << 24 | h >> 40);
    h *= HASH64_FACTOR;
    h ^= (h >> 35) + size;
    h *= HASH64_FACTOR;
    return h ^ h >> 28;
}

#if defined(__AVX512DQ__)
/* hash64_words: hash64_word of eight lanes. A lane whose size is not 4 to 8 gets rubbish. */
static inline __m512i hash64_words(__m512i words, __m512i sizes, __m512i flips)
{
    const __m512i factor = _mm512_set1_epi64((long long)HASH64_FACTOR), low = _mm512_set1_epi64(0xFFFFFFFF);
    __m512i tail = _mm512_srlv_epi64(words, _mm512_sub_epi64(_mm512_slli_epi64(sizes, 3), _mm512_set1_epi64(32)));
    __m512i h = _mm512_xor_si512(_mm512_or_si512(_mm512_slli_epi64(words, 32), _mm512_and_si512(tail, low)), flips);
    h = _mm512_ternarylogic_epi64(h, _mm512_rol_epi64(h, 49), _mm512_rol_epi64(h, 24), 0x96); /* a ^ b ^ c */
    h = _mm512_mullo_epi64(h, factor);
    h = _mm512_xor_si512(h, _mm512_add_epi64(_mm512_srli_epi64(h, 35), sizes));
    h = _mm512_mullo_epi64(h, factor);
    return _mm512_xor_si512(h, _mm512_srli_epi64(h, 28));
}
#endif

#endif

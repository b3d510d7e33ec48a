/* Random numbers as a pure function: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 * The stream is f(seed, purpose, epoch, row); no state survives, so any worker may draw any number and a resume needs none. */
#ifndef TRAINYARD_BASE_RNG_H
#define TRAINYARD_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

/* A purpose keeps streams apart: the hash stream of a split must never be the one of the shuffle. Numbers are part of the
 * checkpoint's meaning: never renumber. */
enum rng_purpose {
    RNG_SPLIT = 1,
    RNG_SHUFFLE_BLOCKS = 2,
    RNG_SHUFFLE_ROWS = 3,
    RNG_INIT = 4,
    RNG_CODEC = 5,
    RNG_DATAGEN = 6,
    RNG_BOOTSTRAP = 7,
    RNG_NEGATIVES = 8,
    RNG_CURRICULUM = 9,
    RNG_DROPOUT = 10,
    RNG_ROUNDING = 11,
    RNG_REPLAY = 12,
    RNG_TEST = 99,
};

struct rng { /* a counter: copy it freely */
    uint32_t key[2], counter[4], block[4];
    unsigned used;
};

struct rng rng_at(uint64_t seed, enum rng_purpose purpose, uint32_t epoch, uint64_t row);
uint32_t rng_u32(struct rng *rng);
uint64_t rng_u64(struct rng *rng);
uint64_t rng_below(struct rng *rng, uint64_t n); /* uniform in [0, n), n > 0; multiply-high with rejection: unbiased */
double rng_unit(struct rng *rng);                /* uniform in [0, 1), 53 bits */
double rng_normal(struct rng *rng);              /* N(0,1): Box-Muller with libm; for data and tests, never for a model's bits */

/* rng_unit_of: one number in [0, 1), 53 bits, of a key (a row, a group): a hash by a stream of its own for each seed and purpose. For decisions on
 * rows, of which millions are made: ten times as quick as rng_at. */
static inline double rng_unit_of(uint64_t seed, enum rng_purpose purpose, uint64_t key)
{
    uint64_t stream = hash_mix(seed ^ (uint64_t)purpose << 56);
    return (double)(hash_mix(key ^ stream) >> 11) * 0x1p-53;
}

/* philox4x32: the bare block function, for vectorised users: out = Philox4x32-10(counter, key). */
static inline void philox4x32(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1, c3 = (uint32_t)p0, c0 = n0, c2 = n2;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    out[0] = c0, out[1] = c1, out[2] = c2, out[3] = c3;
}

#endif

#include "engine/data/permute.h"

#include "base/hash.h"

struct permutation permutation_of(uint64_t n, uint64_t seed, uint32_t epoch)
{
    return permutation_keyed(n, rng_at(seed, RNG_SHUFFLE_BLOCKS, epoch, 0));
}

struct permutation permutation_keyed(uint64_t n, struct rng rng)
{
    struct permutation p = {.n = n, .half_bits = 1};
    while (p.half_bits < 31 && (uint64_t)1 << (2 * p.half_bits) < n) p.half_bits++;
    for (int round = 0; round < PERMUTE_ROUNDS; round++) p.keys[round] = rng_u64(&rng);
    return p;
}

uint64_t permutation_at(const struct permutation *p, uint64_t i)
{
    uint64_t mask = ((uint64_t)1 << p->half_bits) - 1;
    do {
        uint64_t left = i >> p->half_bits, right = i & mask;
        for (int round = 0; round < PERMUTE_ROUNDS; round++) {
            uint64_t mixed = left ^ (hash_mix(right ^ p->keys[round]) & mask);
            left = right;
            right = mixed;
        }
        i = left << p->half_bits | right;
    } while (i >= p->n);
    return i;
}

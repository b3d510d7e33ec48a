/* A keyed permutation of 0 .. n-1 in O(1) memory: a balanced Feistel network over the next even number of bits, walked until it falls below
 * n (Luby and Rackoff 1988; cycle walking: Black and Rogaway 2002). Below 4 n values, so a walk takes fewer than 4 steps on average. */
#ifndef TRAINYARD_ENGINE_DATA_PERMUTE_H
#define TRAINYARD_ENGINE_DATA_PERMUTE_H

#include <stdint.h>

#include "base/rng.h"

enum { PERMUTE_ROUNDS = 6 };

struct permutation {
    uint64_t n;
    unsigned half_bits;
    uint64_t keys[PERMUTE_ROUNDS];
};

struct permutation permutation_of(uint64_t n, uint64_t seed, uint32_t epoch); /* of an epoch's blocks; n <= 2^62 */
struct permutation permutation_keyed(uint64_t n, struct rng rng);             /* its keys are the first numbers of rng */
uint64_t permutation_at(const struct permutation *p, uint64_t i);             /* i < n */

#endif

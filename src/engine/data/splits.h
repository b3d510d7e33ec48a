/* Inside the data room: the splits that splits.c puts into its table. */
#ifndef TRAINYARD_ENGINE_DATA_SPLITS_H
#define TRAINYARD_ENGINE_DATA_SPLITS_H

#include "base/hash.h"
#include "base/rng.h"
#include "engine/data/split.h"

extern const struct split split_none, split_holdout, split_sequential;

/* split_unit: the uniform number in [0, 1) by which a random split judges a row (or a group): a hash of seed and key under a purpose of its own, so
 * that no other use of the same key is correlated. */
static inline double split_unit(int64_t seed, uint64_t key)
{
    uint64_t stream = hash_mix((uint64_t)seed ^ (uint64_t)RNG_SPLIT << 56);
    return (double)(hash_mix(key ^ stream) >> 11) * 0x1p-53;
}

#endif

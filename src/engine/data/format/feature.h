/* The hashing trick (Weinberger et al. 2009; algorithms.md §5), field in the key:
 *
 *   seed(field)        = XXH3-64(name of the field; seed = features.hash_seed)
 *   key(field, value)  = top 32 bits of XXH3-64(value; seed = seed(field))
 *
 * A value is its text for categories, the eight little-endian bytes of its number for the indices of libsvm and libffm. The same value
 * in two columns has two keys. */
#ifndef TRAINYARD_ENGINE_DATA_FEATURE_H
#define TRAINYARD_ENGINE_DATA_FEATURE_H

#include <string.h>

#include "base/hash_inline.h"

static inline uint64_t feature_seed(const char *field, uint64_t hash_seed) { return hash64_inline(field, strlen(field), hash_seed); }

static inline uint32_t feature_key(const void *value, size_t size, uint64_t seed) { return (uint32_t)(hash64_inline(value, size, seed) >> 32); }

static inline uint32_t feature_key_number(uint64_t index, uint64_t seed) { return feature_key(&index, sizeof index, seed); }

/* feature_key_value: of a column whose feature is a number and no text. */
static inline uint32_t feature_key_value(uint64_t seed) { return feature_key("#", 1, seed); }

#endif

#include "base/rng.h"

#include <math.h>

struct rng rng_at(uint64_t seed, enum rng_purpose purpose, uint32_t epoch, uint64_t row)
{
    /* key = seed; counter = (draw index, epoch ^ purpose in the top byte, row). Purposes are < 256, epochs < 2^24. */
    return (struct rng){.key = {(uint32_t)seed, (uint32_t)(seed >> 32)},
                        .counter = {0, epoch ^ (uint32_t)purpose << 24, (uint32_t)row, (uint32_t)(row >> 32)},
                        .used = 4};
}

uint32_t rng_u32(struct rng *rng)
{
    if (rng->used == 4) {
        philox4x32(rng->counter, rng->key, rng->block);
        rng->counter[0]++;
        rng->used = 0;
    }
    return rng->block[rng->used++];
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t high = rng_u32(rng);
    return high << 32 | rng_u32(rng);
}

uint64_t rng_below(struct rng *rng, uint64_t n)
{
    unsigned __int128 product = (unsigned __int128)rng_u64(rng) * n;
    if ((uint64_t)product < n) {
        uint64_t floor = -n % n;
        while ((uint64_t)product < floor) product = (unsigned __int128)rng_u64(rng) * n;
    }
    return (uint64_t)(product >> 64);
}

double rng_unit(struct rng *rng) { return (double)(rng_u64(rng) >> 11) * 0x1p-53; }

double rng_normal(struct rng *rng)
{
    double u = 1 - rng_unit(rng), v = rng_unit(rng);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

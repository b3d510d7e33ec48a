/* Kernel of initial.c: what rng_at(seed, RNG_INIT, tensor, row) would draw, two numbers a column in turn, for as many blocks as vectors hold. */
#include "base/kernel.h"
#include "base/rng.h"
#include "engine/core/initial.h"

void KERNEL(initial_blocks)(const struct initial *what, const uint32_t *block, const uint32_t *row, float *out);

/* An approximate normal from four 16-bit uniforms (Irwin-Hall, n = 4, scaled to variance 1): additions only, so equal bits everywhere. */
static inline float normal_of(uint32_t a, uint32_t b)
{
    int32_t sum = (int32_t)((a & 0xffff) + (a >> 16) + (b & 0xffff) + (b >> 16)) - 2 * 65535;
    return (float)sum * (1.7320508f / 65536.0f);
}

void KERNEL(initial_blocks)(const struct initial *what, const uint32_t *block, const uint32_t *row, float *out)
{
    const struct rng stream = rng_at(what->seed, RNG_INIT, what->tensor, 0);
    const uint32_t k0 = stream.key[0], k1 = stream.key[1], c1 = stream.counter[1];
    const float scale = what->scale;
    for (size_t l = 0; l < INITIAL_BLOCKS; l++) {
        const uint32_t counter[4] = {block[l], c1, row[l], 0}, key[2] = {k0, k1};
        uint32_t draws[4];
        philox4x32(counter, key, draws);
        out[l * INITIAL_COLUMNS] = scale * normal_of(draws[0], draws[1]);
        out[l * INITIAL_COLUMNS + 1] = scale * normal_of(draws[2], draws[3]);
    }
}

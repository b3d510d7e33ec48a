/* One value to two bytes and back, in integer steps that vectorise and mean the same on every instruction set; for half*.c alone. */
#ifndef TRAINYARD_ENGINE_CORE_HALF_INLINE_H
#define TRAINYARD_ENGINE_CORE_HALF_INLINE_H

#include <stdint.h>
#include <string.h>

#define FLOAT_INFINITY 0x7f800000u
#define HALF_EVEN_ODDS 0x80000000u /* the draw that rounds to nearest */

static inline uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float float_of(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline float bf16_widen(uint16_t h) { return float_of((uint32_t)h << 16); }

/* Half's exponent is biased by 15, a float's by 127. Below 2^-14 the step is 2^-24: as the digits of a float between 2^-14 and 2^-13, less 2^-14. */
static inline float fp16_widen(uint16_t h)
{
    uint32_t digits = (uint32_t)(h & 0x7fff) << 13, sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t normal = digits + (digits >= 0x0f800000u ? 224u << 23 : 112u << 23); /* all ones: infinity and NaN */
    uint32_t small = float_bits(float_of(digits | 113u << 23) - 0x1p-14f);
    return float_of((digits < 1u << 23 ? small : normal) | sign);
}

/* Away from zero with the probability that the digits left out say: they carry when added to as many random bits, the high ones of the draw. */
static inline uint16_t bf16_round(float x, uint32_t draw)
{
    uint32_t bits = float_bits(x), magnitude = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000;
    uint32_t up = (magnitude + (draw >> 16)) >> 16, most = up < 0x7f7f ? up : 0x7f7f;
    return (uint16_t)((magnitude < FLOAT_INFINITY ? most : 0x7fc0) | sign);
}

static inline uint16_t fp16_round(float x, uint32_t draw)
{
    uint32_t bits = float_bits(x), magnitude = bits & 0x7fffffffu, sign = bits >> 16 & 0x8000;
    int small = magnitude < 113u << 23; /* in steps of 2^-24, with 20 digits after the point */
    int32_t fixed = (int32_t)((small ? float_of(magnitude) : 0.0f) * 0x1p44f);
    uint32_t steps = ((uint32_t)fixed + (draw >> 12)) >> 20;
    uint32_t up = ((magnitude + (draw >> 19)) >> 13) - (small ? 0 : 112u << 10), most = up < 0x7bff ? up : 0x7bff;
    return (uint16_t)((magnitude < FLOAT_INFINITY ? small ? steps : most : 0x7e00) | sign);
}

/* The draw for a column of a row: a 32-bit finaliser (two rounds of xor-shift and multiply) over the row's key, which is 64 bits of a better one. */
static inline uint32_t half_draw(uint64_t row_key, uint32_t column)
{
    uint32_t x = (uint32_t)row_key + column * 0x9E3779B9u;
    x = (x ^ x >> 16) * 0x21F0AAADu + (uint32_t)(row_key >> 32);
    x = (x ^ x >> 15) * 0x735A2D97u;
    return x ^ x >> 15;
}

#endif

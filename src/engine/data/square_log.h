/* The numeric rule of the 2014 Criteo winners, floor(ln(v)^2) for v > 2, in integer arithmetic: no libm, whose last bit differs from
 * version to version and from CPU to CPU, and no logarithm per field (Juan et al. 2014, "3 Idiots' Approach"). */
#ifndef TRAINYARD_ENGINE_DATA_SQUARE_LOG_H
#define TRAINYARD_ENGINE_DATA_SQUARE_LOG_H

#include <stdint.h>

/* SQUARE_LOG_CLASSES: floor(ln(2^32)^2) is 491, so the classes of 32-bit values are 0 .. 491. */
enum { SQUARE_LOG_CLASSES = 492, SQUARE_LOG_CELLS = 33 * 64, SQUARE_LOG_MAX = 1908 };

/* Values below 2^32 by table: a cell is the bit length and the six bits below the leading one; it holds the class of its least value,
 * and at most one or two class borders lie inside it. */
struct square_log {
    uint16_t first[SQUARE_LOG_CELLS];
    uint64_t border[SQUARE_LOG_CLASSES + 1]; /* border[c]: least v with class >= c; the last is never reached */
};

void square_log_init(struct square_log *table);

/* square_log_exact: floor(ln(v)^2) of v >= 1, by squaring in fixed point; about 100 ns. */
uint32_t square_log_exact(uint64_t v);

/* square_log: the same for any v >= 1, by table below 2^32. */
static inline uint32_t square_log(const struct square_log *table, uint64_t v)
{
    if (v >> 32) return square_log_exact(v);
    unsigned length = 64 - (unsigned)__builtin_clzll(v | 1);
    unsigned cell = length <= 7 ? (unsigned)v : length * 64 + ((unsigned)(v >> (length - 7)) & 63);
    uint32_t class = table->first[cell];
    while (v >= table->border[class + 1]) class ++;
    return class;
}

#endif

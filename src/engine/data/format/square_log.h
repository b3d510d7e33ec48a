/* The numeric rule of the 2014 Criteo winners, floor(ln(v)^2) for v > 2, in integer arithmetic: no libm, whose last bit differs from
 * version to version and from CPU to CPU, and no logarithm per field (Juan et al. 2014, "3 Idiots' Approach"). */
#ifndef TRAINYARD_ENGINE_DATA_SQUARE_LOG_H
#define TRAINYARD_ENGINE_DATA_SQUARE_LOG_H

#include <stddef.h>
#include <stdint.h>

/* SQUARE_LOG_CLASSES: floor(ln(2^32)^2) is 491, so the classes of 32-bit values are 0 .. 491. */
enum { SQUARE_LOG_CLASSES = 492, SQUARE_LOG_CELLS = 27 * 64, SQUARE_LOG_MAX = 1908 };

/* Values below 2^32 by table: a cell is the bit length and the six bits below the leading one, or the value below 128. It holds the class
 * of its least value (low 16 bits) and the border above, the least value of the next class. Classes are wider than cells
 * (d ln(v)^2 = 2 ln(v) dv/v < 45/64 over a cell), so no second border lies inside one. */
struct square_log {
    uint64_t cells[SQUARE_LOG_CELLS];
};

void square_log_init(struct square_log *table);

/* square_log_exact: floor(ln(v)^2) of v >= 1, by squaring in fixed point; about 100 ns. */
uint32_t square_log_exact(uint64_t v);

/* square_log_name: of v's class, ">= 3, < 5"; of v <= 2 and of a class of one integer, that integer. */
void square_log_name(int64_t v, char *name, size_t room);

/* square_log_small: the same for v < 2^32 (0 of 0), by table and without a branch. */
static inline uint32_t square_log_small(const struct square_log *table, uint64_t v)
{
    unsigned shift = 57 - (unsigned)__builtin_clzll(v | 64);
    uint64_t cell = table->cells[shift * 64 + (v >> shift)];
    return (uint32_t)(cell & 0xFFFF) + (v >= cell >> 16);
}

/* square_log: the same for any v >= 1. */
static inline uint32_t square_log(const struct square_log *table, uint64_t v) { return v >> 32 ? square_log_exact(v) : square_log_small(table, v); }

#endif

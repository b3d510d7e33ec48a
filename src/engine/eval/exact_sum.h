/* Sums of doubles without rounding: addition in any order, over any number of lanes, gives the same bits.
 *
 * A small superaccumulator (Neal 2015, "Fast exact summation using small and large superaccumulators"): the range of double is cut into chunks of 32
 * bits, each kept in an int64, so an addition touches two chunks and carries wait. Chunk i counts multiples of 2^(32 i - 1075). An addition moves a
 * chunk by less than 2^53, so carries are due after 2^10 of them. About 2 ns an addition. Private to the room. */
#ifndef TRAINYARD_ENGINE_EVAL_EXACT_SUM_H
#define TRAINYARD_ENGINE_EVAL_EXACT_SUM_H

#include <stdint.h>
#include <string.h>

enum { EXACT_SUM_CHUNKS = 68, EXACT_SUM_PENDING_MAX = 1 << 10 };

struct exact_sum { /* zeroed: 0 */
    int64_t chunks[EXACT_SUM_CHUNKS];
    unsigned pending; /* additions since carries were passed on */
};

void exact_sum_carry(struct exact_sum *s); /* afterwards all chunks but the highest used are in [0, 2^32): one form a value */
void exact_sum_merge(struct exact_sum *into, struct exact_sum *from); /* from keeps its value */
double exact_sum_value(struct exact_sum *s);                          /* within 1e-15 of the value, and a function of it alone */

/* exact_sum_add: x finite. */
static inline void exact_sum_add(struct exact_sum *s, double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    unsigned exponent = bits >> 52 & 0x7FF;
    uint64_t mantissa = bits & 0xFFFFFFFFFFFFFull;
    if (exponent) mantissa |= 1ull << 52;
    else exponent = 1;
    unsigned index = exponent >> 5, shift = exponent & 31;
    int64_t low = (int64_t)(mantissa << shift & 0xFFFFFFFFu), high = (int64_t)(mantissa >> (32 - shift));
    int64_t sign = -(int64_t)(bits >> 63); /* 0 or -1 */
    if (s->pending++ == EXACT_SUM_PENDING_MAX) exact_sum_carry(s);
    s->chunks[index] += (low ^ sign) - sign;
    s->chunks[index + 1] += (high ^ sign) - sign;
}

#endif

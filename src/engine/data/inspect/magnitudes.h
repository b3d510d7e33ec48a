/* The distribution of numbers as counts of 65,536 classes: the 16 high bits of a 32-bit float, put in the order of the numbers. A class is at most
 * 1/128 of its number wide, so a quantile read from its middle is within 0.4 % of the number that has that rank. Integers only, so order, repetition
 * and merging never show; pages of classes come to life as they are met, so a column costs some kilobytes. */
#ifndef TRAINYARD_ENGINE_DATA_MAGNITUDES_H
#define TRAINYARD_ENGINE_DATA_MAGNITUDES_H

#include <stdint.h>
#include <string.h>

#include "base/error.h"

enum { MAGNITUDE_PAGES = 256, MAGNITUDE_PAGE = 256 };

struct magnitudes {                   /* zeroed: empty */
    uint64_t *pages[MAGNITUDE_PAGES]; /* (MAGNITUDE_PAGE) */
    uint64_t count;
};

/* magnitude_order: an integer that is in the order of the (finite) floats; -0 counts as 0. magnitude_number: back. */
static inline uint32_t magnitude_order(float x)
{
    uint32_t bits;
    x += 0.0f;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 31 ? ~bits : bits | 0x80000000u;
}
static inline float magnitude_number(uint32_t order)
{
    float x;
    uint32_t bits = order >> 31 ? order & 0x7fffffffu : ~order;
    memcpy(&x, &bits, sizeof x);
    return x;
}

int magnitudes_add(struct magnitudes *m, float x, struct error *err);                           /* x finite */
int magnitudes_join(struct magnitudes *into, const struct magnitudes *from, struct error *err); /* the counts of both */
void magnitudes_close(struct magnitudes *m);                                                    /* safe on a zeroed struct, and twice */

/* magnitudes_class: the class of the number of rank `rank` (from 0, < m->count) in ascending order; *before gets how many numbers are in classes
 * before. */
uint32_t magnitudes_class(const struct magnitudes *m, uint64_t rank, uint64_t *before);

/* magnitudes_quantile: q in 0..1: the middle of the class of rank ceil(q n) - 1, NaN when empty. */
float magnitudes_quantile(const struct magnitudes *m, double q);

#endif

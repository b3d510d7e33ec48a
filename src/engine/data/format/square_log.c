#include "engine/data/format/square_log.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* log2(v) in 6.58 fixed point: the integer part is the leading bit's place, each further bit comes from one squaring (Knuth, TAOCP 1,
 * 1.2.2 exercise 28). Times ln 2, squared, floor. The total error is below 2^-55, so only a v whose ln(v)^2 is that close to an
 * integer could land one class off; every machine lands on the same one. */
uint32_t square_log_exact(uint64_t v)
{
    const uint64_t ln2 = 0xB17217F7D1CF79AC; /* ln 2 * 2^64 */
    unsigned lead = 63 - (unsigned)__builtin_clzll(v | 1);
    uint64_t x = v << (63 - lead), log2 = lead; /* x / 2^63 in [1, 2) */
    for (int bit = 0; bit < 58; bit++) {
        unsigned __int128 square = (unsigned __int128)x * x >> 63;
        unsigned carry = (unsigned)(square >> 64);
        x = (uint64_t)(square >> carry);
        log2 = log2 << 1 | carry;
    }
    uint64_t ln = (uint64_t)((unsigned __int128)log2 * ln2 >> 64);
    return (uint32_t)((unsigned __int128)ln * ln >> 116);
}

void square_log_name(int64_t v, char *name, size_t room)
{
    if (v <= 2) {
        snprintf(name, room, "%" PRId64, v);
        return;
    }
    const uint32_t class = square_log_exact((uint64_t)v);
    /* The first number of this class, and of the one after it: classes ascend, and a number's half and its double are not in its own. */
    uint64_t least = v < 6 ? 3 : (uint64_t)v / 2, next = (uint64_t)v + 1;
    for (uint64_t high = (uint64_t)v; least < high;) {
        uint64_t middle = least + (high - least) / 2;
        if (square_log_exact(middle) < class) least = middle + 1;
        else high = middle;
    }
    for (uint64_t high = 2 * (uint64_t)v; next < high;) {
        uint64_t middle = next + (high - next) / 2;
        if (square_log_exact(middle) <= class) next = middle + 1;
        else high = middle;
    }
    if (next - least == 1) snprintf(name, room, "%" PRIu64, least);
    else snprintf(name, room, ">= %" PRIu64 ", < %" PRIu64, least, next);
}

/* The class of v: libm's where it is clear (it errs by less than 1e-12 below 492), square_log_exact's near a border. */
static uint32_t class_of(uint64_t v)
{
    double log_v = log((double)v), square = log_v * log_v;
    return fabs(square - rint(square)) > 1e-9 ? (uint32_t)square : square_log_exact(v);
}

/* The least v with class >= c, c < SQUARE_LOG_CLASSES. */
static uint64_t border_of(uint32_t c)
{
    uint64_t v = (uint64_t)exp(sqrt((double)c));
    while (class_of(v) < c) v++;
    while (v > 1 && class_of(v - 1) >= c) v--;
    return v;
}

void square_log_init(struct square_log *table)
{
    uint64_t border = border_of(1);
    uint32_t class = 0; /* of the cell's least value; these ascend, and so do their classes */
    for (unsigned cell = 0; cell < SQUARE_LOG_CELLS; cell++) {
        uint64_t least = cell < 128 ? cell : ((uint64_t)64 | cell % 64) << (cell / 64 - 1);
        while (border <= least) border = border_of(++class + 1);
        table->cells[cell] = border << 16 | class;
    }
}

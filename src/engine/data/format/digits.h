/* Decimal digits by the word: eight bytes at a time, without a loop or a branch on their number (bytes as lanes of one word; Lemire 2018,
 * "Quickly parsing eight digits"). For hot loops that look for the usual number first: what they do not read, text.h does; where both
 * do, the bits are the same. Up to 16 bytes behind p are read, whatever is there (CHUNK_SLACK). */
#ifndef TRAINYARD_ENGINE_DATA_DIGITS_H
#define TRAINYARD_ENGINE_DATA_DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint64_t digits_load(const char *p)
{
    uint64_t word;
    memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* digits_count: how many digits the word starts with, 0 to 8. */
static inline size_t digits_count(uint64_t word)
{
    word ^= 0x3030303030303030u;
    uint64_t other = (word | ((word & 0x7F7F7F7F7F7F7F7Fu) + 0x7676767676767676u)) & 0x8080808080808080u; /* bytes above 9 */
    return other ? (size_t)__builtin_ctzll(other) / 8 : 8;
}

/* digits_value: the number in the word's first `size` (1 to 8) bytes, which are digits. */
static inline uint64_t digits_value(uint64_t word, size_t size)
{
    word = (word - 0x3030303030303030u) << (64 - 8 * size);
    word = word * 10 + (word >> 8);
    return ((word & 0x000000FF000000FFu) * 0x000F424000000064u + ((word >> 16 & 0x000000FF000000FFu) * 0x0000271000000001u)) >> 32;
}

extern const uint64_t digits_powers[16]; /* 10^0 .. 10^15 */

/* digits_u64: the number of up to 15 digits at p. Returns what follows, or NULL: none, or more digits. */
static inline const char *digits_u64(const char *p, uint64_t *value)
{
    uint64_t word = digits_load(p);
    size_t size = digits_count(word);
    if (size == 0) return NULL;
    *value = digits_value(word, size);
    if (size < 8) return p + size;
    word = digits_load(p + 8);
    size = digits_count(word);
    if (size == 8) return NULL;
    if (size > 0) *value = *value * digits_powers[size] + digits_value(word, size);
    return p + 8 + size;
}

/* digits_real: the number like 1, -0.25 or 12.5000000001 at p, if one operation on exact doubles gives it (Clinger 1990), as text_real would read it.
 * Returns what follows, or NULL. */
static inline const char *digits_real(const char *p, double *value)
{
    bool minus = *p == '-';
    uint64_t mantissa, fraction;
    double real;
    if (!(p = digits_u64(p + minus, &mantissa))) return NULL;
    if (*p != '.') real = (double)mantissa;
    else {
        const char *end = digits_u64(p + 1, &fraction);
        if (!end) return NULL;
        size_t places = (size_t)(end - p - 1);
        if (mantissa >= digits_powers[15 - places]) return NULL; /* 15 digits together are below 2^53 */
        real = (double)(mantissa * digits_powers[places] + fraction) / (double)digits_powers[places];
        p = end;
    }
    *value = minus ? -real : real;
    return p;
}

#endif

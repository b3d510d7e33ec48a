/* x = m 2^e with a whole m < 2^53, so x 10^k is m 10^k / 2^-e: for k <= 21 the product fits 128 bits, and the division is a shift whose remainder
 * rounds to nearest, ties to even, as printf does. No table of powers beyond one of ten, no loss anywhere. */
#include "base/decimal.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { DIGITS = 12, EXPONENT_LEAST = -10 }; /* of ten */

typedef unsigned __int128 u128;

static const uint64_t tens[] = {1ull,        10ull,        100ull,        1000ull,        10000ull,        100000ull,       1000000ull,
                                10000000ull, 100000000ull, 1000000000ull, 10000000000ull, 100000000000ull, 1000000000000ull};

static u128 power_of_ten(int k) { return k <= DIGITS ? (u128)tens[k] : (u128)tens[DIGITS] * tens[k - DIGITS]; }

/* x 10^k as a whole number, x in [1e-10, 1). */
static uint64_t scaled(double x, int k)
{
    uint64_t bits, mantissa;
    memcpy(&bits, &x, sizeof bits);
    mantissa = (bits & ((1ull << 52) - 1)) | 1ull << 52;
    int shift = 1075 - (int)(bits >> 52); /* 53 .. 86 */
    u128 product = mantissa * power_of_ten(k), half = (u128)1 << (shift - 1);
    uint64_t whole = (uint64_t)(product >> shift);
    u128 left = product & ((half << 1) - 1);
    return whole + (left > half || (left == half && (whole & 1)));
}

/* n < 10^12 as 12 digits. */
static void digits_of(char out[DIGITS], uint64_t n)
{
    uint32_t high = (uint32_t)(n / 1000000), low = (uint32_t)(n % 1000000);
    for (int i = 5; i >= 0; i--) {
        out[i] = (char)('0' + high % 10), high /= 10;
        out[i + 6] = (char)('0' + low % 10), low /= 10;
    }
}

size_t decimal_text(char out[DECIMAL_SIZE], double x)
{
    char digits[DIGITS];
    int exponent = -1;
    size_t used = 0, count = DIGITS;
    if (!(x >= 1e-10 && x < 1)) {
        int n = snprintf(out, DECIMAL_SIZE, "%.12g", x); /* at most 19 characters */
        return n < 0 ? 0 : (size_t)n;
    }
    while (exponent > EXPONENT_LEAST && x * (double)tens[-exponent] < 1) exponent--; /* a hint: rounding can make it off by one */
    uint64_t n = scaled(x, DIGITS - 1 - exponent);
    if (n < tens[DIGITS - 1] && exponent > EXPONENT_LEAST) n = scaled(x, DIGITS - 1 - --exponent);
    if (n >= tens[DIGITS]) {
        n /= 10; /* 999999999999.5 and up: all nines became a one and zeros */
        if (++exponent == 0) return out[0] = '1', 1;
    }
    digits_of(digits, n);
    while (count > 1 && digits[count - 1] == '0') count--;
    if (exponent >= -4) {
        out[used++] = '0', out[used++] = '.';
        for (int i = -1; i > exponent; i--) out[used++] = '0';
        memcpy(out + used, digits, count);
        return used + count;
    }
    out[used++] = digits[0];
    if (count > 1) {
        out[used++] = '.';
        memcpy(out + used, digits + 1, count - 1);
        used += count - 1;
    }
    out[used++] = 'e', out[used++] = '-';
    out[used++] = (char)('0' + -exponent / 10), out[used++] = (char)('0' + -exponent % 10);
    return used;
}

size_t decimal_count(char out[DECIMAL_COUNT_SIZE], uint64_t n)
{
    char digits[DECIMAL_COUNT_SIZE];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}

#include "engine/data/format/text.h"

#include <math.h>
#include <stdlib.h>

static bool digit(char c) { return c >= '0' && c <= '9'; }

bool text_u64(const char *p, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    if (p == end) return false;
    for (; p < end; p++) {
        if (!digit(*p) || __builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value)) return false;
    }
    *out = value;
    return true;
}

bool text_i64(const char *p, const char *end, int64_t *out)
{
    bool minus = p < end && *p == '-';
    uint64_t value;
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (!text_u64(p, end, &value) || value > (uint64_t)INT64_MAX + minus) return false;
    *out = minus ? (int64_t)-value : (int64_t)value;
    return true;
}

/* The slow way for long mantissas and large exponents: strtod on a bounded copy, after the grammar was checked. */
static double real_slow(const char *p, const char *end)
{
    char copy[128];
    size_t n = (size_t)(end - p);
    if (n < sizeof copy) {
        memcpy(copy, p, n);
        copy[n] = 0;
        return strtod(copy, NULL);
    }
    return NAN; /* more than 127 characters: the caller takes it for no number */
}

bool text_real(const char *p, const char *end, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const char *start = p;
    bool minus = p < end && *p == '-';
    uint64_t mantissa = 0;
    int64_t exponent = 0;
    size_t digits = 0;
    if (p < end && (*p == '-' || *p == '+')) p++;
    for (; p < end && digit(*p); p++, digits++)
        if (mantissa < (uint64_t)1 << 53) mantissa = mantissa * 10 + (uint64_t)(*p - '0');
        else exponent = 1 << 20; /* too long for the quick way */
    if (p < end && *p == '.') {
        for (p++; p < end && digit(*p); p++, digits++)
            if (mantissa < (uint64_t)1 << 53) mantissa = mantissa * 10 + (uint64_t)(*p - '0'), exponent--;
            else exponent = 1 << 20;
    }
    if (digits == 0) return false;
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        bool down = p < end && *p == '-';
        int64_t more = 0;
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (p == end) return false;
        for (; p < end && digit(*p); p++)
            if (more < 1 << 19) more = more * 10 + (*p - '0');
        exponent += down ? -more : more;
    }
    if (p != end) return false;
    /* Clinger 1990: a mantissa below 2^53 and a power of ten up to 22 are exact doubles, so one operation rounds once. */
    if (mantissa <= (uint64_t)1 << 53 && exponent >= -22 && exponent <= 22) {
        double value = exponent < 0 ? (double)mantissa / tens[-exponent] : (double)mantissa * tens[exponent];
        *out = minus ? -value : value;
        return true;
    }
    *out = real_slow(start, end);
    return !isnan(*out);
}

int text_label(const char *p, const char *end)
{
    double value;
    if (end - p == 1 && (*p == '0' || *p == '1')) return *p - '0';
    if (!text_real(p, end, &value)) return -1;
    return value == 1 ? 1 : value == 0 || value == -1 ? 0 : -1;
}

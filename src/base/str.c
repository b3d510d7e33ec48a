#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool str_copy(char *dst, size_t size, const char *src)
{
    size_t n = strlen(src);
    bool fits = n < size;
    if (!fits) n = size - 1;
    memcpy(dst, src, n);
    dst[n] = 0;
    return fits;
}

bool str_starts(const char *text, const char *prefix) { return strncmp(text, prefix, strlen(prefix)) == 0; }

bool str_ends(const char *text, const char *suffix)
{
    size_t n = strlen(text), m = strlen(suffix);
    return n >= m && memcmp(text + n - m, suffix, m) == 0;
}

unsigned str_distance(const char *a, const char *b)
{
    enum { MAX = 63 };
    size_t n = strnlen(a, MAX), m = strnlen(b, MAX);
    unsigned d[3][MAX + 1]; /* rows i-2, i-1, i, modulo 3 */
    for (size_t j = 0; j <= m; j++) d[0][j] = (unsigned)j;
    for (size_t i = 1; i <= n; i++) {
        unsigned *row = d[i % 3], *up = d[(i + 2) % 3], *up2 = d[(i + 1) % 3];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= m; j++) {
            unsigned best = up[j - 1] + (a[i - 1] != b[j - 1]);
            if (up[j] + 1 < best) best = up[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && up2[j - 2] + 1 < best) best = up2[j - 2] + 1;
            row[j] = best;
        }
    }
    return d[n % 3][m];
}

const char *str_nearest(const char *text, const char *const *choices)
{
    const char *nearest = NULL;
    unsigned best = 2 + (unsigned)(strnlen(text, 63) / 4);
    for (; *choices; choices++) {
        unsigned distance = str_distance(text, *choices);
        if (distance < best) best = distance, nearest = *choices;
    }
    return nearest;
}

const char *str_choices(char *buf, size_t size, const char *text, const char *const *choices)
{
    const char *nearest = str_nearest(text, choices);
    size_t used = 0;
    buf[0] = 0;
    if (nearest) used += (size_t)snprintf(buf, size, "did you mean \"%s\"? ", nearest);
    for (size_t i = 0; choices[i] && used < size; i++) used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? ", " : "one of ", choices[i]);
    return buf;
}

size_t str_utf8(const char *text, size_t left)
{
    const unsigned char *s = (const unsigned char *)text;
    if (left == 0) return 0;
    if (s[0] < 0x80) return 1;
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || n > left) return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80) return 0;
    bool control = s[0] == 0xc2 && s[1] < 0xa0, overlong = (s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xf0 && s[1] < 0x90);
    bool surrogate = s[0] == 0xed && s[1] >= 0xa0, beyond = s[0] == 0xf4 && s[1] >= 0x90;
    return control || overlong || surrogate || beyond ? 0 : n;
}

static bool is_control(char c) { return (unsigned char)c < 0x20 || c == 0x7f; }

void str_clean(char *text)
{
    for (size_t left = strlen(text); left > 0;) {
        size_t n = str_utf8(text, left);
        if (n == 0 || (is_control(*text) && *text != '\n' && *text != '\t')) *text = '?', n = 1;
        text += n;
        left -= n;
    }
}

const char *str_shown(char *buf, size_t size, const char *text, size_t length, size_t max)
{
    size_t used = 0;
    for (size_t i = 0, n; i < length; i += n) {
        if (i >= max || used + 8 > size) {
            used += (size_t)snprintf(buf + used, size - used, "...");
            break;
        }
        n = str_utf8(text + i, length - i);
        if (n == 0 || is_control(text[i])) n = 1, used += (size_t)snprintf(buf + used, size - used, "\\x%02x", (unsigned char)text[i]);
        else memcpy(buf + used, text + i, n), used += n;
    }
    if (used >= size) used = size - 1;
    buf[used] = 0;
    return buf;
}

bool str_to_int64(const char *text, int64_t *out)
{
    const char *p = text + (*text == '-');
    if (*p < '0' || *p > '9') return false;
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 10);
    if (errno || *end) return false;
    *out = v;
    return true;
}

bool str_to_double(const char *text, double *out)
{
    if (!*text || strspn(text, "0123456789+-.eE") != strlen(text)) return false;
    char *end;
    double v = strtod(text, &end);
    if (*end || !isfinite(v)) return false;
    *out = v;
    return true;
}

const char *str_bytes(char *buf, size_t size, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    size_t u = 0;
    for (; v >= 1024 && u < 6; u++) v /= 1024;
    snprintf(buf, size, u ? "%.1f %s" : "%.0f %s", v, units[u]);
    return buf;
}

const char *str_count(char *buf, size_t size, double count)
{
    if (count >= 1e9) snprintf(buf, size, "%.2f G", count / 1e9);
    else if (count >= 1e6) snprintf(buf, size, "%.2f M", count / 1e6);
    else if (count >= 1e4) snprintf(buf, size, "%.1f k", count / 1e3);
    else snprintf(buf, size, "%.0f", count);
    return buf;
}

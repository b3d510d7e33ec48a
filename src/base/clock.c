#include "base/clock.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Days since 1970-01-01 <-> civil date, proleptic Gregorian (Hinnant, "chrono-compatible low-level date algorithms"). */
static void civil_from_days(int64_t days, int *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    unsigned doe = (unsigned)(days - era * 146097), yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    *day = doy - (153 * mp + 2) / 5 + 1;
    *month = mp < 10 ? mp + 3 : mp - 9;
    *year = (int)((int64_t)yoe + era * 400) + (*month <= 2);
}

static int64_t days_from_civil(int year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    unsigned yoe = (unsigned)(year - era * 400), doy = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + (int64_t)doe - 719468;
}

void time_text(int64_t utc_ms, char out[TIME_TEXT_SIZE])
{
    int64_t days = utc_ms / 86400000, ms = utc_ms % 86400000;
    if (ms < 0) days--, ms += 86400000;
    int year;
    unsigned month, day;
    civil_from_days(days, &year, &month, &day);
    snprintf(out, TIME_TEXT_SIZE, "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", year % 10000, month, day, (int)(ms / 3600000), (int)(ms / 60000 % 60),
             (int)(ms / 1000 % 60), (int)(ms % 1000));
}

/* Reads as many characters as form has: '0' stands for a digit of the next number, anything else for itself. */
static bool time_fields(const char *text, const char *form, int fields[7])
{
    int field = -1;
    for (size_t i = 0; form[i]; i++) {
        bool digit = form[i] == '0', first = digit && (i == 0 || form[i - 1] != '0');
        if (digit ? text[i] < '0' || text[i] > '9' : text[i] != form[i]) return false;
        if (first) fields[++field] = 0;
        if (digit) fields[field] = fields[field] * 10 + (text[i] - '0');
    }
    return true;
}

bool time_parse(const char *text, int64_t *utc_ms)
{
    int f[7] = {0}, year;
    unsigned month, day;
    size_t n = strlen(text);
    if (n == 20 ? !time_fields(text, "0000-00-00T00:00:00Z", f) : n != 24 || !time_fields(text, "0000-00-00T00:00:00.000Z", f)) return false;
    if (f[1] < 1 || f[1] > 12 || f[3] > 23 || f[4] > 59 || f[5] > 60) return false; /* 60: a leap second, the next minute's first here */
    int64_t days = days_from_civil(f[0], (unsigned)f[1], (unsigned)f[2]);
    civil_from_days(days, &year, &month, &day);
    if (year != f[0] || month != (unsigned)f[1] || day != (unsigned)f[2]) return false; /* no such day in that month */
    *utc_ms = days * 86400000 + f[3] * 3600000LL + f[4] * 60000LL + f[5] * 1000LL + f[6];
    return true;
}

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void ulid_make(const struct world *w, char out[ULID_SIZE])
{
    uint8_t random[10];
    uint64_t ms = (uint64_t)world_utc_ms(w);
    w->entropy(w->impl, random, sizeof random);
    for (int i = 0; i < 10; i++) out[i] = crockford[ms >> (45 - 5 * i) & 31];
    for (int i = 0; i < 16; i++) {
        int bit = 5 * i, byte = bit / 8, shift = bit % 8;
        unsigned pair = (unsigned)random[byte] << 8 | (byte + 1 < 10 ? random[byte + 1] : 0u);
        out[10 + i] = crockford[pair >> (11 - shift) & 31];
    }
    out[26] = 0;
}

void id_make(const struct world *w, const char *prefix, char out[ID_SIZE])
{
    char ulid[ULID_SIZE];
    ulid_make(w, ulid);
    snprintf(out, ID_SIZE, "%s%s", prefix, ulid);
}

bool id_valid(const char *id, const char *prefix)
{
    return str_starts(id, prefix) && strlen(id) == strlen(prefix) + 26 && strspn(id + strlen(prefix), crockford) == 26;
}

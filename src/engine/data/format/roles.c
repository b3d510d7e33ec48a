#include "engine/data/format/roles.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "engine/core/batch.h"
#include "engine/data/format/text.h"

const char *role_column(const struct format_context *context, enum role role)
{
    const char *const columns[ROLES] = {context->weight, context->group, context->time};
    return columns[role] ? columns[role] : "";
}

const struct role_row *role_of(const struct format_context *context, const char *column)
{
    for (int r = 0; r < ROLES && *column; r++)
        if (strcmp(role_column(context, (enum role)r), column) == 0) return &roles[r];
    return NULL;
}

int roles_refuse(const struct format_context *context, unsigned allowed, const char *format, const char *instead, struct error *err)
{
    for (int r = 0; r < ROLES; r++)
        if (*role_column(context, (enum role)r) && !(allowed >> r & 1))
            return error_set(err, ERROR_DATA, roles[r].pointer, "format %s has no column \"%.60s\" for the %s of a row; %s", format,
                             role_column(context, (enum role)r), roles[r].name, instead);
    return 0;
}

static void trim(const char **p, const char **end)
{
    while (*p < *end && (**p == ' ' || **p == '\t')) ++*p;
    while (*p < *end && ((*end)[-1] == ' ' || (*end)[-1] == '\t')) --*end;
}

const char *role_weight(const char *p, const char *end, float *weight)
{
    double value;
    trim(&p, &end);
    if (!text_real(p, end, &value)) return "is not a weight; it must be a number >= 0";
    *weight = (float)value;
    return value == 0 || (*weight >= ROW_WEIGHT_MIN && *weight <= ROW_WEIGHT_MAX)
               ? NULL
               : "is not a weight; it must be 0 or from 1e-6 to 1e6 (only the proportions of weights count: scale them)";
}

/* `digits` decimal digits at *p, which moves behind them; -1: something else is there. */
static int number(const char **p, const char *end, int digits)
{
    int value = 0;
    for (; digits > 0; digits--, ++*p) {
        if (*p == end || **p < '0' || **p > '9') return -1;
        value = value * 10 + (**p - '0');
    }
    return value;
}

static bool byte_is(const char **p, const char *end, char c)
{
    if (*p == end || **p != c) return false;
    ++*p;
    return true;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar, years counted from March on. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = year - (month <= 2), era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool date_read(const char **p, const char *end, int64_t *days)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = number(p, end, 4), month, day;
    if (year < 0 || !byte_is(p, end, '-') || (month = number(p, end, 2)) < 1 || month > 12) return false;
    if (!byte_is(p, end, '-') || (day = number(p, end, 2)) < 1) return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    *days = days_of(year, month, day);
    return day <= lengths[month - 1] + (month == 2 && leap);
}

/* HH:MM[:SS[.fraction]] [Z | +HH:MM | -HH:MM], in seconds. */
static bool clock_read(const char **p, const char *end, int64_t *seconds)
{
    int hour = number(p, end, 2), minute, second = 0, sign = 0;
    if (hour < 0 || hour > 23 || !byte_is(p, end, ':') || (minute = number(p, end, 2)) < 0 || minute > 59) return false;
    if (byte_is(p, end, ':') && ((second = number(p, end, 2)) < 0 || second > 60)) return false; /* 60: a leap second */
    if (byte_is(p, end, '.')) {
        if (number(p, end, 1) < 0) return false;
        while (*p < end && **p >= '0' && **p <= '9') ++*p;
    }
    *seconds = hour * 3600 + minute * 60 + second;
    if (byte_is(p, end, 'Z') || byte_is(p, end, 'z')) return true;
    if (byte_is(p, end, '+')) sign = 1;
    else if (byte_is(p, end, '-')) sign = -1;
    if (sign == 0) return true;
    if ((hour = number(p, end, 2)) < 0 || hour > 23 || !byte_is(p, end, ':') || (minute = number(p, end, 2)) < 0 || minute > 59) return false;
    *seconds -= sign * (hour * 3600 + minute * 60);
    return true;
}

static bool moment_read(const char *p, const char *end, int64_t *time)
{
    int64_t days, seconds = 0;
    if (!date_read(&p, end, &days)) return false;
    if (p < end && (!(byte_is(&p, end, 'T') || byte_is(&p, end, 't') || byte_is(&p, end, ' ')) || !clock_read(&p, end, &seconds))) return false;
    *time = days * 86400 + seconds;
    return p == end;
}

const char *role_time(const char *p, const char *end, int64_t *time)
{
    double value;
    trim(&p, &end);
    if (text_i64(p, end, time) || moment_read(p, end, time)) return NULL;
    if (!text_real(p, end, &value)) return "is not a time; it must be a number, or a date like 2026-11-27 or 2026-11-27T08:00:00Z";
    value = floor(value);
    if (!(fabs(value) < 0x1p63)) return "is a time beyond the range of 64 bits";
    *time = (int64_t)value;
    return NULL;
}

static const char *take_weight(const char *p, const char *end, struct rows *rows, size_t row) { return role_weight(p, end, &rows->weights[row]); }

static const char *take_group(const char *p, const char *end, struct rows *rows, size_t row)
{
    rows->groups[row] = hash64(p, (size_t)(end - p), 0);
    return NULL;
}

static const char *take_time(const char *p, const char *end, struct rows *rows, size_t row) { return role_time(p, end, &rows->times[row]); }

const struct role_row roles[ROLES] = {
    [ROLE_WEIGHT] = {"weight", "/dataset/weight", "by which the metrics weigh it", ROWS_WEIGHTS, take_weight},
    [ROLE_GROUP] = {"group", "/dataset/group", "within which GAUC, NDCG and the hit rate rank it", ROWS_GROUPS, take_group},
    [ROLE_TIME] = {"time", "/dataset/time", "which no metric asks for", ROWS_TIMES, take_time},
};

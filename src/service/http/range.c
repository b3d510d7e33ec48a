/* See range.h. */
#include "service/http/range.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <strings.h>

/* parse_number: digits at *at; values beyond 2^63 are as good as the greatest. */
static bool parse_number(const char **at, uint64_t *out)
{
    if (!isdigit((unsigned char)**at)) return false;
    for (*out = 0; isdigit((unsigned char)**at); (*at)++) {
        if (*out > (INT64_MAX - 9) / 10) *out = INT64_MAX / 10;
        *out = *out * 10 + (uint64_t)(**at - '0');
    }
    return true;
}

enum range_kind range_parse(const char *value, uint64_t total, uint64_t *offset, uint64_t *size)
{
    uint64_t first = 0, last = 0;
    *offset = 0, *size = total;
    if (!value || strncasecmp(value, "bytes=", 6) != 0) return RANGE_WHOLE;
    const char *at = value + 6;
    while (*at == ' ') at++;
    bool has_first = parse_number(&at, &first);
    if (*at++ != '-') return RANGE_WHOLE;
    bool has_last = parse_number(&at, &last);
    while (*at == ' ') at++;
    if (*at || (!has_first && !has_last) || (has_first && has_last && last < first)) return RANGE_WHOLE;
    if (!has_first) { /* the last `last` bytes */
        if (last == 0 || total == 0) return RANGE_UNSATISFIABLE;
        *size = last < total ? last : total;
        *offset = total - *size;
        return RANGE_PART;
    }
    if (first >= total) return RANGE_UNSATISFIABLE;
    if (!has_last || last >= total) last = total - 1;
    *offset = first, *size = last - first + 1;
    return RANGE_PART;
}

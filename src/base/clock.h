/* Times and ids as text: RFC 3339 UTC with milliseconds, and ULIDs (time-ordered, URL-safe). */
#ifndef TRAINYARD_BASE_CLOCK_H
#define TRAINYARD_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/world.h"

enum { TIME_TEXT_SIZE = 32, ULID_SIZE = 27, ID_SIZE = 40 };

void time_text(int64_t utc_ms, char out[TIME_TEXT_SIZE]);                   /* "2026-11-24T18:34:35.123Z" */
bool time_parse(const char *text, int64_t *utc_ms);                         /* exactly that form, a day that exists; milliseconds optional */
void ulid_make(const struct world *w, char out[ULID_SIZE]);                 /* 26 characters of Crockford base32: 48 bits of time, 80 of entropy */
void id_make(const struct world *w, const char *prefix, char out[ID_SIZE]); /* "job_" + ULID; prefix of at most 12 characters */
bool id_valid(const char *id, const char *prefix);                          /* prefix + 26 base32 digits: safe in paths and URLs */

#endif

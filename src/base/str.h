/* Strings: bounded copies, "did you mean", human figures. */
#ifndef TRAINYARD_BASE_STR_H
#define TRAINYARD_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* str_copy: dst gets src, always NUL-terminated; false when it was cut. */
bool str_copy(char *dst, size_t size, const char *src);

bool str_starts(const char *text, const char *prefix);
bool str_ends(const char *text, const char *suffix);

/* str_distance: Damerau-Levenshtein distance (optimal string alignment) of the first 63 characters. */
unsigned str_distance(const char *a, const char *b);

/* str_nearest: the choice closest to text, or NULL when none is near enough (distance <= 1 + length/4). choices: NULL-terminated. */
const char *str_nearest(const char *text, const char *const *choices);

/* str_choices: "one of a, b, c", with `did you mean "b"?` in front when one is near. Writes into buf, returns buf. */
const char *str_choices(char *buf, size_t size, const char *text, const char *const *choices);

/* str_utf8: length of the well-formed UTF-8 character at text (1..4), or 0: no such character, or one that no text needs (controls
 * beyond ASCII). ASCII controls count as characters. left: bytes that may be read. */
size_t str_utf8(const char *text, size_t left);

/* str_clean: in place, what is not UTF-8 and what steers a terminal becomes '?'; newline and tab stay. So any message is fit for JSON. */
void str_clean(char *text);

/* str_shown: text for an error message: control bytes and what is not UTF-8 as \xNN, cut to `max` characters with "...", in buf. Returns buf. */
const char *str_shown(char *buf, size_t size, const char *text, size_t length, size_t max);

/* str_to_int64, str_to_double: the whole string or false; no locale, no leading blanks, no hex. */
bool str_to_int64(const char *text, int64_t *out);
bool str_to_double(const char *text, double *out);

/* str_bytes, str_count: "12.3 MiB", "1.20 M". Return buf. */
const char *str_bytes(char *buf, size_t size, uint64_t bytes);
const char *str_count(char *buf, size_t size, double count);

/* str_s: what a noun ends in behind that number: "" for 1, else "s". */
static inline const char *str_s(uint64_t n) { return n == 1 ? "" : "s"; }

#endif

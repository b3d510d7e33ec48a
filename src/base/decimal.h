/* A double as text with 12 significant digits: exactly what printf's "%.12g" writes, at a tenth of its time where scores live (1e-10 <= x < 1). */
#ifndef TRAINYARD_BASE_DECIMAL_H
#define TRAINYARD_BASE_DECIMAL_H

#include <stddef.h>
#include <stdint.h>

enum { DECIMAL_SIZE = 24, DECIMAL_COUNT_SIZE = 20 };

size_t decimal_text(char out[DECIMAL_SIZE], double x);          /* bytes written, no NUL */
size_t decimal_count(char out[DECIMAL_COUNT_SIZE], uint64_t n); /* the same for a count, "%" PRIu64 */

#endif

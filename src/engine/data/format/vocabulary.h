/* A set of texts from a file, one a line: the values that a column knows. Kept as 64-bit hashes, 16 bytes or less a value; of 10 million values,
 * one unknown value in 10^12 is taken for known. Blank lines and a \r before the newline do not count. The file may be packed, as data may, and begin
 * with a byte order mark. */
#ifndef TRAINYARD_ENGINE_DATA_VOCABULARY_H
#define TRAINYARD_ENGINE_DATA_VOCABULARY_H

#include "base/world.h"

enum { VOCABULARY_MAX_BYTES = 1 << 28 };

struct vocabulary;

/* vocabulary_text: the file's text, unpacked and without a byte order mark, into the empty out. ERROR_DATA: it is no regular file (a pipe would be
 * waited for), or no text. */
int vocabulary_text(const struct world *world, const char *path, struct bytes *out, struct error *err);

/* vocabulary_read: NULL on failure: ERROR_DATA when the file is missing, empty or too large. */
struct vocabulary *vocabulary_read(const struct world *world, const char *path, struct error *err);
void vocabulary_free(struct vocabulary *vocabulary); /* NULL is fine */
bool vocabulary_has(const struct vocabulary *vocabulary, const char *text, size_t size);
size_t vocabulary_count(const struct vocabulary *vocabulary);

#endif

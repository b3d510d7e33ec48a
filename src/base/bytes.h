/* A growing byte buffer that states its ceiling at init: beyond it, ERROR_TOOLARGE, never an unbounded allocation. */
#ifndef TRAINYARD_BASE_BYTES_H
#define TRAINYARD_BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct bytes {
    uint8_t *data; /* size bytes, then a NUL that is not counted; NULL while empty and never grown */
    size_t size, capacity, max;
};

void bytes_init(struct bytes *b, size_t max);                       /* allocates nothing */
void bytes_close(struct bytes *b);                                  /* safe on a zeroed struct, and twice */
void bytes_clear(struct bytes *b);                                  /* size 0; keeps the memory */
int bytes_reserve(struct bytes *b, size_t more, struct error *err); /* room for `more` bytes past size */
int bytes_add(struct bytes *b, const void *data, size_t size, struct error *err);
int bytes_add_text(struct bytes *b, const char *text, struct error *err);
int bytes_printf(struct bytes *b, struct error *err, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
const char *bytes_text(const struct bytes *b);         /* NUL-terminated view; "" when empty */
char *bytes_take(struct bytes *b, size_t *size_bytes); /* the caller's now (mem_free); b is empty again */

/* LEB128 varints: 7 bits a byte, low first. bytes_add_varint appends; varint_read advances *at, returns 0, or -1 on a torn or
 * over-long (> 10 bytes) number. */
int bytes_add_varint(struct bytes *b, uint64_t value, struct error *err);
int varint_read(const uint8_t **at, const uint8_t *end, uint64_t *value);

#endif

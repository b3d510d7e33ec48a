/* JSON: Jansson with our rules. Home of jansson; json_t is the project's JSON value everywhere.
 *
 * Reading: duplicate keys, trailing text, nesting beyond JSON_DEPTH_MAX and non-UTF-8 are errors that name line and column.
 * Writing: keys sorted, doubles in the shortest form that reads back to the same bits (0.1, not 0.10000000000000001); NaN and
 * infinities cannot be written and become null (say so beside the field). So equal values give equal bytes. */
#ifndef TRAINYARD_BASE_JSON_H
#define TRAINYARD_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"
#include "base/error.h"

enum { JSON_DEPTH_MAX = 64 };

/* json_read: parse `size` bytes; `name` (a file, "request body") goes into the message. New reference, or
 * NULL + ERROR_MALFORMED or ERROR_NOMEM. */
json_t *json_read(const void *text, size_t size, const char *name, struct error *err);

int json_write(const json_t *value, struct bytes *out, struct error *err);        /* one line, sorted keys */
int json_write_pretty(const json_t *value, struct bytes *out, struct error *err); /* two-space indent, sorted keys, final newline */

const char *json_type_name(const json_t *value); /* "a string", "an object", "true", ... for messages */

/* json_brief: the value as short text for an error message, in buf; strings quoted, long values cut. Returns buf. */
const char *json_brief(char *buf, size_t size, const json_t *value);

/* json_pointer_add: base + "/" + key as a JSON pointer (RFC 6901: "~" and "/" escaped), cut when it does not fit. out may not be base. */
enum { JSON_POINTER_SIZE = 128 };
const char *json_pointer_add(char out[JSON_POINTER_SIZE], const char *base, const char *key);

/* json_real_or_null: a finite double as a JSON real, otherwise null. New reference. */
json_t *json_real_or_null(double value);

/* json_line_of: 1-based line in `text` of the value at JSON pointer `pointer` ("/optimizer/lr"), or of its nearest parent found.
 * A small scanner, since Jansson keeps no positions; text must have parsed. */
size_t json_line_of(const char *text, size_t size, const char *pointer);

#endif

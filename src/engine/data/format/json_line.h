/* Inside the data room: a flat JSON object on one line, key by key, without a tree: {"user": "u1", "age": 31, "tags": ["a", "b"], "seen": null}.
 *
 * Strict by RFC 8259, and by what a row can hold: values are strings, numbers, true, false, null and arrays of such; no objects inside, no
 * arrays inside arrays; well-formed UTF-8; no NUL character. What a value says is its text: a string without its escapes, a number as it is
 * written. */
#ifndef TRAINYARD_ENGINE_DATA_JSON_LINE_H
#define TRAINYARD_ENGINE_DATA_JSON_LINE_H

#include "engine/data/format/column.h"

struct json_line {
    const char *p, *end; /* what is left of the line; a newline or slack follows */
    char *scratch;       /* room for as many bytes as the line has: texts that had escapes, and lists */
    const char *why;     /* of a failure, at p */
    bool begun;
};

/* json_line_next: 1: a key and its value (null and an array without a text are an empty text); 0: the object is over, and so is the line; -1: see
 * why. The texts point into the line or the scratch and stay until the line is done with. */
int json_line_next(struct json_line *line, struct cell *key, struct cell *value);

#endif

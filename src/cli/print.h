/* Printing JSON: one value a call, pretty for a person who asked for --json, one line for streams. */
#ifndef TRAINYARD_CLI_PRINT_H
#define TRAINYARD_CLI_PRINT_H

#include <stdio.h>

#include "base/json.h"

int print_json(FILE *out, const json_t *value, struct error *err);      /* pretty, with a final newline */
int print_json_line(FILE *out, const json_t *value, struct error *err); /* one line */

/* Fields of answers, which are hostile too: a missing or other-typed field is the default. Strings are borrowed from object. */
const char *field_text(const json_t *object, const char *key); /* "" by default */
double field_number(const json_t *object, const char *key, double missing);
int64_t field_int(const json_t *object, const char *key, int64_t missing);

#endif

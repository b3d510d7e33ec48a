/* Kinds and options: what each pluggable thing (format, model, optimiser, codec, ...) says of itself, so that outsiders can list,
 * default, check and document it without including it. --help, GET /v1/kinds, validation, OpenAPI and tests loop over these rows;
 * nothing else lists names.
 *
 * A params struct is plain old data: numbers, bools, name indices and inline texts at the offsets that the rows state. An option
 * named "retention.start" is read from {"retention": {"start": 0.5}}; when the value of "retention" is no object it is taken for
 * the first option of that group ({"retention": 0.5}). */
#ifndef TRAINYARD_BASE_KIND_H
#define TRAINYARD_BASE_KIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/faults.h"
#include "base/json.h"

enum option_type {
    OPT_END,
    OPT_INT,    /* int64_t; def, min, max are exact up to 2^53 */
    OPT_AUTO,   /* int64_t; the text "auto" is 0, numbers within min..max */
    OPT_REAL,   /* double */
    OPT_BOOL,   /* bool */
    OPT_NAME,   /* int: index in choices; def is an index */
    OPT_TEXT,   /* char[OPTION_TEXT_SIZE], inline; "" by default (or def_text) */
    OPT_LIST,   /* the same, read from an array of strings (one string is a list of one): one a line, none empty; "" is the empty list */
    OPT_MAP,    /* char[OPTION_MAP_SIZE], inline: a text, or an object of strings as JSON with sorted keys ("{...}"); "" by default */
    OPT_TUPLES, /* char[OPTION_TUPLES_SIZE], inline: an array of arrays of min to max strings, as JSON ("[[...], ...]"); "" by default and when empty
                 */
    OPT_INTS,   /* struct option_ints, read from an array of at most OPTION_INTS_MAX integers, each min..max (one integer is a list of one); def_text:
                   the same as JSON */
};
enum { OPTION_INTS_MAX = 5, OPTION_TEXT_SIZE = 256, OPTION_MAP_SIZE = 1 << 16, OPTION_TUPLES_SIZE = 1 << 13 };

enum option_flags {
    OPTION_ABOVE_MIN = 1, /* REAL: min itself is not allowed ("must be > 0") */
    OPTION_BELOW_MAX = 2, /* REAL: max itself is not allowed */
    OPTION_RUNTIME = 4,   /* changes speed or place, never the model: not part of the spec's digest */
    OPTION_SHARE = 16,    /* REAL: all of these in one table are shares of one whole, and something must be left: their sum is < 1 */
    OPTION_NUMBERS = 32,  /* TEXT: a number is taken as its text */
    OPTION_SAY_WHY = 8,   /* the help gives the reason of the limits: a number out of range is answered with it */
};

struct option_ints {
    size_t count;
    int64_t item[OPTION_INTS_MAX];
};

struct option {
    const char *name;
    enum option_type type;
    size_t offset;
    double def, min, max;
    const char *help;           /* one line: meaning and unit */
    const char *const *choices; /* OPT_NAME: NULL-terminated */
    unsigned flags;
    const char *def_text; /* OPT_TEXT, OPT_LIST, OPT_INTS */
};

struct kind {
    const char *name, *summary, *source; /* source: paper, standard or "" */
    size_t params_size;                  /* 0 when options is NULL */
    const struct option *options;        /* ends with {0}; NULL: none */
};

/* One table of options and the struct they fill. An object's keys may come from several (common ones, then the kind's own). */
struct option_set {
    const struct option *options; /* NULL: none */
    void *params;
};

void options_default(const struct option *options, void *params);

/* options_read: fill sets (defaults first) from the object at `pointer`; unknown keys, wrong types and ranges become faults.
 * object NULL: defaults only. `skip`: NULL-terminated keys that the caller handles itself ("kind"), or NULL. */
void options_read(const struct option_set *sets, size_t count, const json_t *object, const char *pointer, const char *const *skip,
                  struct faults *faults);

/* options_write: add each option (nested groups as objects) to the JSON object. digest_only leaves OPTION_RUNTIME ones out. */
int options_write(const struct option *options, const void *params, json_t *object, bool digest_only, struct error *err);

/* options_describe: the rows as a JSON array [{name, type, default, min, max, choices, help}]. New reference or NULL. */
json_t *options_describe(const struct option *options);

/* option_list_next: the next item of an OPT_LIST's text into item, *at moving on from the text's start; false: no more. */
bool option_list_next(const char **at, char item[OPTION_TEXT_SIZE]);

/* kind_find: the row of that name, or NULL. A table of kinds is a NULL-terminated array of pointers to structs that start with
 * `struct kind`, seen as const struct kind *const *. */
const struct kind *kind_find(const struct kind *const *kinds, const char *name);

/* kind_names: fills names (max entries, NULL-terminated) with the table's names; for str_choices. */
void kind_names(const struct kind *const *kinds, const char **names, size_t max);

#endif

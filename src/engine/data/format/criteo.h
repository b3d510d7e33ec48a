/* Inside the data room: what the Criteo format's kernel (criteo.inc.c, one copy an instruction set) shares with format_criteo.c. */
#ifndef TRAINYARD_ENGINE_DATA_CRITEO_H
#define TRAINYARD_ENGINE_DATA_CRITEO_H

#include "base/kernel.h"
#include "engine/data/format/format.h"
#include "engine/data/format/label.h"
#include "engine/data/format/roles.h"
#include "engine/data/format/square_log.h"

enum { CRITEO_INTEGERS = 13, CRITEO_CATEGORIES = 26, CRITEO_FIELDS = 39, CRITEO_SMALL = 64 };

/* The keys of an integer column: slots of "SP-64" .. "SP2", of "0" .. "491" and of "". */
enum { CRITEO_CLASS_0 = CRITEO_SMALL + 3, CRITEO_MISSING = CRITEO_CLASS_0 + SQUARE_LOG_CLASSES, CRITEO_SLOTS };

struct criteo {
    uint16_t layout[CRITEO_FIELDS]; /* (kept): 0, 1, ... */
    uint8_t columns[CRITEO_FIELDS]; /* (kept): the column of each field: all but those with a role */
    uint32_t kept;
    uint64_t played; /* bit c: column c has a role */
    int role[ROLES]; /* column with it that is read, or -1 */
    struct label_rule labels;
    bool no_labels; /* lines start with I1 */
    char names[CRITEO_FIELDS][4];
    /* keys that a table can hold, so that no text is hashed for them */
    uint64_t seeds[CRITEO_FIELDS];   /* of I1..I13, C1..C26 */
    uint64_t flips[CRITEO_FIELDS];   /* hash64_flip of each */
    uint32_t missing[CRITEO_FIELDS]; /* "" */
    uint32_t slots[CRITEO_INTEGERS][CRITEO_SLOTS];
    struct square_log log;
};

/* criteo_integer_key: the key of integer column c with any value; the slow way, by hashing its text. */
uint32_t criteo_integer_key(const struct criteo *state, size_t c, int64_t value);

/* criteo_roles: weight, group and time of the row that begins at rows->count, and its CRITEO_FIELDS keys closed up where columns have a role. m:
 * marks as in the kernel: column c lies between m[c] and m[c + 1]. False: a text is none that its role takes. */
bool criteo_roles(const struct criteo *state, const char *text, const uint32_t *m, struct rows *rows);

/* criteo_refuse: report what is wrong with the line [p, end), which the kernel did not like. A blank one is passed over in silence. */
void criteo_refuse(const struct criteo *state, const char *p, const char *end, const struct chunk *chunk, uint64_t line, struct bad_rows *bad);

/* criteo_parse: format.parse with room for chunk->size + 64 marks, twice. */
KERNEL_DECLARE(int, criteo_parse, (const struct criteo *state, const struct chunk *chunk, struct parsed *out, uint32_t *marks, struct error *err));

#endif

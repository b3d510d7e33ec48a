/* Inside the data room: the schema of a table as the user writes it.
 *
 *   text:    COLUMN:TYPE[(ARGUMENT)] [missing=WHAT], ...
 *   object:  {"COLUMN": "TYPE[(ARGUMENT)] [missing=WHAT]", ...}    (here as JSON text, which begins with a brace)
 *
 * COLUMN is a name, the start of names (C*), a number counted from 0, or a range of numbers (0-5). Of the items that mean a column the most
 * specific one holds, whatever their order: a name before a number before a range (the narrower first) before a start (the longer first). In the
 * text form COLUMN, ARGUMENT and WHAT may stand in single quotes, a quote inside doubled; so any name can be written.
 *
 * missing: what becomes of an empty cell. own (as without it): a value of its own; error: the row is bad; skip: no feature; any other text: the
 * cell is read as if that stood there. */
#ifndef TRAINYARD_ENGINE_DATA_SCHEMA_H
#define TRAINYARD_ENGINE_DATA_SCHEMA_H

#include "base/faults.h"
#include "base/json.h"
#include "engine/data/format/column.h"

enum { SCHEMA_ITEMS_MAX = 16384 };
enum missing { MISSING_OWN, MISSING_ERROR, MISSING_SKIP, MISSING_CONSTANT };

struct schema_item {
    char *column, *argument, *constant; /* argument and constant: "" when there are none */
    const struct column_type *type;
    enum missing missing;
    struct item_data data; /* empty until schema_load() */
    bool used;             /* it meant some column */
};

struct schema {
    struct schema_item *items; /* (count) */
    size_t count;
    bool object; /* it is written as one */
};

/* schema_read: text "" is an empty schema. ERROR_DATA, schema_pointer(). schema_read_all: every item's fault, if it has one, into faults, and the
 * others into schema; fails for want of memory alone. schema_load, schema_item_load: read what the arguments name. */
int schema_read(struct schema *schema, const char *text, struct error *err);
int schema_read_all(struct schema *schema, const char *text, struct faults *faults, struct error *err);
int schema_load(struct schema *schema, const struct world *world, struct error *err);
int schema_item_load(const struct schema *schema, struct schema_item *item, const struct world *world, struct error *err);
void schema_close(struct schema *schema); /* safe on a zeroed struct, and twice */

/* schema_find: the item for the column of that name and number (SIZE_MAX: it has none), marked as used; or NULL. */
struct schema_item *schema_find(struct schema *schema, const char *name, size_t number);

/* schema_pointer: where the item stands: "/dataset/schema/age" of an object, "/dataset/schema" of a text, or of the whole (column NULL). */
const char *schema_pointer(const struct schema *schema, const char *column, char out[JSON_POINTER_SIZE]);

/* schema_range: the numbers that COLUMN means (equal: one of them); false: it is no number. schema_is_one: does the item mean the column of that
 * name, or a number, alone? */
bool schema_range(const struct schema_item *item, size_t *from, size_t *to);
bool schema_is_one(const struct schema_item *item, const char *name);

bool schema_is_name(const struct schema_item *item); /* does COLUMN mean one name, and no start of names? */

#endif

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
};

/* schema_read: text "" is an empty schema. ERROR_DATA, /dataset/schema. schema_load: read what the arguments name. */
int schema_read(struct schema *schema, const char *text, struct error *err);
int schema_load(struct schema *schema, const struct world *world, struct error *err);
void schema_close(struct schema *schema); /* safe on a zeroed struct, and twice */

/* schema_find: the item for the column of that name and number (SIZE_MAX: it has none), marked as used; or NULL. */
struct schema_item *schema_find(struct schema *schema, const char *name, size_t number);

bool schema_is_name(const struct schema_item *item); /* does COLUMN mean one name, and no start of names? */

#endif

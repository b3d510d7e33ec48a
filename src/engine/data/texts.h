/* What a key stands for: the text of a field's value, found by reading the source once more with the format's own eyes (explain_rows). The block
 * cache holds keys alone. */
#ifndef TRAINYARD_ENGINE_DATA_TEXTS_H
#define TRAINYARD_ENGINE_DATA_TEXTS_H

#include "engine/data/dataset.h"

enum { VALUE_TEXT_SIZE = 64 };

struct value_text { /* of one value */
    uint16_t field;
    uint32_t key;
    bool found;
    char text[VALUE_TEXT_SIZE]; /* fit for JSON and terminals, cut after 56 bytes; "" when the cell is empty */
};

/* texts_find: fields: of the data, as dataset_info has them. Fill in what can be found in the first text_bytes_max bytes of the data that config
 * names (its cache is not used); stops when all are found. A value is called by the first text that has its key, or, where many have it, by what
 * they have in common (format.h, value_name). 0 also when some are not
 * found; ERROR_DATA and others of the source: it cannot be read again, or has changed. */
int texts_find(const struct dataset_config *config, uint32_t fields, struct value_text *wanted, size_t count, uint64_t text_bytes_max,
               struct error *err);

#endif

/* Columns by name: the text that is scored may have them in another order than the text that was trained on, and others besides. A row is brought to
 * the model's fields, in their order, so that its score is the one it had in training to the last bit; features of columns that the model was not
 * trained on are left out, for their keys would fall on slots that belong to others.
 *
 * Where fields are numbers of the text, the numbers are the model's; crosses settle behind those that the model knows (crosses.h). */
#ifndef TRAINYARD_ENGINE_PREDICT_FIELD_MAP_H
#define TRAINYARD_ENGINE_PREDICT_FIELD_MAP_H

#include "base/json.h"
#include "engine/core/admission.h"
#include "engine/core/batch.h"

struct field_map { /* of one text and one model; zeroed: the text's fields are the model's */
    uint16_t *to;  /* (count): the model's field of each of the text's, or FIELD_UNKNOWN; NULL: the same, in the same order */
    size_t count;
    json_t *extra;   /* names of the text's fields that the model does not have; NULL: none */
    uint32_t fields; /* of the model, the last `crosses` of which are crosses to settle */
    size_t crosses;  /* 0: none */
};

/* field_map_init: known: an array of the names of the model's fields in their order; NULL: not known, which gives the map that changes nothing.
 * model: for the message. ERROR_DATA names the fields that the text lacks: without them every score would be another one. */
int field_map_init(struct field_map *m, const json_t *known, const struct field_names *names, const char *model, struct error *err);
/* field_map_numbered: the map of fields that are numbers, with so many crosses (crosses_numbered()), to a model of `fields` fields. */
static inline struct field_map field_map_numbered(uint32_t fields, size_t crosses)
{
    return (struct field_map){.fields = fields, .crosses = crosses};
}
void field_map_close(struct field_map *m); /* safe on a zeroed struct, and twice */

/* field_names_shown: an array of names as "a", "b", ... for a message; in buf, which it returns. */
const char *field_names_shown(const json_t *names, char *buf, size_t size);

struct field_mapped {   /* a worker's own, reused; zeroed: ready */
    struct batch batch; /* the rows with the model's fields */
    uint32_t *offsets, *keys;
    float *values;
    uint16_t *fields;
    size_t rows_max, features_max; /* private */
};
int field_map_apply(const struct field_map *m, const struct batch *from, struct field_mapped *to, struct error *err);
void field_mapped_close(struct field_mapped *m); /* safe on a zeroed struct, and twice */

#endif

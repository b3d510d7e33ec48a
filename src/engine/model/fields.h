/* For families of pairs of fields: the features of a row that have one, in tiles, so that a pass over all pairs of a row needs no memory of the row's
 * size and its inner loop meets no feature that takes no part. */
#ifndef TRAINYARD_ENGINE_MODEL_FIELDS_H
#define TRAINYARD_ENGINE_MODEL_FIELDS_H

#include "engine/model/model.h"

enum { FIELD_TILE = 128 };

struct field_tile { /* n features with fields, in the row's order */
    size_t n;
    float x[FIELD_TILE];
    size_t at[FIELD_TILE];      /* where its compact row starts, in floats */
    uint32_t field[FIELD_TILE]; /* times step */
};

/* field_tile_fill: the next features of row r that have fields below `fields`, from feature `from` on; returns where to go on. width: floats a
 * compact row; step: what to multiply fields by. A field that training did not know (a later file may have one) is none. */
static inline size_t field_tile_fill(struct field_tile *tile, const struct batch *b, const uint32_t *local, size_t r, size_t from, uint32_t fields,
                                     size_t width, uint32_t step)
{
    const uint16_t *field = batch_fields(b, r);
    size_t n = 0, i = from, start = b->offsets[r], end = b->offsets[r + 1];
    if (!field) i = end;
    for (; i < end && n < FIELD_TILE; i++) {
        uint32_t f = field[i - start];
        if (f >= fields) continue;
        tile->field[n] = f * step;
        tile->at[n] = (size_t)local[i] * width;
        tile->x[n++] = b->values ? b->values[i] : 1;
    }
    tile->n = n;
    return i;
}

/* fields_check: ERROR_INVALID on model.kind unless the data has fields, at most `most` of them (0: any number). */
int fields_check(const char *name, struct model_shape shape, uint32_t most, struct error *err);

#endif

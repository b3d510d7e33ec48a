/* Feature crosses (features.crosses): the values of two or three fields make one more feature together, so that a linear model can learn of pairs.
 *
 *   key   = top 32 bits of XXH3-64(the members' keys, 4 bytes little-endian each; seed = seed of the field "C1*C2")   (feature.h)
 *   value = the product of the members' values, held within the range of a float
 *
 * Where a member field has several features in a row, every combination is one; where it has none, there is none. A row with more than
 * CROSS_ROW_MAX combinations of one cross is a bad row. Cross fields are numbered behind the format's own. Where fields are numbers of the text
 * (libffm) the parser does not know the highest, and cross c is FIELD_MAX - c; whoever knows how many fields there are settles it behind those of the
 * text, as fields - 1 - c (crosses_settle).
 *
 * It is a format around the format: whoever reads text prepares through crosses_prepare() and then sees crosses as fields like any others. */
#ifndef TRAINYARD_ENGINE_DATA_CROSSES_H
#define TRAINYARD_ENGINE_DATA_CROSSES_H

#include "engine/data/format/format.h"

enum { CROSS_ROW_MAX = 4096, CROSS_MEMBERS_MAX = 3, CROSSES_MAX = 256 };

/* crosses_prepare: (*format)->prepare, and if context->crosses names some, *format becomes a format that adds them to its rows, with the state
 * returned. Release it with (*format)->release. ERROR_DATA, /features/crosses: a name is no field's (told now or by header()), a field is one that
 * the training rows' statistics still have to make, or the format knows no fields. */
void *crosses_prepare(const struct format **format, const void *params, const struct format_context *context, struct error *err);

/* crosses_numbered: how many crosses the JSON text `crosses` ("" or NULL: none) names, where that format's fields are numbers of the text, so that
 * the crosses' fields are to be settled; else 0. */
size_t crosses_numbered(const struct format *format, const char *crosses);

/* crosses_settle: fields as parsed to those of data that has `fields`, the last `crosses` of them the crosses'. A field of the text that this data
 * does not have is FIELD_UNKNOWN then. from may be to. */
void crosses_settle(uint32_t fields, size_t crosses, const uint16_t *from, size_t count, uint16_t *to);

/* crosses_name: of cross c of the JSON text, cut to fit. Returns buf; "": there is none. */
const char *crosses_name(const char *crosses, size_t c, char *buf, size_t size);

/* crosses_find: the number c of the cross of that name ("C1*C2") in the JSON text, or -1. */
int crosses_find(const char *crosses, const char *name);

#define NO_FIELDS_TO_CROSS "format %s knows no fields that could be crossed; libffm does"
#define FITTED_IS_NO_MEMBER "is made of the training rows' statistics and cannot be crossed; type buckets(e1;e2;...) can"

#endif

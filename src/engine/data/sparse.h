/* What libsvm and libffm share: lines of "label token token ... # comment", tokens separated by blanks. */
#ifndef TRAINYARD_ENGINE_DATA_SPARSE_H
#define TRAINYARD_ENGINE_DATA_SPARSE_H

#include "engine/data/format.h"

/* Why the token [p, end) is no feature, or NULL and its key and value. */
typedef const char *sparse_token_fn(const void *state, const char *p, const char *end, uint32_t *key, float *value);

/* sparse_parse: format.parse for such lines. */
int sparse_parse(const void *state, sparse_token_fn *token, const struct chunk *chunk, struct parsed *out, struct error *err);

/* sparse_value: the finite 32-bit float in [p, end), or why it is none. */
const char *sparse_value(const char *p, const char *end, float *value);

#endif

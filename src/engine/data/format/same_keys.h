/* Do two ways to read rows give the same features the same keys? For whoever goes on with a model that was trained on rows read in another way.
 *
 * Labels, delimiters and quotes do not bear on keys. Columns that one side does not have may be typed as they like: they meet nothing. */
#ifndef TRAINYARD_ENGINE_DATA_SAME_KEYS_H
#define TRAINYARD_ENGINE_DATA_SAME_KEYS_H

#include "engine/data/format/format.h"

struct key_maker { /* borrowed */
    const struct kind *format;
    const void *params;
    const void *context;
    bool (*has)(const void *context, const char *field); /* is there a field of that name in the rows? */
};

/* keys_agree: ERROR_INVALID names the option of `now` that gives other keys than `then` did. */
int keys_agree(const struct key_maker *then, const struct key_maker *now, struct error *err);

#endif

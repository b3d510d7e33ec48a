#include "engine/model/fields.h"

#include <inttypes.h>

int fields_check(const char *name, struct model_shape shape, uint32_t most, struct error *err)
{
    if (shape.fields == 0)
        return error_set(
            err, ERROR_INVALID, "/model/kind",
            "%s works on pairs of fields, and the data has none; formats with fields are criteo, csv, tsv, jsonl, libffm and vw (or choose fm)",
            name);
    if (most > 0 && shape.fields > most)
        return error_set(err, ERROR_INVALID, "/model/kind",
                         "%s holds one weight a pair of fields, for at most %" PRIu32 " fields, and the data has %" PRIu32
                         "; choose fm, or fewer columns",
                         name, most, shape.fields);
    return 0;
}

/* Any bytes as the schema of a table. What is taken means something for every column; what is refused says why in words that fit a message. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/data/format/columns.h"

#define MUST(condition) \
    if (!(condition)) abort()

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct columns_params params; /* 64 KB */
    static const char *const names[] = {"label", "a", "b", "C1", "C12", "x:y", "it's, (so)"};
    struct cell cells[7];
    struct columns t;
    struct error err = {0};
    const struct format_context context = {.hash_seed = 1};
    if (size == 0 || size >= sizeof params.schema) return 0;
    memcpy(params.schema, data + 1, size - 1);
    params.schema[size - 1] = 0;
    for (size_t i = 0; i < 7; i++) cells[i] = (struct cell){names[i], (uint32_t)strlen(names[i]), false};
    int rc = columns_open(&t, &params, &context, &err);
    if (rc == 0) {
        rc = columns_plan(&t, cells, 7, (enum columns_names)(data[0] % 3), &err);
        MUST(rc < 0 || (t.feed_count > 0 && t.feed_count <= 6));
        for (size_t f = 0; rc == 0 && f < t.feed_count; f++) MUST(columns_field_name(&t, f) && t.feeds[f].column->type->feature);
        columns_close(&t);
    }
    MUST(rc == 0 ? err.code == ERROR_NONE : (err.code == ERROR_DATA || err.code == ERROR_MALFORMED) && *err.msg);
    return 0;
}

#include "engine/data/rows.h"

#include "base/mem.h"

void rows_clear(struct rows *rows, bool with_values)
{
    rows->count = rows->features = 0;
    rows->with_values = with_values;
}

void rows_close(struct rows *rows)
{
    mem_free(rows->ends);
    mem_free(rows->keys);
    mem_free(rows->values);
    mem_free(rows->labels);
    *rows = (struct rows){0};
}

/* At least `need`, at least half as much again as before: amortised growth. */
static size_t grown(size_t now, size_t need)
{
    size_t more = now + now / 2 + 64;
    return need > more ? need : more;
}

int rows_grow(struct rows *rows, size_t more_rows, size_t more_features, struct error *err)
{
    size_t need_rows = rows->count + more_rows, need_features = rows->features + more_features;
    int rc;
    if (need_features > UINT32_MAX || need_rows > UINT32_MAX)
        return error_set(err, ERROR_TOOLARGE, NULL, "%zu rows with %zu features are too many for one piece", need_rows, need_features);
    if (need_rows > rows->rows_max) {
        size_t max = grown(rows->rows_max, need_rows);
        if ((rc = mem_grow((void **)&rows->ends, max, sizeof *rows->ends, err)) < 0) return rc;
        if ((rc = mem_grow((void **)&rows->labels, max, sizeof *rows->labels, err)) < 0) return rc;
        rows->rows_max = max;
    }
    bool values_missing = rows->with_values && !rows->values;
    if (need_features <= rows->features_max && !values_missing) return 0;
    size_t max = need_features > rows->features_max ? grown(rows->features_max, need_features) : rows->features_max;
    if ((rc = mem_grow((void **)&rows->keys, max, sizeof *rows->keys, err)) < 0) return rc;
    if ((rows->with_values || rows->values) && (rc = mem_grow((void **)&rows->values, max, sizeof *rows->values, err)) < 0) return rc;
    rows->features_max = max;
    return 0;
}

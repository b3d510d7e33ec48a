#include "engine/data/rows.h"

#include "base/mem.h"

void rows_clear(struct rows *rows, unsigned with)
{
    rows->count = rows->features = 0;
    rows->with = with;
    rows->layout = NULL;
    rows->layout_size = 0;
}

void rows_close(struct rows *rows)
{
    mem_free(rows->ends);
    mem_free(rows->keys);
    mem_free(rows->values);
    mem_free(rows->fields);
    mem_free(rows->labels);
    mem_free(rows->weights);
    mem_free(rows->groups);
    mem_free(rows->times);
    mem_free(rows->reals);
    *rows = (struct rows){0};
}

/* At least `need`, at least half as much again as before: amortised growth. */
static size_t grown(size_t now, size_t need)
{
    size_t more = now + now / 2 + 64;
    return need > more ? need : more;
}

/* An optional array, made at its first use and kept from then on. */
static int part_grow(void **array, bool wanted, size_t max, size_t size, struct error *err)
{
    return wanted || *array ? mem_grow(array, max, size, err) : 0;
}

int rows_grow(struct rows *rows, size_t more_rows, size_t more_features, struct error *err)
{
    size_t need_rows = rows->count + more_rows, need_features = rows->features + more_features;
    unsigned with = rows->with;
    int rc;
    if (need_features > UINT32_MAX || need_rows > UINT32_MAX)
        return error_set(err, ERROR_TOOLARGE, NULL, "%zu rows with %zu features are too many for one piece", need_rows, need_features);
    size_t max = need_rows > rows->rows_max ? grown(rows->rows_max, need_rows) : rows->rows_max;
    if ((rc = mem_grow((void **)&rows->ends, max, sizeof *rows->ends, err)) < 0) return rc;
    if ((rc = mem_grow((void **)&rows->labels, max, sizeof *rows->labels, err)) < 0) return rc;
    if ((rc = part_grow((void **)&rows->weights, with & ROWS_WEIGHTS, max, sizeof *rows->weights, err)) < 0) return rc;
    if ((rc = part_grow((void **)&rows->groups, with & ROWS_GROUPS, max, sizeof *rows->groups, err)) < 0) return rc;
    if ((rc = part_grow((void **)&rows->times, with & ROWS_TIMES, max, sizeof *rows->times, err)) < 0) return rc;
    if ((rc = part_grow((void **)&rows->reals, with & ROWS_REALS, max, sizeof *rows->reals, err)) < 0) return rc;
    rows->rows_max = max;
    max = need_features > rows->features_max ? grown(rows->features_max, need_features) : rows->features_max;
    if ((rc = mem_grow((void **)&rows->keys, max, sizeof *rows->keys, err)) < 0) return rc;
    if ((rc = part_grow((void **)&rows->values, with & ROWS_VALUES, max, sizeof *rows->values, err)) < 0) return rc;
    if ((rc = part_grow((void **)&rows->fields, with & ROWS_FIELDS, max, sizeof *rows->fields, err)) < 0) return rc;
    rows->features_max = max;
    return 0;
}

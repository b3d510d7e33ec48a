#include "engine/core/grad.h"

#include <string.h>

#include "base/mem.h"

int grad_buffer_reserve(struct grad_buffer *b, size_t count, uint32_t width, bool keep, struct error *err)
{
    size_t floats;
    if (!mem_product(count, width, &floats)) return error_set(err, ERROR_NOMEM, NULL, "%zu rows of %u floats do not fit", count, width);
    if (!keep) b->rows.count = 0;
    b->rows.width = width;
    b->rows.place = NULL;
    if (count > b->rows_max) {
        void *ids = b->rows.ids;
        size_t room = count + count / 4 + 16;
        int rc = mem_grow(&ids, room, sizeof *b->rows.ids, err);
        if (rc < 0) return rc;
        b->rows.ids = ids;
        b->rows_max = room;
    }
    if (floats > b->floats_max) {
        void *values = b->rows.values;
        size_t room = floats + floats / 4 + 16;
        int rc = mem_grow(&values, room, sizeof *b->rows.values, err);
        if (rc < 0) return rc;
        b->rows.values = values;
        b->floats_max = room;
    }
    return 0;
}

int grad_buffer_zeros(struct grad_buffer *b, const struct lookup *l, uint32_t width, struct error *err)
{
    struct grad_rows *rows = &b->rows;
    int rc = grad_buffer_reserve(b, l->count, width, false, err);
    if (rc == 0 && l->count > b->places_max && (rc = mem_grow((void **)&b->places, b->rows_max, sizeof *b->places, err)) == 0)
        b->places_max = b->rows_max;
    if (rc < 0) return rc;
    rows->count = l->count;
    memcpy(rows->slice_start, l->slice_start, sizeof rows->slice_start);
    if (l->count == 0) return 0;
    memset(rows->values, 0, l->count * width * sizeof *rows->values);
    for (size_t k = 0; k < l->count; k++) rows->ids[k] = l->slots[l->by_slice[k]];
    if (l->order == LOOKUP_OCCURRENCE) rows->place = memcpy(b->places, l->by_slice, l->count * sizeof *b->places);
    return 0;
}

void grad_buffer_close(struct grad_buffer *b)
{
    mem_free(b->places);
    mem_free(b->rows.ids);
    mem_free(b->rows.values);
    *b = (struct grad_buffer){0};
}

void grad_close(struct grad *g)
{
    for (size_t t = 0; t < TENSORS_MAX; t++) grad_buffer_close(&g->tensor[t]);
    g->examples = 0;
}

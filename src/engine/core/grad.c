#include "engine/core/grad.h"

#include "base/mem.h"

int grad_buffer_reserve(struct grad_buffer *b, size_t count, uint32_t width, bool keep, struct error *err)
{
    size_t floats;
    if (!mem_product(count, width, &floats)) return error_set(err, ERROR_NOMEM, NULL, "%zu rows of %u floats do not fit", count, width);
    if (!keep) b->rows.count = 0;
    b->rows.width = width;
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

void grad_buffer_close(struct grad_buffer *b)
{
    mem_free(b->rows.ids);
    mem_free(b->rows.values);
    *b = (struct grad_buffer){0};
}

void grad_close(struct grad *g)
{
    for (size_t t = 0; t < TENSORS_MAX; t++) grad_buffer_close(&g->tensor[t]);
    g->examples = 0;
}

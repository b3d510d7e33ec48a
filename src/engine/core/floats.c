#include "engine/core/floats.h"

#include "base/mem.h"

int floats_reserve(struct floats *f, size_t n, struct error *err)
{
    if (n <= f->max) return 0;
    size_t room = n + n / 4 + 16;
    float *data = mem_array(room, 1, sizeof *data, err);
    if (!data) return -ERROR_NOMEM;
    mem_free(f->data);
    f->data = data;
    f->max = room;
    return 0;
}

void floats_close(struct floats *f)
{
    mem_free(f->data);
    *f = (struct floats){0};
}

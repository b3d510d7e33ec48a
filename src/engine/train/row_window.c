#include "engine/train/row_window.h"

#include <string.h>

enum { WINDOW_FLOATS = 4096 };

void row_window_close(struct row_window *b)
{
    floats_close(&b->w);
    for (size_t k = 0; k < STATES_MAX; k++) floats_close(&b->state[k]);
}

size_t row_window_rows(size_t width) { return width < WINDOW_FLOATS ? WINDOW_FLOATS / width : 1; }

static void state_take(const struct param_values *v, const uint32_t *ids, size_t count, float *out)
{
    const float *data = v->data;
    for (size_t i = 0; i < count; i++) {
        const float *ahead = data + (size_t)ids[i + ROWS_AHEAD < count ? i + ROWS_AHEAD : i] * v->width;
        for (size_t j = 0; j < v->width; j += 16) __builtin_prefetch(ahead + j, 1);
        memcpy(out + i * v->width, data + (size_t)ids[i] * v->width, v->row_bytes);
    }
}

static void state_give(const struct param_values *v, const uint32_t *ids, size_t count, const float *from)
{
    float *data = v->data;
    for (size_t i = 0; i < count; i++) memcpy(data + (size_t)ids[i] * v->width, from + i * v->width, v->row_bytes);
}

int row_window_open(struct row_window *b, const struct params *p, size_t t, const struct update_rows *all, size_t from, size_t count,
                    struct update_rows *rows, struct error *err)
{
    const uint32_t *ids = all->ids + from;
    int rc = floats_reserve(&b->w, count * all->width, err);
    if (rc < 0) return rc;
    param_gather(p, t, ids, count, b->w.data);
    for (size_t k = 0; k < p->tensor[t].states.count; k++) {
        struct param_values v = params_values(p, t, k + 1);
        b->at[k] = v.data;
        if (!v.data || !v.by_slot) continue;
        if ((rc = floats_reserve(&b->state[k], count * v.width, err)) < 0) return rc;
        b->at[k] = b->state[k].data;
        state_take(&v, ids, count, b->at[k]);
    }
    *rows = *all;
    rows->w = b->w.data;
    rows->state = b->at;
    rows->ids = NULL;
    rows->count = count;
    rows->g = all->g + from * all->width;
    return 0;
}

void row_window_store(struct row_window *b, struct params *p, size_t t, const struct update_rows *all, size_t from, size_t count, bool moved,
                      uint64_t step)
{
    const uint32_t *ids = all->ids + from;
    if (moved) param_scatter(p, t, ids, count, b->w.data, step);
    for (size_t k = 0; k < p->tensor[t].states.count; k++) {
        struct param_values v = params_values(p, t, k + 1);
        if (v.data && v.by_slot) state_give(&v, ids, count, b->at[k]);
    }
}

#include "engine/core/factors.h"

#include "base/mem.h"

void factors_close(struct factors *f)
{
    lookup_close(&f->slots);
    mem_free(f->keys);
    *f = (struct factors){0};
}

static int keys_reserve(struct factors *f, size_t slots, struct error *err)
{
    if (f->keys && 2 * slots <= f->keys_max) return 0;
    size_t room = 2 * (slots + slots / 4 + 64);
    int rc = mem_grow((void **)&f->keys, room, sizeof *f->keys, err);
    if (rc == 0) f->keys_max = room;
    return rc;
}

int factors_lookup(struct factors *f, struct lookup *rows, const struct batch *batch, const struct params *p, enum lookup_order order,
                   struct error *err)
{
    uint32_t shift = 32 - p->row_bits;
    int rc = lookup_distinct_slots(&f->slots, batch, p->hash_bits, err);
    if (rc == 0) rc = keys_reserve(f, f->slots.count, err);
    if (rc < 0) return rc;
    size_t n = f->slots.count;
    for (size_t i = 0; i < n; i++) {
        f->keys[i] = factors_quotient(p, f->slots.slots[i]) << shift;
        f->keys[n + i] = factors_remainder(p, f->slots.slots[i]) << shift;
    }
    return lookup_build(rows, &(struct batch){.rows = 1, .features = 2 * n, .keys = f->keys}, p, order, err);
}

void factors_compose(const struct factors *f, const struct lookup *rows, size_t width, const float *values, float *out)
{
    size_t n = f->slots.count;
    for (size_t i = 0; i < n; i++) {
        const float *restrict q = values + rows->local[i] * width, *restrict r = values + rows->local[n + i] * width;
        float *restrict row = out + i * width;
        for (size_t j = 0; j < width; j++) row[j] = q[j] * r[j];
    }
}

void factors_split(const struct factors *f, const struct lookup *rows, size_t width, const float *values, const float *g, float *out)
{
    size_t n = f->slots.count;
    for (size_t i = 0; i < n; i++) {
        size_t quotient = rows->local[i] * width, remainder = rows->local[n + i] * width;
        const float *restrict q = values + quotient, *restrict r = values + remainder, *restrict row = g + i * width;
        float *restrict dq = out + quotient, *restrict dr = out + remainder;
        for (size_t j = 0; j < width; j++) {
            dq[j] += row[j] * r[j];
            dr[j] += row[j] * q[j];
        }
    }
}

void factors_row(const struct params *p, size_t t, uint32_t slot, float *out, float *room)
{
    uint32_t quotient = factors_quotient(p, slot), remainder = factors_remainder(p, slot);
    param_gather(p, t, &quotient, 1, out);
    param_gather(p, t, &remainder, 1, room);
    for (uint32_t j = 0; j < p->tensor[t].desc.width; j++) out[j] *= room[j];
}

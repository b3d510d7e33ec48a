#include "engine/core/params.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { SLICE_SLOTS_MIN = 512, PREFETCH_AHEAD = 24 }; /* 512 live bits = one cache line */

uint64_t params_bytes(const struct param_desc *descs, size_t count, uint32_t hash_bits, size_t states)
{
    uint64_t floats = 0, slots = 1ull << hash_bits;
    for (size_t t = 0; t < count; t++) floats += (descs[t].table ? slots : descs[t].rows ? descs[t].rows : 1) * descs[t].width * (1 + states);
    return floats * sizeof(float) + slots / 8;
}

/* Few rows make few slices: one of its own for each row, at most. */
static void param_slices(const struct params *p, struct param *tensor)
{
    uint64_t rows = param_rows(p, tensor);
    tensor->slice_bits = tensor->desc.table ? p->slice_bits : 0;
    while ((rows - 1) >> tensor->slice_bits >= p->slices) tensor->slice_bits++;
    tensor->slices = (uint32_t)((rows - 1) >> tensor->slice_bits) + 1;
}

int params_init(struct params *p, const struct param_desc *descs, size_t count, uint32_t hash_bits, size_t states, const float state_init[STATES_MAX],
                uint64_t seed, struct error *err)
{
    *p = (struct params){.hash_bits = hash_bits, .slots = 1ull << hash_bits, .seed = seed, .count = count, .states = states};
    p->slices = p->slots / SLICE_SLOTS_MIN < 1 ? 1 : p->slots / SLICE_SLOTS_MIN < SLICES_MAX ? (uint32_t)(p->slots / SLICE_SLOTS_MIN) : SLICES_MAX;
    while (p->slots >> p->slice_bits > p->slices) p->slice_bits++;
    for (size_t s = 0; s < states; s++) p->state_init[s] = state_init[s];
    p->live = mem_array(p->slots / 64 + 1, 1, sizeof *p->live, err);
    bool ok = p->live;
    for (size_t t = 0; ok && t < count; t++) {
        struct param *tensor = &p->tensor[t];
        tensor->desc = descs[t];
        size_t floats = (size_t)(param_rows(p, tensor) * descs[t].width);
        ok = (tensor->w = mem_huge(floats, sizeof(float), err));
        for (size_t s = 0; ok && s < states; s++) ok = (tensor->state[s] = mem_huge(floats, sizeof(float), err));
        param_slices(p, tensor);
        if (!ok || descs[t].table) continue;
        for (uint64_t r = 0; r < param_rows(p, tensor); r++) param_initial(p, t, r, tensor->w + r * descs[t].width);
        for (size_t s = 0; s < states; s++)
            for (size_t i = 0; i < floats; i++) tensor->state[s][i] = state_init[s];
    }
    if (ok) return 0;
    params_close(p);
    return -ERROR_NOMEM;
}

void params_close(struct params *p)
{
    for (size_t t = 0; t < p->count; t++) {
        struct param *tensor = &p->tensor[t];
        size_t floats = (size_t)(param_rows(p, tensor) * tensor->desc.width);
        mem_huge_free(tensor->w, floats, sizeof(float));
        for (size_t s = 0; s < p->states; s++) mem_huge_free(tensor->state[s], floats, sizeof(float));
    }
    mem_free(p->live);
    admission_close(&p->admission);
    transforms_close(&p->transforms);
    *p = (struct params){0};
}

/* An approximate normal from four 16-bit uniforms (Irwin-Hall, n = 4, scaled to variance 1): additions only, so equal bits everywhere. */
static float normal_of(uint32_t a, uint32_t b)
{
    int32_t sum = (int32_t)((a & 0xffff) + (a >> 16) + (b & 0xffff) + (b >> 16)) - 2 * 65535;
    return (float)sum * (1.7320508f / 65536.0f);
}

void param_initial(const struct params *p, size_t t, uint64_t row, float *out)
{
    const struct param_desc *desc = &p->tensor[t].desc;
    if (desc->init != INIT_NORMAL) {
        for (uint32_t i = 0; i < desc->width; i++) out[i] = desc->init == INIT_ONE;
        return;
    }
    struct rng rng = rng_at(p->seed, RNG_INIT, (uint32_t)t, row);
    for (uint32_t i = 0; i < desc->width; i++) {
        uint32_t a = rng_u32(&rng), b = rng_u32(&rng);
        out[i] = desc->init_scale * normal_of(a, b);
    }
}

void params_wake(struct params *p, const uint32_t *slots, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t slot = slots[i];
        if (params_live(p, slot)) continue;
        p->live[slot >> 6] |= 1ull << (slot & 63);
        for (size_t t = 0; t < p->count; t++) {
            struct param *tensor = &p->tensor[t];
            uint32_t width = tensor->desc.width;
            if (!tensor->desc.table) continue;
            if (tensor->desc.init != INIT_ZERO) param_initial(p, t, slot, tensor->w + (size_t)slot * width);
            for (size_t s = 0; s < p->states; s++)
                for (uint32_t j = 0; p->state_init[s] != 0 && j < width; j++) tensor->state[s][(size_t)slot * width + j] = p->state_init[s];
        }
    }
}

void params_sleep(struct params *p) { memset(p->live, 0, (p->slots < 64 ? 1 : p->slots >> 6) * sizeof *p->live); }

void param_gather(const struct params *p, size_t t, const uint32_t *slots, size_t count, float *out)
{
    const struct param *tensor = &p->tensor[t];
    const float *w = tensor->w;
    size_t width = tensor->desc.width;
    bool zero = tensor->desc.init == INIT_ZERO; /* a sleeping row of zeros is what fresh memory holds */
    if (width == 1) {
        for (size_t i = 0; i < count; i++) {
            if (i + PREFETCH_AHEAD < count) __builtin_prefetch(w + slots[i + PREFETCH_AHEAD]);
            if (zero || params_live(p, slots[i])) out[i] = w[slots[i]];
            else param_initial(p, t, slots[i], out + i);
        }
        return;
    }
    for (size_t i = 0; i < count; i++, out += width) {
        if (i + PREFETCH_AHEAD < count)
            for (size_t j = 0; j < width; j += 16) __builtin_prefetch(w + (size_t)slots[i + PREFETCH_AHEAD] * width + j);
        const float *row = w + (size_t)slots[i] * width;
        if (!zero && !params_live(p, slots[i])) param_initial(p, t, slots[i], out);
        else if (width == 16) memcpy(out, row, 16 * sizeof *out); /* a constant size is a few moves, not a call */
        else memcpy(out, row, width * sizeof *out);
    }
}

#include "engine/core/params.h"

#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "engine/core/float.h"
#include "engine/core/initial.h"

enum { SLICE_SLOTS_MIN = 512, PREFETCH_AHEAD = 24, FRESH = 64 }; /* 512 live bits = one cache line */

static const enum tensor_dtype dtypes[TABLE_DTYPES] = {[TABLE_FP32] = TENSOR_F32, [TABLE_FP16] = TENSOR_F16, [TABLE_BF16] = TENSOR_BF16};

void param_descs_form(struct param_desc *descs, size_t count, struct table_form form)
{
    for (size_t t = 0; t < count; t++)
        if (descs[t].table) descs[t].form = form;
}

/* All tables have the same form: they share slots. Quotients take the lower half of the rows, remainders as much of the upper one as they need. */
static void params_size(struct params *p, const struct param_desc *descs, size_t count, uint32_t hash_bits)
{
    uint32_t remainder = 0;
    for (size_t t = 0; t < count; t++)
        if (descs[t].table) remainder = descs[t].form.remainder_bits;
    uint32_t quotient = hash_bits > remainder ? hash_bits - remainder : 0, half = quotient > remainder ? quotient : remainder;
    p->hash_bits = hash_bits;
    p->remainder_bits = remainder;
    p->row_bits = remainder > 0 ? half + 1 : hash_bits;
    p->slots = 1ull << p->row_bits;
    p->slices = p->slots / SLICE_SLOTS_MIN < 1 ? 1 : p->slots / SLICE_SLOTS_MIN < SLICES_MAX ? (uint32_t)(p->slots / SLICE_SLOTS_MIN) : SLICES_MAX;
}

static bool has_vocabulary(const struct param_desc *descs, size_t count)
{
    bool has = false;
    for (size_t t = 0; t < count; t++) has |= descs[t].table && descs[t].form.vocabulary;
    return has;
}

uint64_t params_rows_used(const struct params *p)
{
    uint32_t quotient = p->hash_bits > p->remainder_bits ? p->hash_bits - p->remainder_bits : 0;
    return p->remainder_bits > 0 ? (1ull << quotient) + (1ull << p->remainder_bits) : p->slots;
}

static bool is_remainder(const struct params *p, uint64_t row) { return p->remainder_bits > 0 && row >> (p->row_bits - 1); }

static void param_describe(struct params *p, size_t t, const struct param_desc *desc, const struct param_states *states)
{
    p->tensor[t].desc = *desc;
    if (states && param_learns(desc)) p->tensor[t].states = states[desc->group];
}

static struct param_values values_shape(const struct params *p, size_t t, size_t k)
{
    const struct param *tensor = &p->tensor[t];
    enum state_shape shape = k == 0 ? STATE_WEIGHT : tensor->states.desc[k - 1].shape;
    struct param_values v = {.rows = param_rows(p, tensor), .width = tensor->desc.width, .by_slot = tensor->desc.table, .state = ""};
    if (k > 0) v.state = tensor->states.desc[k - 1].name;
    if (shape == STATE_ROW || shape == STATE_TENSOR) v.width = 1;
    if (shape == STATE_COLUMN || shape == STATE_TENSOR) v.rows = 1, v.by_slot = false;
    if (shape == STATE_COLUMN && tensor->desc.table) v.rows = 0;
    v.dtype = k > 0 ? TENSOR_F32 : dtypes[tensor->desc.form.dtype];
    v.row_bytes = v.width * (v.dtype == TENSOR_F32 ? sizeof(float) : sizeof(uint16_t));
    return v;
}

bool param_values_finite(const struct param_values *v, const void *rows, size_t count)
{
    if (v->dtype == TENSOR_F32) return float_all_finite(rows, count * v->width);
    return half_all_finite(v->dtype == TENSOR_F16 ? TABLE_FP16 : TABLE_BF16, rows, count * v->width);
}

struct param_values params_values(const struct params *p, size_t t, size_t k)
{
    struct param_values v = values_shape(p, t, k);
    const struct param *tensor = &p->tensor[t];
    if (k > 0) v.data = tensor->state[k - 1];
    else v.data = tensor->half ? (void *)tensor->half : tensor->w;
    return v;
}

uint64_t params_bytes(const struct param_desc *descs, size_t count, uint32_t hash_bits, const struct param_states *states)
{
    struct params p = {.count = count};
    params_size(&p, descs, count, hash_bits);
    uint64_t bytes = p.slots / 8, rows = params_rows_used(&p);
    if (has_vocabulary(descs, count)) bytes += key_rows_bytes(hash_bits);
    for (size_t t = 0; t < count; t++) {
        param_describe(&p, t, &descs[t], states);
        for (size_t k = 0; k <= p.tensor[t].states.count; k++) {
            struct param_values v = values_shape(&p, t, k);
            bytes += (v.by_slot ? rows : v.rows) * v.row_bytes;
        }
    }
    return bytes;
}

uint32_t params_slices(const struct param_desc *descs, size_t count, uint32_t hash_bits)
{
    struct params p = {0};
    params_size(&p, descs, count, hash_bits);
    return p.slices;
}

/* Few rows make few slices: one of its own for each row, at most. */
static void param_cut(const struct params *p, struct param *tensor)
{
    uint64_t rows = param_rows(p, tensor);
    tensor->slice_bits = tensor->desc.table ? p->slice_bits : 0;
    while ((rows - 1) >> tensor->slice_bits >= p->slices) tensor->slice_bits++;
    tensor->slices = (uint32_t)((rows - 1) >> tensor->slice_bits) + 1;
}

static int param_reserve(struct params *p, size_t t, struct error *err)
{
    struct param *tensor = &p->tensor[t];
    for (size_t k = 0; k <= tensor->states.count; k++) {
        struct param_values v = values_shape(p, t, k);
        if (v.rows == 0) continue;
        void *data = mem_huge((size_t)v.rows, v.row_bytes, err);
        if (!data) return -ERROR_NOMEM;
        if (k > 0) tensor->state[k - 1] = data;
        else if (v.dtype == TENSOR_F32) tensor->w = data;
        else tensor->half = data;
        for (uint64_t i = 0; k > 0 && !v.by_slot && i < v.rows * v.width; i++) tensor->state[k - 1][i] = tensor->states.initial[k - 1];
    }
    param_cut(p, tensor);
    for (uint64_t r = 0; !tensor->desc.table && r < param_rows(p, tensor); r++) param_initial(p, t, r, tensor->w + r * tensor->desc.width);
    return 0;
}

int params_init(struct params *p, const struct param_desc *descs, size_t count, uint32_t hash_bits, const struct param_states *states, uint64_t seed,
                struct error *err)
{
    *p = (struct params){.seed = seed, .count = count};
    params_size(p, descs, count, hash_bits);
    while (p->slots >> p->slice_bits > p->slices) p->slice_bits++;
    p->live = mem_array(p->slots / 64 + 1, 1, sizeof *p->live, err);
    bool ok = p->live;
    for (size_t t = 0; t < count; t++) param_describe(p, t, &descs[t], states);
    for (size_t t = 0; ok && t < count; t++) ok = param_reserve(p, t, err) == 0;
    if (ok && has_vocabulary(descs, count)) ok = key_rows_init(&p->key_rows, hash_bits, p->slices, p->slice_bits, err) == 0;
    if (ok) return 0;
    params_close(p);
    return -ERROR_NOMEM;
}

int params_admit(struct params *p, unsigned min_count, struct error *err)
{
    return admission_init(&p->admission, min_count, params_counter_bits(p->hash_bits, key_rows_on(&p->key_rows)), err);
}

void params_close(struct params *p)
{
    for (size_t t = 0; t < p->count; t++) {
        for (size_t k = 0; k <= p->tensor[t].states.count; k++) {
            struct param_values v = params_values(p, t, k);
            mem_huge_free(v.data, (size_t)v.rows, v.row_bytes);
        }
    }
    mem_free(p->live);
    mem_free(p->touched);
    admission_close(&p->admission);
    key_rows_close(&p->key_rows);
    transforms_close(&p->transforms);
    *p = (struct params){0};
}

/* How a row begins: quotients as the table's rows would, remainders with ones, so that products do, too. */
static enum param_init row_init(const struct params *p, const struct param_desc *desc, uint64_t row)
{
    return desc->table && is_remainder(p, row) ? INIT_ONE : desc->init;
}

static struct initial initial_of(const struct params *p, size_t t)
{
    const struct param_desc *desc = &p->tensor[t].desc;
    return (struct initial){.seed = p->seed, .tensor = (uint32_t)t, .scale = desc->init_scale, .width = desc->width};
}

/* Columns first .. first + width - 1 of a row. */
static void initial_some(const struct params *p, size_t t, uint32_t row, size_t first, size_t width, float *out)
{
    static const uint32_t here = 0;
    enum param_init init = row_init(p, &p->tensor[t].desc, row);
    struct initial what = initial_of(p, t);
    what.first = first, what.width = width;
    if (init == INIT_NORMAL) initial_normals(&what, &row, &here, 1, out);
    else
        for (size_t i = 0; i < width; i++) out[i] = init == INIT_ONE;
}

void param_initial(const struct params *p, size_t t, uint64_t row, float *out)
{
    const struct param_desc *desc = &p->tensor[t].desc;
    initial_some(p, t, (uint32_t)row, 0, desc->width, out);
    for (uint32_t i = 0; desc->form.dtype != TABLE_FP32 && i < desc->width; i++)
        out[i] = half_float(desc->form.dtype, half_nearest(desc->form.dtype, out[i]));
}

/* Rows of tensor t for `count` sleeping slots, each into out + at[i] * width. */
static void initial_rows(const struct params *p, size_t t, const uint32_t *slots, const uint32_t *at, size_t count, float *out)
{
    const struct param_desc *desc = &p->tensor[t].desc;
    struct initial what = initial_of(p, t);
    bool alike = desc->init == INIT_NORMAL && p->remainder_bits == 0 && desc->form.dtype == TABLE_FP32;
    if (alike) initial_normals(&what, slots, at, count, out);
    for (size_t i = 0; !alike && i < count; i++) param_initial(p, t, slots[i], out + (size_t)at[i] * desc->width);
}

static void half_wake(struct params *p, size_t t, uint32_t slot)
{
    enum { PART = 64 };
    float part[PART];
    struct param *tensor = &p->tensor[t];
    size_t width = tensor->desc.width;
    for (size_t from = 0, n; from < width; from += n) {
        n = width - from < PART ? width - from : PART;
        initial_some(p, t, slot, from, n, part);
        for (size_t j = 0; j < n; j++) tensor->half[slot * width + from + j] = half_nearest(tensor->desc.form.dtype, part[j]);
    }
}

/* The rows and the state of `count` slots that have just come to life, in table t. Memory is zeros as yet. */
static void rows_wake(struct params *p, size_t t, const uint32_t *slots, size_t count)
{
    struct param *tensor = &p->tensor[t];
    bool zero = tensor->desc.init == INIT_ZERO && p->remainder_bits == 0;
    if (!zero && !tensor->half) initial_rows(p, t, slots, slots, count, tensor->w);
    for (size_t i = 0; !zero && tensor->half && i < count; i++) half_wake(p, t, slots[i]);
    for (size_t s = 0; s < tensor->states.count; s++) {
        float initial = tensor->states.initial[s];
        struct param_values v = params_values(p, t, s + 1);
        for (size_t i = 0; initial != 0 && v.by_slot && i < count; i++)
            for (uint32_t j = 0; j < v.width; j++) ((float *)v.data)[(size_t)slots[i] * v.width + j] = initial;
    }
}

void params_wake(struct params *p, const uint32_t *slots, size_t count)
{
    uint32_t fresh[FRESH];
    for (size_t i = 0, n = 0; i < count; i++) {
        uint32_t slot = slots[i], later = slots[i + PREFETCH_AHEAD < count ? i + PREFETCH_AHEAD : i] >> 6;
        __builtin_prefetch(&p->live[later], 1);
        if (p->touched) __builtin_prefetch(&p->touched[later], 1);
        if (p->touched) p->touched[slot >> 6] |= 1ull << (slot & 63);
        if (!params_live(p, slot)) fresh[n++] = slot;
        p->live[slot >> 6] |= 1ull << (slot & 63);
        if (n < FRESH && i + 1 < count) continue;
        for (size_t t = 0; n > 0 && t < p->count; t++)
            if (p->tensor[t].desc.table) rows_wake(p, t, fresh, n);
        n = 0;
    }
}

int params_track(struct params *p, struct error *err)
{
    p->touched = mem_array(p->slots / 64 + 1, 1, sizeof *p->touched, err);
    return p->touched ? admission_track(&p->admission, err) : -ERROR_NOMEM;
}

void params_settled(struct params *p)
{
    if (p->touched) memset(p->touched, 0, (p->slots / 64 + 1) * sizeof *p->touched);
    admission_settled(&p->admission);
    p->key_rows.settled = p->key_rows.count;
}

uint64_t params_touched(const struct params *p)
{
    uint64_t count = 0;
    for (uint64_t w = 0; p->touched && w < p->slots / 64 + 1; w++) count += (uint64_t)__builtin_popcountll(p->touched[w]);
    return count;
}

static bool row_zero(const struct param *tensor, uint32_t slot)
{
    size_t at = (size_t)slot * tensor->desc.width;
    for (size_t i = at; i < at + tensor->desc.width; i++)
        if (tensor->half ? tensor->half[i] & 0x7fff : tensor->w[i] != 0) return false;
    return true;
}

/* Back to what memory was before the slot came to life: zeros, also where a table starts from other values. */
static void slot_clear(struct params *p, uint32_t slot)
{
    for (size_t t = 0; t < p->count; t++)
        for (size_t k = 0; k <= p->tensor[t].states.count; k++) {
            struct param_values v = params_values(p, t, k);
            if (v.by_slot) memset((char *)v.data + (size_t)slot * v.row_bytes, 0, v.row_bytes);
        }
}

bool params_rest(struct params *p, uint32_t slot)
{
    if (p->remainder_bits > 0) return false; /* a factor of zeros is not what another factor came with */
    for (size_t t = 0; t < p->count; t++) {
        const struct param *tensor = &p->tensor[t];
        if (tensor->desc.table && (tensor->desc.init != INIT_ZERO || !row_zero(tensor, slot))) return false;
    }
    slot_clear(p, slot); /* weights too: no minus zero stays */
    p->live[slot >> 6] &= ~(1ull << (slot & 63));
    return true;
}

void params_sleep(struct params *p)
{
    for (uint64_t w = 0; w < (p->slots < 64 ? 1 : p->slots >> 6); w++) {
        for (uint64_t bits = p->live[w]; bits; bits &= bits - 1) slot_clear(p, (uint32_t)(w << 6 | (uint64_t)__builtin_ctzll(bits)));
        p->live[w] = 0;
    }
}

/* The rows that sleep, whose memory nobody reads: it would be touched. */
static void gather_initial(const struct params *p, size_t t, const uint32_t *slots, size_t count, float *out)
{
    uint32_t fresh[FRESH], at[FRESH];
    for (size_t i = 0, n = 0; i < count; i++) {
        if (!params_live(p, slots[i])) fresh[n] = slots[i], at[n++] = (uint32_t)i;
        if (n < FRESH && i + 1 < count) continue;
        initial_rows(p, t, fresh, at, n, out);
        n = 0;
    }
}

void param_gather(const struct params *p, size_t t, const uint32_t *slots, size_t count, float *out)
{
    const struct param *tensor = &p->tensor[t];
    const float *w = tensor->w;
    size_t width = tensor->desc.width;
    bool zero = tensor->desc.init == INIT_ZERO && p->remainder_bits == 0; /* a sleeping row of zeros is what fresh memory holds */
    if (tensor->half) half_gather(tensor->desc.form.dtype, &(struct half_rows){tensor->half, slots, count, width}, out);
    else
        for (size_t i = 0; i < count; i++) {
            if (i + PREFETCH_AHEAD < count)
                for (size_t j = 0; j < width; j += 16) __builtin_prefetch(w + (size_t)slots[i + PREFETCH_AHEAD] * width + j);
            const float *row = w + (size_t)slots[i] * width;
            float *to = out + i * width;
            if (!zero && !params_live(p, slots[i])) continue;
            if (width == 1) *to = *row; /* a constant size is a few moves, not a call */
            else if (width == 4) memcpy(to, row, 4 * sizeof *to);
            else if (width == 16) memcpy(to, row, 16 * sizeof *to);
            else memcpy(to, row, width * sizeof *to);
        }
    if (!zero) gather_initial(p, t, slots, count, out);
}

void param_scatter(struct params *p, size_t t, const uint32_t *slots, size_t count, const float *rows, uint64_t step)
{
    struct param *tensor = &p->tensor[t];
    size_t width = tensor->desc.width;
    uint64_t stream = hash_mix(hash_mix(p->seed ^ (uint64_t)RNG_ROUNDING << 56) ^ step) ^ (uint64_t)t << 32; /* slots are below 2^32 */
    if (tensor->half) half_scatter(tensor->desc.form.dtype, &(struct half_rows){tensor->half, slots, count, width}, rows, stream);
    else
        for (size_t i = 0; i < count; i++) memcpy(tensor->w + slots[i] * width, rows + i * width, width * sizeof *rows);
}

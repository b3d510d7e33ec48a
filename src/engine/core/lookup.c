/* An open-addressing set of 32-bit entries: the index of a slot in `slots`, which says whose entry it is and stays in the nearest cache. So a probe
 * is two loads and a compare, and clearing the table before each batch costs less than entries twice as large that tell by themselves whether they
 * count. */
#include "engine/core/lookup.h"

#include <string.h>

#include "base/mem.h"

enum { FEATURES_MAX = (1 << 24) - 1, TABLE_BITS_FIRST = 12, SPARSE = 8 };
#define VACANT UINT32_MAX

void lookup_close(struct lookup *l)
{
    mem_free(l->slots);
    mem_free(l->local);
    mem_free(l->table);
    mem_free(l->by_slice);
    mem_free(l->scratch);
    *l = (struct lookup){0};
}

static int lookup_reserve(struct lookup *l, size_t features, struct error *err)
{
    if (l->table && features <= l->features_max) return 0;
    if (features > FEATURES_MAX)
        return error_set(err, ERROR_TOOLARGE, "/train/batch_size",
                         "a shard's micro-batch has %zu features, at most %d are possible; use more shards or a smaller batch", features,
                         (int)FEATURES_MAX);
    lookup_close(l);
    size_t room = features + features / 4 + 64;
    uint32_t bits = 8;
    while ((1ull << bits) < SPARSE * room) bits++;
    l->slots = mem_array(room, 1, sizeof *l->slots, err);
    l->local = mem_array(room, 1, sizeof *l->local, err);
    l->by_slice = mem_array(room, 1, sizeof *l->by_slice, err);
    l->scratch = mem_array(room, 1, sizeof *l->scratch, err);
    l->table = mem_array(1ull << bits, 1, sizeof *l->table, err);
    if (!l->slots || !l->local || !l->by_slice || !l->scratch || !l->table) {
        lookup_close(l);
        return -ERROR_NOMEM;
    }
    l->table_bits_max = bits;
    l->features_max = room;
    return 0;
}

/* Twice the entries: those so far move to their new places. What the table looks like never shows in the result. */
static void lookup_widen(struct lookup *l, size_t count)
{
    uint32_t bits = ++l->table_bits, shift = 32 - bits, mask = (1u << bits) - 1;
    memset(l->table, 0xff, sizeof *l->table << bits);
    for (size_t i = 0; i < count; i++) {
        uint32_t at = l->slots[i] * 0x9E3779B1u >> shift;
        while (l->table[at] != VACANT) at = (at + 1) & mask;
        l->table[at] = (uint32_t)i;
    }
}

/* As large as the last batch needed, but no larger than so many features can need. */
static void lookup_clear(struct lookup *l, size_t features)
{
    if (l->table_bits < TABLE_BITS_FIRST) l->table_bits = TABLE_BITS_FIRST;
    while (l->table_bits > TABLE_BITS_FIRST && (1ull << (l->table_bits - 1)) >= SPARSE * features) l->table_bits--;
    if (l->table_bits > l->table_bits_max) l->table_bits = l->table_bits_max;
    memset(l->table, 0xff, sizeof *l->table << l->table_bits);
}

/* Distinct slots in order of first occurrence, and where each feature's is. Returns how many. The table starts small, so that it stays in the nearest
 * cache, and widens when it is an eighth full. */
static size_t lookup_distinct(struct lookup *l, const uint32_t *keys, size_t features, uint32_t key_shift)
{
    size_t count = 0, i = 0;
    lookup_clear(l, features);
    while (i < features) {
        uint32_t *table = l->table, *slots = l->slots, *local = l->local, shift = 32 - l->table_bits, mask = (1u << l->table_bits) - 1;
        size_t full = l->table_bits == l->table_bits_max ? SIZE_MAX : (1ull << l->table_bits) / SPARSE;
        for (; i < features && count < full; i++) {
            uint32_t slot = keys[i] >> key_shift, at = slot * 0x9E3779B1u >> shift, entry = table[at];
            slots[count] = slot; /* in any case: new or known is a coin toss, not a branch */
            bool vacant = entry == VACANT;
            uint32_t index = vacant ? (uint32_t)count : entry;
            while (__builtin_expect(slots[index] != slot, 0)) { /* another slot lives here: rare while the table is sparse */
                at = (at + 1) & mask;
                entry = table[at];
                vacant = entry == VACANT;
                index = vacant ? (uint32_t)count : entry;
            }
            table[at] = index;
            count += vacant;
            local[i] = index;
        }
        if (i < features) lookup_widen(l, count);
    }
    return count;
}

/* LSD radix sort of the distinct slots, 11 bits a pass: their positions into by_slice, where slices are in order, too. */
static void lookup_sort(struct lookup *l, uint32_t bits)
{
    uint32_t *from = l->by_slice, *to = l->scratch;
    for (uint32_t i = 0; i < l->count; i++) from[i] = i;
    for (uint32_t shift = 0; shift < bits; shift += 11) {
        uint32_t start[2049] = {0};
        for (size_t i = 0; i < l->count; i++) start[(l->slots[i] >> shift & 2047) + 1]++;
        for (size_t d = 0; d < 2048; d++) start[d + 1] += start[d];
        for (size_t i = 0; i < l->count; i++) to[start[l->slots[from[i]] >> shift & 2047]++] = from[i];
        uint32_t *swap = from;
        from = to, to = swap;
    }
    if (from != l->by_slice) memcpy(l->by_slice, from, l->count * sizeof *from);
}

static void lookup_group(struct lookup *l, const struct params *p, bool sorted)
{
    uint32_t *start = l->slice_start, next[SLICES_MAX], bits = p->slice_bits;
    memset(start, 0, sizeof l->slice_start);
    for (size_t i = 0; i < l->count; i++) start[(l->slots[i] >> bits) + 1]++;
    for (size_t q = 0; q < SLICES_MAX; q++) start[q + 1] += start[q];
    memcpy(next, start, sizeof next);
    for (uint32_t i = 0; !sorted && i < l->count; i++) l->by_slice[next[l->slots[i] >> bits]++] = i;
}

/* Slots into the order of by_slice; features follow. */
static void lookup_arrange(struct lookup *l, size_t features)
{
    for (uint32_t k = 0; k < l->count; k++) l->scratch[l->by_slice[k]] = k;
    for (size_t i = 0; i < features; i++) l->local[i] = l->scratch[l->local[i]];
    for (size_t k = 0; k < l->count; k++) l->scratch[k] = l->slots[l->by_slice[k]];
    memcpy(l->slots, l->scratch, l->count * sizeof *l->slots);
    for (uint32_t k = 0; k < l->count; k++) l->by_slice[k] = k;
}

int lookup_distinct_slots(struct lookup *l, const struct batch *batch, uint32_t bits, struct error *err)
{
    int rc = lookup_reserve(l, batch->features, err);
    if (rc == 0) l->count = lookup_distinct(l, batch->keys, batch->features, 32 - bits);
    return rc;
}

int lookup_build(struct lookup *l, const struct batch *batch, const struct params *p, enum lookup_order order, struct error *err)
{
    int rc = lookup_distinct_slots(l, batch, p->row_bits, err);
    if (rc < 0) return rc;
    l->order = order;
    if (order == LOOKUP_ASCENDING) lookup_sort(l, p->row_bits);
    lookup_group(l, p, order == LOOKUP_ASCENDING);
    if (order != LOOKUP_OCCURRENCE) lookup_arrange(l, batch->features);
    return 0;
}

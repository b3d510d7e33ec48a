#include "engine/core/admission.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"

enum { AHEAD = 16, FIELDS_NUMBERED = 0xffff, CHUNK = 1 << 14 };

/* Not feature_key() of some text: no value of the field can have this key but by collision. */
static uint32_t rare_key(const char *field, uint64_t hash_seed)
{
    return (uint32_t)(hash64("rare", 4, ~hash64(field, strlen(field), hash_seed)) >> 32);
}

int rare_keys_init(struct rare_keys *r, uint64_t hash_seed, const struct field_names *names, struct error *err)
{
    char number[24];
    size_t named = 0;
    *r = (struct rare_keys){0};
    while (names->name && names->name(names->context, named)) named++;
    r->count = named ? named : FIELDS_NUMBERED;
    r->keys = mem_array(r->count, 1, sizeof *r->keys, err);
    if (!r->keys) return -ERROR_NOMEM;
    for (size_t f = 0; f < r->count; f++) {
        snprintf(number, sizeof number, "%zu", f);
        r->keys[f] = rare_key(named ? names->name(names->context, f) : number, hash_seed);
    }
    r->unknown = rare_key("", hash_seed);
    return 0;
}

void rare_keys_close(struct rare_keys *r)
{
    mem_free(r->keys);
    *r = (struct rare_keys){0};
}

int admission_init(struct admission *a, unsigned min_count, uint32_t hash_bits, struct error *err)
{
    *a = (struct admission){.hash_bits = hash_bits};
    if (min_count <= 1) return 0;
    a->min_count = min_count > ADMISSION_MAX ? ADMISSION_MAX : min_count;
    a->seen = mem_huge((size_t)1 << hash_bits, sizeof *a->seen, err);
    return a->seen ? 0 : -ERROR_NOMEM;
}

void admission_close(struct admission *a)
{
    mem_huge_free(a->seen, (size_t)1 << a->hash_bits, sizeof *a->seen);
    mem_free(a->changed);
    *a = (struct admission){0};
}

uint64_t admission_bytes(unsigned min_count, uint32_t hash_bits) { return min_count > 1 ? (uint64_t)1 << hash_bits : 0; }

void admitted_close(struct admitted *a)
{
    mem_free(a->keys);
    mem_free(a->waiting);
    *a = (struct admitted){0};
}

int admitted_reserve(struct admitted *a, size_t features, size_t times, struct error *err)
{
    if (a->keys && features <= a->max) return 0;
    size_t room = features + features / 4 + 64;
    admitted_close(a);
    a->keys = mem_array(room, 1, sizeof *a->keys, err);
    a->waiting = mem_array(room, times, sizeof *a->waiting, err);
    if (!a->keys || !a->waiting) {
        admitted_close(a);
        return -ERROR_NOMEM;
    }
    a->max = room;
    return 0;
}

int admission_apply(const struct admission *a, const struct rare_keys *rare, const struct batch *b, struct admitted *out, struct error *err)
{
    uint32_t shift = 32 - a->hash_bits;
    size_t waiting = 0;
    int rc = admitted_reserve(out, b->features, 1, err);
    if (rc < 0) return rc;
    for (size_t r = 0; r < b->rows; r++) {
        const uint16_t *fields = batch_fields(b, r);
        for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) {
            if (i + AHEAD < b->features) __builtin_prefetch(&a->seen[b->keys[i + AHEAD] >> shift]);
            uint32_t key = b->keys[i], slot = key >> shift;
            bool in = a->seen[slot] >= a->min_count;
            out->waiting[waiting] = slot;
            waiting += !in;
            out->keys[i] = in ? key : rare_key_of(rare, fields, i - b->offsets[r]);
        }
    }
    out->batch = *b;
    out->batch.keys = out->keys;
    out->waiting_count = waiting;
    return 0;
}

void admission_raise(struct admission *a, const uint32_t *waiting, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint8_t *at = &a->seen[waiting[i]], now = __atomic_load_n(at, __ATOMIC_RELAXED);
        if (i + AHEAD < count) __builtin_prefetch(&a->seen[waiting[i + AHEAD]], 1);
        if (a->changed && now < a->min_count) __atomic_fetch_or(&a->changed[waiting[i] >> 6], 1ull << (waiting[i] & 63), __ATOMIC_RELAXED);
        while (now < a->min_count && !__atomic_compare_exchange_n(at, &now, (uint8_t)(now + 1), true, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) continue;
    }
}

struct admission_counts admission_count(const struct admission *a, uint64_t from, uint64_t to)
{
    struct admission_counts c = {0};
    for (uint64_t s = from; a->seen && s < to; s++) {
        c.admitted += a->seen[s] >= a->min_count;
        c.waiting += a->seen[s] > 0 && a->seen[s] < a->min_count;
    }
    return c;
}

void admission_copy(const struct admission *a, uint64_t from, uint64_t to, uint32_t *slots, uint8_t *seen)
{
    for (uint64_t s = from; a->seen && s < to; s++)
        if (a->seen[s]) *slots++ = (uint32_t)s, *seen++ = a->seen[s];
}

int admission_track(struct admission *a, struct error *err)
{
    if (a->min_count <= 1) return 0;
    a->changed = mem_array(((size_t)1 << a->hash_bits) / 64 + 1, 1, sizeof *a->changed, err);
    return a->changed ? 0 : -ERROR_NOMEM;
}

void admission_settled(struct admission *a)
{
    if (a->changed) memset(a->changed, 0, (((size_t)1 << a->hash_bits) / 64 + 1) * sizeof *a->changed);
}

uint64_t admission_count_changed(const struct admission *a, uint64_t from, uint64_t to)
{
    uint64_t count = 0;
    for (uint64_t w = from >> 6; a->changed && w < (to + 63) >> 6; w++) count += (uint64_t)__builtin_popcountll(a->changed[w]);
    return count;
}

void admission_copy_changed(const struct admission *a, uint64_t from, uint64_t to, uint32_t *slots, uint8_t *seen)
{
    for (uint64_t w = from >> 6; a->changed && w < (to + 63) >> 6; w++)
        for (uint64_t bits = a->changed[w]; bits; bits &= bits - 1) {
            uint64_t s = w << 6 | (uint64_t)__builtin_ctzll(bits);
            *slots++ = (uint32_t)s, *seen++ = a->seen[s];
        }
}

static const struct tensor *want(const struct tensor_file *file, const char *name, enum tensor_dtype dtype, struct error *err)
{
    const struct tensor *t = file->find(file->impl, name);
    if (t && t->dtype == dtype && t->dims == 1) return t;
    error_set(err, ERROR_DATA, NULL, "%s: tensor \"%s\" %s", file->path, name, t ? "has another shape or type" : "is missing");
    return NULL;
}

/* The file's counts, each at most `most`, as far as a's own threshold. */
static int counts_read(struct admission *a, const struct tensor_file *file, unsigned most, struct error *err)
{
    uint64_t space = (uint64_t)1 << a->hash_bits, next = 0;
    const struct tensor *slots = want(file, "admission.slots", TENSOR_U32, err), *seen = want(file, "admission.seen", TENSOR_U8, err);
    if (!slots || !seen) return -ERROR_DATA;
    if (slots->shape[0] != seen->shape[0] || slots->shape[0] > space)
        return error_set(err, ERROR_DATA, NULL, "%s: tensors \"admission.slots\" and \"admission.seen\" do not fit each other or the table",
                         file->path);
    uint32_t *slot = mem_array(CHUNK, 1, sizeof *slot, err);
    uint8_t *count = mem_array(CHUNK, 1, sizeof *count, err);
    int rc = slot && count ? 0 : -ERROR_NOMEM;
    if (rc == 0) memset(a->seen, 0, space);
    for (uint64_t at = 0, n; rc == 0 && at < slots->shape[0]; at += n) {
        n = slots->shape[0] - at < CHUNK ? slots->shape[0] - at : CHUNK;
        rc = file->read(file->impl, slots, at * sizeof *slot, slot, n * sizeof *slot, err);
        if (rc == 0) rc = file->read(file->impl, seen, at, count, n, err);
        for (uint64_t i = 0; rc == 0 && i < n; i++) {
            if (slot[i] < next || slot[i] >= space || count[i] == 0 || count[i] > most)
                rc = error_set(err, ERROR_DATA, NULL, "%s: tensor \"admission.slots\": number %" PRIu64 " is out of order or range", file->path,
                               at + i);
            else a->seen[slot[i]] = count[i] < a->min_count ? count[i] : (uint8_t)a->min_count, next = (uint64_t)slot[i] + 1;
        }
    }
    mem_free(slot);
    mem_free(count);
    return rc;
}

int admission_load(struct admission *a, const struct tensor_file *file, struct error *err)
{
    return a->min_count <= 1 ? 0 : counts_read(a, file, a->min_count, err);
}

int admission_import(struct admission *a, const struct tensor_file *file, unsigned min_count, const uint64_t *live, struct error *err)
{
    uint64_t words = a->hash_bits < 6 ? 1 : (uint64_t)1 << (a->hash_bits - 6);
    if (a->min_count <= 1) return 0;
    int rc = min_count > 1 ? counts_read(a, file, min_count > ADMISSION_MAX ? ADMISSION_MAX : min_count, err) : 0;
    for (uint64_t w = 0; rc == 0 && live && w < words; w++)
        for (uint64_t bits = live[w]; bits; bits &= bits - 1) a->seen[w << 6 | (uint64_t)__builtin_ctzll(bits)] = (uint8_t)a->min_count;
    return rc;
}

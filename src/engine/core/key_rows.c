#include "engine/core/key_rows.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/core/params_load.h"

enum { AHEAD = 16, PLACE_BITS_MIN = 10, LEFT_BITS_MIN = 16, CHUNK = 1 << 14 };

struct key_place {
    uint32_t key, row; /* row 0: free */
};

static size_t places_count(const struct key_rows *k) { return (size_t)1 << k->place_bits; }

static int places_new(struct key_rows *k, uint32_t bits, struct error *err)
{
    k->place_bits = bits;
    k->places = mem_huge((size_t)1 << bits, sizeof *k->places, err);
    return k->places ? 0 : -ERROR_NOMEM;
}

static void places_free(struct key_rows *k)
{
    mem_huge_free(k->places, places_count(k), sizeof *k->places);
    k->places = NULL;
}

/* Keys are hashes already, but a file may hold any. */
static inline uint32_t place_first(const struct key_rows *k, uint32_t key) { return key * 0x9e3779b1u >> (32 - k->place_bits); }

/* Where the key is, or would be. */
static inline struct key_place *place_of(const struct key_rows *k, uint32_t key)
{
    uint32_t at = place_first(k, key), mask = (uint32_t)(places_count(k) - 1);
    while (k->places[at].row != 0 && k->places[at].key != key) at = (at + 1) & mask;
    return &k->places[at];
}

static uint32_t row_of(const struct key_rows *k, uint64_t i) { return (uint32_t)((i % k->slices) << k->slice_bits | i / k->slices); }
static uint64_t order_of(const struct key_rows *k, uint32_t row)
{
    return (row & ((1ull << k->slice_bits) - 1)) * k->slices + (row >> k->slice_bits);
}

uint32_t key_rows_key(const struct key_rows *k, uint64_t i) { return k->keys[row_of(k, i)]; }

static void left_free(struct key_rows *k)
{
    mem_free(k->left);
    k->left = NULL;
}

int key_rows_init(struct key_rows *k, uint32_t hash_bits, uint32_t slices, uint32_t slice_bits, struct error *err)
{
    *k = (struct key_rows){.hash_bits = hash_bits, .slices = slices, .slice_bits = slice_bits, .count = 1, .settled = 1};
    k->keys = mem_huge((size_t)1 << hash_bits, sizeof *k->keys, err);
    int rc = k->keys ? places_new(k, PLACE_BITS_MIN, err) : -ERROR_NOMEM;
    if (rc < 0) key_rows_close(k);
    return rc;
}

void key_rows_close(struct key_rows *k)
{
    mem_huge_free(k->keys, (size_t)1 << k->hash_bits, sizeof *k->keys);
    places_free(k);
    left_free(k);
    *k = (struct key_rows){0};
}

static uint32_t left_bits(const struct key_rows *k) { return k->hash_bits < LEFT_BITS_MIN ? LEFT_BITS_MIN : k->hash_bits; }

/* Places of at most 2^(hash_bits + 1), and half as many while they grow. */
uint64_t key_rows_bytes(uint32_t hash_bits) { return (sizeof(uint32_t) + 3 * sizeof(struct key_place)) << hash_bits; }

int key_rows_apply(const struct key_rows *k, const struct rare_keys *rare, const struct batch *b, struct admitted *out, struct error *err)
{
    uint32_t shift = 32 - k->hash_bits;
    size_t waiting = 0;
    int rc = admitted_reserve(out, b->features, 2, err);
    if (rc < 0) return rc;
    for (size_t r = 0; r < b->rows; r++) {
        const uint16_t *fields = batch_fields(b, r);
        for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) {
            if (i + AHEAD < b->features) __builtin_prefetch(&k->places[place_first(k, b->keys[i + AHEAD])]);
            uint32_t row = place_of(k, b->keys[i])->row;
            if (row == 0) {
                uint32_t own = rare_key_of(rare, fields, i - b->offsets[r]);
                row = place_of(k, own)->row;
                if (row == 0) out->waiting[waiting++] = own;
                out->waiting[waiting++] = b->keys[i];
            }
            out->keys[i] = row << shift;
        }
    }
    out->batch = *b;
    out->batch.keys = out->keys;
    out->waiting_count = waiting;
    return 0;
}

/* Room for so many rows without growing. */
static int places_reserve(struct key_rows *k, uint64_t rows, struct error *err)
{
    struct key_rows wider = *k;
    uint32_t bits = k->place_bits;
    while (2 * rows > 1ull << bits) bits++;
    if (bits == k->place_bits) return 0;
    int rc = places_new(&wider, bits, err);
    if (rc < 0) return rc;
    for (size_t at = 0; at < places_count(k); at++)
        if (k->places[at].row != 0) *place_of(&wider, k->places[at].key) = k->places[at];
    places_free(k);
    k->places = wider.places, k->place_bits = wider.place_bits; /* these alone: a checkpoint in the making reads what never changes */
    return 0;
}

static int left_mark(struct key_rows *k, uint32_t key, struct error *err)
{
    uint32_t bit = key >> (32 - left_bits(k));
    if (!k->left && !(k->left = mem_array((size_t)1 << (left_bits(k) - 6), 1, sizeof *k->left, err))) return -ERROR_NOMEM;
    k->left[bit >> 6] |= 1ull << (bit & 63);
    return 0;
}

int key_rows_give(struct key_rows *k, const uint32_t *keys, size_t count, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < count; i++) {
        if (place_of(k, keys[i])->row != 0) continue;
        rc = key_rows_full(k) ? left_mark(k, keys[i], err) : places_reserve(k, k->count + 1, err);
        if (rc < 0 || key_rows_full(k)) continue;
        uint32_t row = row_of(k, k->count++);
        k->keys[row] = keys[i];
        *place_of(k, keys[i]) = (struct key_place){keys[i], row};
    }
    return rc;
}

double key_rows_left(const struct key_rows *k)
{
    uint64_t marked = 0, words = 1ull << (left_bits(k) - 6);
    double m = ldexp(1, (int)left_bits(k));
    for (uint64_t w = 0; k->left && w < words; w++) marked += (uint64_t)__builtin_popcountll(k->left[w]);
    return -m * log1p(-(double)marked / m);
}

/* Of the first n, those of slice q, row 0 among them. */
static uint64_t slice_count(const struct key_rows *k, uint64_t n, uint32_t q) { return n > q ? (n - q - 1) / k->slices + 1 : 0; }

uint64_t key_rows_count(const struct key_rows *k, uint64_t from, uint32_t q)
{
    return key_rows_on(k) ? slice_count(k, k->count, q) - slice_count(k, from, q) : 0;
}

void key_rows_copy(const struct key_rows *k, uint64_t from, uint32_t q, uint32_t *slots, uint32_t *keys)
{
    uint64_t count = key_rows_count(k, from, q);
    if (count == 0) return;
    uint32_t first = (uint32_t)((uint64_t)q << k->slice_bits | slice_count(k, from, q));
    for (uint64_t i = 0; i < count; i++) slots[i] = first + (uint32_t)i;
    memcpy(keys, k->keys + first, count * sizeof *keys);
}

static int key_rows_clear(struct key_rows *k, struct error *err)
{
    k->count = k->settled = 1;
    places_free(k);
    return places_new(k, PLACE_BITS_MIN, err);
}

/* A row of the file: one of the first n, and its key nobody else's. */
static bool row_take(struct key_rows *k, uint32_t row, uint32_t key, uint64_t n)
{
    struct key_place *place = place_of(k, key);
    uint64_t i = order_of(k, row);
    if (i == 0 || i > n || place->row != 0) return false;
    k->keys[row] = key;
    *place = (struct key_place){key, row};
    return true;
}

int key_rows_load(struct key_rows *k, const struct tensor_file *file, struct error *err)
{
    const struct tensor *slots = NULL, *keys = NULL, *there;
    if (!key_rows_on(k)) return 0;
    there = file->find(file->impl, "vocabulary.slots");
    uint64_t n = there && there->dims == 1 ? there->shape[0] : 0, next = 0;
    int rc = tensor_want(file, "vocabulary.slots", TENSOR_U32, n, 0, &slots, err);
    if (rc == 0) rc = tensor_want(file, "vocabulary.keys", TENSOR_U32, n, 0, &keys, err);
    if (rc == 0 && n >> k->hash_bits)
        rc = error_set(err, ERROR_DATA, NULL, "%s: tensor \"vocabulary.slots\" has more rows than the tables: %" PRIu64, file->path, n);
    uint32_t *chunk = rc == 0 ? mem_array(2 * CHUNK, 1, sizeof *chunk, err) : NULL;
    if (rc == 0 && !chunk) rc = -ERROR_NOMEM;
    if (rc == 0) rc = key_rows_clear(k, err);
    if (rc == 0) rc = places_reserve(k, n + 1, err);
    for (uint64_t at = 0, m; rc == 0 && at < n; at += m) {
        m = n - at < CHUNK ? n - at : CHUNK;
        rc = file->read(file->impl, slots, at * sizeof *chunk, chunk, m * sizeof *chunk, err);
        if (rc == 0) rc = file->read(file->impl, keys, at * sizeof *chunk, chunk + CHUNK, m * sizeof *chunk, err);
        for (uint64_t i = 0; rc == 0 && i < m; next = (uint64_t)chunk[i++] + 1)
            if (chunk[i] < next || chunk[i] >> k->hash_bits || !row_take(k, chunk[i], chunk[CHUNK + i], n))
                rc = error_set(err, ERROR_DATA, NULL,
                               "%s: tensors \"vocabulary.slots\" and \".keys\": number %" PRIu64 " is out of order or twice there", file->path,
                               at + i);
    }
    if (rc == 0) k->count = n + 1;
    if (!key_rows_full(k)) left_free(k);
    mem_free(chunk);
    return rc;
}

/* The vocabulary: a row for each feature, in the order of the keys, dealt out to the slices; what happens when they are all given; what a checkpoint
 * holds of it, and files that are not trusted. */
#include "engine/core/key_rows.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "lib/tensors.h"
#include "lib/test.h"

enum { BITS = 10, SLICES = 4, SLICE_BITS = 8, SHIFT = 32 - BITS, ROWS = 1 << BITS };

static void fresh(struct key_rows *k)
{
    struct error err = {0};
    assert_ok(key_rows_init(k, BITS, SLICES, SLICE_BITS, &err), &err);
}

static void give(struct key_rows *k, const uint32_t *keys, size_t count)
{
    struct error err = {0};
    assert_ok(key_rows_give(k, keys, count, &err), &err);
}

static uint32_t random_key(uint64_t i)
{
    struct rng rng = rng_at(9, RNG_TEST, 0, i);
    return rng_u32(&rng);
}

static uint32_t rare_keys[] = {70, 71};
static const struct rare_keys rare = {.keys = rare_keys, .count = 2, .unknown = 72};

/* The rows of `count` keys, each a feature of field `field`. */
static void rows_of(const struct key_rows *k, const uint32_t *keys, uint32_t count, const uint16_t *field, struct admitted *out)
{
    const uint32_t offsets[] = {0, count};
    struct error err = {0};
    uint16_t fields[8];
    for (uint32_t i = 0; field && i < count; i++) fields[i] = *field;
    const struct batch b = {.rows = 1, .features = count, .offsets = offsets, .keys = keys, .fields = field ? fields : NULL};
    assert_ok(key_rows_apply(k, &rare, &b, out, &err), &err);
    assert_ptr_equal(out->batch.keys, out->keys);
    assert_int_equal(out->batch.features, count);
    for (uint32_t i = 0; i < count; i++) assert_int_equal(out->keys[i] & ((1u << SHIFT) - 1), 0);
}

/* Four keys of one slot by their high bits, which a hashed table could not tell apart. */
static void features_of_one_slot_have_rows_of_their_own(void **state)
{
    static const uint32_t keys[] = {5u << SHIFT | 1, 5u << SHIFT | 2, 5u << SHIFT | 1, 5u << SHIFT | 3}, other[] = {5u << SHIFT | 4};
    static const uint32_t want[] = {71, 5u << SHIFT | 1, 71, 5u << SHIFT | 2, 71, 5u << SHIFT | 1, 71, 5u << SHIFT | 3};
    static const uint16_t item = 1, strange = 9;
    struct key_rows k;
    struct admitted out = {0};
    (void)state;
    fresh(&k);
    rows_of(&k, keys, 4, &item, &out);
    for (size_t i = 0; i < 4; i++) assert_int_equal(out.keys[i], 0); /* nobody has a row yet, the field's rare slot among them */
    assert_int_equal(out.waiting_count, 8);
    assert_memory_equal(out.waiting, want, sizeof want);
    give(&k, out.waiting, out.waiting_count);
    assert_int_equal(k.count, 1 + 4);
    rows_of(&k, keys, 4, &item, &out);
    assert_int_equal(out.waiting_count, 0);
    /* The second, third and fourth; the first is the rare slot's. In turn: slices 2, 3 and, one further, 0. */
    assert_int_equal(out.keys[0] >> SHIFT, 2u << SLICE_BITS);
    assert_int_equal(out.keys[1] >> SHIFT, 3u << SLICE_BITS);
    assert_int_equal(out.keys[2], out.keys[0]);
    assert_int_equal(out.keys[3] >> SHIFT, 1);
    rows_of(&k, other, 1, &item, &out); /* unknown: what its field's rare slot has learnt */
    assert_int_equal(out.keys[0] >> SHIFT, 1u << SLICE_BITS);
    assert_int_equal(out.waiting_count, 1);
    assert_int_equal(out.waiting[0], other[0]);
    rows_of(&k, other, 1, &strange, &out);
    assert_int_equal(out.keys[0], 0);
    assert_int_equal(out.waiting[0], 72);
    rows_of(&k, other, 1, NULL, &out);
    assert_int_equal(out.waiting[0], 72);
    assert_int_equal(key_rows_key(&k, 1), 71);
    assert_int_equal(key_rows_key(&k, 4), 5u << SHIFT | 3);
    admitted_close(&out);
    key_rows_close(&k);
}

/* As many as there are rows: through every growth of what finds them, each key keeps its own; the rest have none, and are counted. */
static void when_all_rows_are_given_the_rest_have_none(void **state)
{
    enum { KEYS = 40000 };
    static uint32_t keys[KEYS];
    static bool taken[ROWS];
    struct key_rows k;
    struct admitted out = {0};
    (void)state;
    fresh(&k);
    for (uint64_t i = 0; i < KEYS; i++) keys[i] = random_key(i);
    for (size_t i = 0; i < ROWS - 2; i++) give(&k, &keys[i / 2], 2); /* each twice */
    assert_false(key_rows_full(&k));
    give(&k, keys, ROWS - 1);
    assert_true(key_rows_full(&k));
    assert_true(key_rows_left(&k) == 0);
    give(&k, keys, KEYS);
    assert_int_equal(k.count, ROWS);
    assert_close(key_rows_left(&k), KEYS - (ROWS - 1), 0, 0.02 * KEYS);
    for (size_t i = 0; i < KEYS; i++) {
        rows_of(&k, &keys[i], 1, NULL, &out);
        uint32_t row = out.keys[0] >> SHIFT;
        assert_int_equal(row > 0, i < ROWS - 1);
        assert_false(row > 0 && taken[row]);
        taken[row] = row > 0;
    }
    for (uint32_t i = 0; i < 1 << 20; i++) give(&k, &(uint32_t){i << 12}, 1);
    assert_true(isinf(key_rows_left(&k)));
    admitted_close(&out);
    key_rows_close(&k);
}

/* What of k came after `from`, as a checkpoint has it. */
static uint64_t saved(const struct key_rows *k, uint64_t from, uint32_t *slots, uint32_t *keys)
{
    uint64_t n = 0;
    for (uint32_t q = 0; q < SLICES; q++) {
        key_rows_copy(k, from, q, slots + n, keys + n);
        n += key_rows_count(k, from, q);
    }
    for (uint64_t i = 1; i < n; i++) assert_true(slots[i] > slots[i - 1]);
    return n;
}

static void what_was_saved_is_loaded(void **state)
{
    enum { KEYS = 700 };
    static uint32_t keys[KEYS], slots[KEYS], of[KEYS], new_slots[KEYS], new_of[KEYS];
    struct key_rows k, back;
    struct tensors_fake fake;
    struct error err = {0};
    struct admitted one = {0}, other = {0};
    (void)state;
    fresh(&k);
    for (uint64_t i = 0; i < KEYS; i++) keys[i] = random_key(i);
    for (size_t from = 1; from < 12; from++) { /* what is new since some point, and what was there before, are all */
        key_rows_close(&k);
        fresh(&k);
        give(&k, keys, from - 1);
        uint64_t before = saved(&k, 1, slots, of);
        assert_int_equal(before, from - 1);
        give(&k, keys, 40);
        assert_int_equal(saved(&k, from, new_slots, new_of) + before, 40);
        for (uint64_t i = 0; i < 40 - before; i++)
            for (uint64_t j = 0; j < before; j++) assert_int_not_equal(new_slots[i], slots[j]);
    }
    give(&k, keys, KEYS);
    assert_int_equal(saved(&k, 1, slots, of), KEYS);
    tensors_fake_init(&fake);
    tensors_fake_add(&fake, "vocabulary.slots", TENSOR_U32, KEYS, 0, slots);
    tensors_fake_add(&fake, "vocabulary.keys", TENSOR_U32, KEYS, 0, of);
    struct tensor_file file = tensors_fake_file(&fake);
    fresh(&back);
    give(&back, &(uint32_t){12345}, 1); /* of a training before */
    assert_ok(key_rows_load(&back, &file, &err), &err);
    for (uint32_t i = 0; i < KEYS; i++) {
        rows_of(&k, &keys[i], 1, NULL, &one);
        rows_of(&back, &keys[i], 1, NULL, &other);
        assert_int_equal(one.keys[0], other.keys[0]);
    }
    rows_of(&back, &(uint32_t){12345}, 1, NULL, &other);
    assert_int_equal(other.keys[0], 0);
    give(&k, &(uint32_t){1}, 1); /* and it goes on where it was */
    give(&back, &(uint32_t){1}, 1);
    assert_int_equal(back.count, k.count);
    assert_int_equal(key_rows_key(&back, KEYS + 1), 1);
    const struct wrong {
        uint32_t at, slot, key;
    } wrong[] = {{3, slots[2], of[3]}, {KEYS - 1, ROWS, of[KEYS - 1]},     {KEYS - 1, UINT32_MAX, of[KEYS - 1]},
                 {0, 0, of[0]},        {KEYS - 1, ROWS - 1, of[KEYS - 1]}, {9, slots[9], of[8]}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint32_t slot = slots[wrong[i].at], key = of[wrong[i].at];
        slots[wrong[i].at] = wrong[i].slot, of[wrong[i].at] = wrong[i].key;
        err = (struct error){0};
        assert_int_equal(key_rows_load(&back, &file, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "\"vocabulary.slots\"");
        slots[wrong[i].at] = slot, of[wrong[i].at] = key;
    }
    assert_ok(key_rows_load(&back, &file, (err = (struct error){0}, &err)), &err);
    tensors_fake_find(&fake, "vocabulary.keys")->shape[0]--;
    assert_int_equal(key_rows_load(&back, &file, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "\"vocabulary.keys\" has another shape");
    tensors_fake_find(&fake, "vocabulary.slots")->name[0] = 'X';
    err = (struct error){0};
    assert_int_equal(key_rows_load(&back, &file, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "\"vocabulary.slots\" is missing");
    tensors_fake_find(&fake, "Xocabulary.slots")->name[0] = 'v';
    tensors_fake_find(&fake, "vocabulary.slots")->shape[0] = tensors_fake_find(&fake, "vocabulary.keys")->shape[0] = ROWS;
    err = (struct error){0};
    assert_int_equal(key_rows_load(&back, &file, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "more rows than the tables");
    tensors_fake_close(&fake);
    admitted_close(&one);
    admitted_close(&other);
    key_rows_close(&k);
    key_rows_close(&back);
}

static void every_allocation_may_fail(void **state)
{
    static uint32_t keys[ROWS + 1];
    const struct batch b = {.rows = 1, .features = 1, .offsets = (const uint32_t[]){0, 1}, .keys = keys};
    (void)state;
    for (uint64_t i = 0; i <= ROWS; i++) keys[i] = random_key(i);
    for (unsigned n = 1;; n++) {
        struct key_rows k = {0};
        struct admitted out = {0};
        struct error err = {0};
        mem_fail_after(n);
        int rc = key_rows_init(&k, BITS, SLICES, SLICE_BITS, &err);
        if (rc == 0) rc = key_rows_give(&k, keys, ROWS + 1, &err);
        if (rc == 0) rc = key_rows_apply(&k, &rare, &b, &out, &err);
        bool fired = mem_fail_after(0);
        admitted_close(&out);
        key_rows_close(&k);
        if (!fired) {
            assert_int_equal(rc, 0);
            assert_true(n > 5);
            return;
        }
        assert_int_equal(rc, -ERROR_NOMEM);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(features_of_one_slot_have_rows_of_their_own),
    cmocka_unit_test(when_all_rows_are_given_the_rest_have_none),
    cmocka_unit_test(what_was_saved_is_loaded),
    cmocka_unit_test(every_allocation_may_fail),
};
TEST_MAIN(tests)

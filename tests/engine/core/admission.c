/* test: threads */
/* Admission: who is let in, where the others go, counts that no order of additions changes, and files that are not trusted. */
#include "engine/core/admission.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "lib/tensors.h"
#include "lib/test.h"
#include "lib/threads.h"

enum { BITS = 10, SHIFT = 32 - BITS };

static const char *two_names(const void *context, size_t field)
{
    static const char *const names[] = {"user", "item"};
    (void)context;
    return field < 2 ? names[field] : NULL;
}
static const struct field_names named = {NULL, two_names}, nameless = {NULL, NULL};

static void fresh(struct admission *a, unsigned min_count)
{
    struct error err = {0};
    assert_ok(admission_init(a, min_count, BITS, &err), &err);
}

static void raise_slot(struct admission *a, uint32_t slot, unsigned times)
{
    for (unsigned i = 0; i < times; i++) admission_raise(a, &slot, 1);
}

/* Two rows of fields user, item; slots 1, 2 and 1, 3; of which 1 and 3 have been seen twice. */
static void rare_features_share_their_fields_slot(void **state)
{
    static const uint32_t offsets[] = {0, 2, 4}, keys[] = {1 << SHIFT | 7, 2u << SHIFT, 1 << SHIFT | 7, 3u << SHIFT};
    static const uint16_t fields[] = {0, 1}, spread[] = {1, 0, 9, 1};
    static const uint32_t no_fields_waiting[] = {2};
    struct batch b = {.rows = 2, .features = 4, .offsets = offsets, .keys = keys, .fields = fields, .same_fields = true};
    struct admission a;
    struct rare_keys rare;
    struct admitted out = {0};
    struct error err = {0};
    (void)state;
    fresh(&a, 2);
    assert_ok(rare_keys_init(&rare, 5, &named, &err), &err);
    assert_int_equal(rare.count, 2);
    assert_int_equal(rare.keys[0], hash64("rare", 4, ~hash64("user", 4, 5)) >> 32);
    raise_slot(&a, 1, 2);
    raise_slot(&a, 2, 1);
    raise_slot(&a, 3, 9);
    assert_ok(admission_apply(&a, &rare, &b, &out, &err), &err);
    assert_int_equal(out.batch.keys[0], keys[0]);
    assert_int_equal(out.batch.keys[1], rare.keys[1]);
    assert_int_equal(out.batch.keys[2], keys[2]);
    assert_int_equal(out.batch.keys[3], keys[3]);
    assert_int_equal(out.waiting_count, 1);
    assert_int_equal(out.waiting[0], 2);
    b.fields = spread, b.same_fields = false; /* fields a feature; one that has no name */
    raise_slot(&a, 2, 1);
    memset(a.seen + 1, 0, 1);
    a.seen[3] = 1;
    assert_ok(admission_apply(&a, &rare, &b, &out, &err), &err);
    assert_int_equal(out.batch.keys[0], rare.keys[1]);
    assert_int_equal(out.batch.keys[1], keys[1]);
    assert_int_equal(out.batch.keys[2], rare.unknown);
    assert_int_equal(out.batch.keys[3], rare.keys[1]);
    a.seen[1] = 2, a.seen[2] = 1, a.seen[3] = 2;
    b.fields = NULL;
    assert_ok(admission_apply(&a, &rare, &b, &out, &err), &err);
    assert_int_equal(out.batch.keys[1], rare.unknown);
    assert_int_equal(out.waiting_count, 1);
    assert_memory_equal(out.waiting, no_fields_waiting, sizeof no_fields_waiting);
    admitted_close(&out);
    rare_keys_close(&rare);
    assert_ok(rare_keys_init(&rare, 5, &nameless, &err), &err); /* fields are called by their numbers */
    assert_int_equal(rare.keys[12], hash64("rare", 4, ~hash64("12", 2, 5)) >> 32);
    rare_keys_close(&rare);
    admission_close(&a);
    fresh(&a, 1);
    assert_null(a.seen);
    admission_close(&a);
}

struct raising {
    struct admission *a;
    const uint32_t *slots;
    size_t each;
};

static int raise_part(void *context, unsigned index, struct error *err)
{
    const struct raising *r = context;
    (void)err;
    admission_raise(r->a, r->slots + index * r->each, r->each);
    return 0;
}

static void counts_do_not_depend_on_threads(void **state)
{
    enum { N = 40000, WORKERS = 4 };
    static uint32_t slots[N];
    struct parallel threads = threads_parallel(WORKERS);
    struct admission one, many;
    struct error err = {0};
    uint64_t exact[1 << BITS] = {0};
    struct admission_counts want = {0};
    (void)state;
    for (uint64_t i = 0; i < N; i++) {
        struct rng rng = rng_at(2, RNG_TEST, 0, i);
        slots[i] = (uint32_t)rng_below(&rng, 1 + rng_below(&rng, 1 << BITS));
        exact[slots[i]]++;
    }
    for (unsigned min_count = 2; min_count <= ADMISSION_MAX; min_count = min_count == 2 ? 30 : min_count == 30 ? ADMISSION_MAX : ADMISSION_MAX + 1) {
        fresh(&one, min_count);
        fresh(&many, min_count);
        admission_raise(&one, slots, N);
        struct raising r = {&many, slots, N / WORKERS};
        assert_ok(threads.run(threads.impl, raise_part, &r, WORKERS, &err), &err);
        assert_memory_equal(one.seen, many.seen, 1 << BITS);
        want = (struct admission_counts){0};
        for (uint32_t s = 0; s < 1 << BITS; s++) {
            assert_int_equal(one.seen[s], exact[s] < min_count ? exact[s] : min_count);
            want.admitted += exact[s] >= min_count;
            want.waiting += exact[s] > 0 && exact[s] < min_count;
        }
        struct admission_counts got = admission_count(&many, 0, 1 << BITS);
        assert_int_equal(got.admitted, want.admitted);
        assert_int_equal(got.waiting, want.waiting);
        assert_true(got.admitted > 0 && got.waiting > 0);
        admission_close(&one);
        admission_close(&many);
    }
}

static void what_was_saved_is_loaded(void **state)
{
    struct admission a, back;
    struct tensors_fake fake;
    struct error err = {0};
    uint32_t slots[4];
    uint8_t seen[4];
    (void)state;
    fresh(&a, 3);
    raise_slot(&a, 0, 1);
    raise_slot(&a, 500, 7);
    raise_slot(&a, 1023, 2);
    struct admission_counts c = admission_count(&a, 0, 1 << BITS);
    assert_int_equal(c.admitted + c.waiting, 3);
    admission_copy(&a, 0, 512, slots, seen);
    admission_copy(&a, 512, 1 << BITS, slots + 2, seen + 2);
    tensors_fake_init(&fake);
    tensors_fake_add(&fake, "admission.slots", TENSOR_U32, 3, 0, slots);
    tensors_fake_add(&fake, "admission.seen", TENSOR_U8, 3, 0, seen);
    struct tensor_file file = tensors_fake_file(&fake);
    fresh(&back, 3);
    raise_slot(&back, 77, 2); /* of a training before */
    assert_ok(admission_load(&back, &file, &err), &err);
    assert_memory_equal(a.seen, back.seen, 1 << BITS);
    static const struct {
        uint32_t slot;
        uint8_t seen;
    } wrong[] = {{0, 1}, {500, 1}, {1024, 1}, {UINT32_MAX, 1}, {1023, 0}, {1023, 4}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        slots[2] = wrong[i].slot, seen[2] = wrong[i].seen;
        err = (struct error){0};
        assert_int_equal(admission_load(&back, &file, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "admission.slots");
    }
    tensors_fake_find(&fake, "admission.seen")->shape[0] = 2;
    err = (struct error){0};
    assert_int_equal(admission_load(&back, &file, &err), -ERROR_DATA);
    tensors_fake_find(&fake, "admission.seen")->dtype = TENSOR_F32;
    err = (struct error){0};
    assert_int_equal(admission_load(&back, &file, &err), -ERROR_DATA);
    tensors_fake_find(&fake, "admission.slots")->name[0] = 'X';
    err = (struct error){0};
    assert_int_equal(admission_load(&back, &file, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "is missing");
    tensors_fake_close(&fake);
    admission_close(&a);
    admission_close(&back);
}

static void every_allocation_may_fail(void **state)
{
    struct batch b = {.rows = 1, .features = 1, .offsets = (const uint32_t[]){0, 1}, .keys = (const uint32_t[]){0}};
    (void)state;
    for (unsigned k = 1;; k++) {
        struct admission a = {0};
        struct admitted out = {0};
        struct rare_keys rare = {0};
        struct error err = {0};
        mem_fail_after(k);
        int rc = admission_init(&a, 2, BITS, &err);
        if (rc == 0) rc = rare_keys_init(&rare, 5, &named, &err);
        if (rc == 0) rc = admission_apply(&a, &rare, &b, &out, &err);
        bool fired = mem_fail_after(0);
        admitted_close(&out);
        rare_keys_close(&rare);
        admission_close(&a);
        if (!fired) {
            assert_int_equal(rc, 0);
            assert_true(k > 4);
            return;
        }
        assert_int_equal(rc, -ERROR_NOMEM);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rare_features_share_their_fields_slot),
    cmocka_unit_test(counts_do_not_depend_on_threads),
    cmocka_unit_test(what_was_saved_is_loaded),
    cmocka_unit_test(every_allocation_may_fail),
};
TEST_MAIN(tests)

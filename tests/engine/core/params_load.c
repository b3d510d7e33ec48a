#include "engine/core/params_load.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "lib/tensors.h"
#include "lib/test.h"

static const struct param_desc descs[] = {{.name = "bias", .width = 2},
                                          {.name = "linear", .table = true, .width = 1},
                                          {.name = "embedding", .table = true, .width = 3, .init = INIT_NORMAL, .init_scale = 0.1f}};
enum { BITS = 10, LIVE = 3 };

static const uint32_t slots[LIVE] = {0, 7, 1023};
static const float bias[2] = {0.5f, -1}, bias_n[2] = {1, 2}, linear[LIVE] = {1, 2, 3}, linear_n[LIVE] = {4, 5, 6};
static const float embedding[LIVE * 3] = {1, 2, 3, 4, 5, 6, 7, 8, 9}, embedding_n[LIVE * 3] = {9, 8, 7, 6, 5, 4, 3, 2, 1};

static void whole(struct tensors_fake *fake)
{
    tensors_fake_init(fake);
    tensors_fake_add(fake, "slots", TENSOR_U32, LIVE, 0, slots);
    tensors_fake_add(fake, "bias", TENSOR_F32, 2, 0, bias);
    tensors_fake_add(fake, "bias.n", TENSOR_F32, 2, 0, bias_n);
    tensors_fake_add(fake, "linear", TENSOR_F32, LIVE, 1, linear);
    tensors_fake_add(fake, "linear.n", TENSOR_F32, LIVE, 1, linear_n);
    tensors_fake_add(fake, "embedding", TENSOR_F32, LIVE, 3, embedding);
    tensors_fake_add(fake, "embedding.n", TENSOR_F32, LIVE, 3, embedding_n);
}

static void fresh(struct params *p, bool states)
{
    struct error err = {0};
    const struct param_states one = {.count = 1, .desc = {{"n", STATE_WEIGHT}}, .initial = {0.25f}}, all[GROUPS] = {one, one, one};
    assert_ok(params_init(p, descs, 3, BITS, states ? all : NULL, 1, &err), &err);
}

static void holds_the_file(const struct params *p)
{
    float initial[3], got[3];
    uint32_t sleeper = 8;
    assert_memory_equal(p->tensor[0].w, bias, sizeof bias);
    for (size_t i = 0; i < LIVE; i++) {
        assert_true(params_live(p, slots[i]));
        assert_close(p->tensor[1].w[slots[i]], linear[i], 0, 0);
        assert_memory_equal(p->tensor[2].w + slots[i] * 3, embedding + i * 3, 3 * sizeof(float));
    }
    assert_false(params_live(p, sleeper));
    param_initial(p, 2, sleeper, initial);
    param_gather(p, 2, &sleeper, 1, got);
    assert_memory_equal(initial, got, sizeof got);
}

static void who_lives_is_in_the_vocabulary(void **state)
{
    static uint32_t given[(1 << BITS) - 1], keys[(1 << BITS) - 1];
    enum { ALL = sizeof given / sizeof *given };
    struct param_desc with[3];
    struct tensors_fake fake;
    struct params p;
    struct error err = {0};
    (void)state;
    memcpy(with, descs, sizeof with);
    param_descs_form(with, 3, (struct table_form){.vocabulary = true});
    for (uint32_t i = 0; i < ALL; i++) given[i] = i + 1, keys[i] = 1000 + i;
    whole(&fake);
    tensors_fake_add(&fake, "vocabulary.slots", TENSOR_U32, ALL, 0, given);
    tensors_fake_add(&fake, "vocabulary.keys", TENSOR_U32, ALL, 0, keys);
    struct tensor_file file = tensors_fake_file(&fake);
    assert_ok(params_init(&p, with, 3, BITS, NULL, 1, &err), &err);
    assert_ok(params_load(&p, &file, &err), &err); /* row 0 lives, too, and is nobody's */
    holds_the_file(&p);
    tensors_fake_find(&fake, "vocabulary.slots")->shape[0]--; /* the last one, which lives */
    tensors_fake_find(&fake, "vocabulary.keys")->shape[0]--;
    assert_int_equal(params_load(&p, &file, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "row 1023 is in tensor \"slots\" and not in");
    params_close(&p);
    tensors_fake_close(&fake);
}

static void loads_weights_and_states(void **state)
{
    (void)state;
    struct tensors_fake fake;
    struct params p;
    struct error err = {0};
    whole(&fake);
    struct tensor_file file = tensors_fake_file(&fake);
    fresh(&p, true);
    params_wake(&p, (const uint32_t[]){5, 6}, 2); /* of a training before: asleep again afterwards */
    p.tensor[1].w[5] = 7;                         /* ... and reads as the initial value, not as what it had learned */
    p.tensor[1].state[0][5] = 8;
    assert_ok(params_load(&p, &file, &err), &err);
    holds_the_file(&p);
    float forgotten;
    param_gather(&p, 1, (const uint32_t[]){5}, 1, &forgotten);
    assert_true(forgotten == 0);
    params_wake(&p, (const uint32_t[]){5}, 1);
    assert_true(p.tensor[1].w[5] == 0 && p.tensor[1].state[0][5] == 0.25f);
    params_close(&p);
    fresh(&p, true);
    params_wake(&p, (const uint32_t[]){5, 6}, 2);
    assert_ok(params_load(&p, &file, &err), &err);
    assert_false(params_live(&p, 5));
    assert_memory_equal(p.tensor[0].state[0], bias_n, sizeof bias_n);
    for (size_t i = 0; i < LIVE; i++) assert_memory_equal(p.tensor[2].state[0] + slots[i] * 3, embedding_n + i * 3, 3 * sizeof(float));
    params_close(&p);
    tensors_fake_close(&fake);
}

/* Scoring needs no optimiser: its states are neither wanted nor missed. */
static void loads_weights_alone(void **state)
{
    (void)state;
    struct tensors_fake fake;
    struct params p;
    struct error err = {0};
    whole(&fake);
    tensors_fake_find(&fake, "linear.n")->name[0] = 'X';
    struct tensor_file file = tensors_fake_file(&fake);
    fresh(&p, false);
    assert_ok(params_load(&p, &file, &err), &err);
    holds_the_file(&p);
    params_close(&p);
    tensors_fake_close(&fake);
}

static void refused(struct tensors_fake *fake, const char *part)
{
    struct params p;
    struct error err = {0};
    struct tensor_file file = tensors_fake_file(fake);
    fresh(&p, true);
    assert_int_equal(params_load(&p, &file, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, part);
    params_close(&p);
    tensors_fake_close(fake);
}

static void hostile_slots_are_refused(void **state)
{
    (void)state;
    static const uint32_t twice[LIVE] = {0, 7, 7}, down[LIVE] = {7, 0, 9}, beyond[LIVE] = {0, 7, 1024};
    const uint32_t *const bad[] = {twice, down, beyond};
    struct tensors_fake fake;
    for (size_t i = 0; i < 3; i++) {
        whole(&fake);
        tensors_fake_find(&fake, "slots")->data = bad[i];
        refused(&fake, "ascend");
    }
    whole(&fake);
    tensors_fake_find(&fake, "slots")->dtype = TENSOR_I32;
    refused(&fake, "slots");
    whole(&fake);
    tensors_fake_find(&fake, "slots")->dims = 2;
    refused(&fake, "slots");
    whole(&fake);
    tensors_fake_find(&fake, "slots")->shape[0] = 1025;
    refused(&fake, "slots");
    whole(&fake);
    tensors_fake_find(&fake, "slots")->name[0] = 'X';
    refused(&fake, "slots");
}

static void hostile_tensors_are_refused(void **state)
{
    (void)state;
    static const char *const all[] = {"bias", "bias.n", "linear", "linear.n", "embedding", "embedding.n"};
    float bad[9];
    struct tensors_fake fake;
    for (size_t i = 0; i < 6; i++)
        for (int how = 0; how < 6; how++) {
            whole(&fake);
            struct tensor *t = tensors_fake_find(&fake, all[i]);
            memcpy(bad, t->data, (size_t)t->size_bytes);
            bad[t->size_bytes / sizeof *bad - 1] = how == 0 ? NAN : -INFINITY;
            if (how < 2) t->data = bad;
            else if (how == 2) t->name[0] = 'X';
            else if (how == 3) t->shape[0]++;
            else if (how == 4) t->dims = 3 - t->dims;
            else t->dtype = TENSOR_U32;
            refused(&fake, all[i]);
        }
    whole(&fake);
    tensors_fake_find(&fake, "embedding")->shape[1] = 4;
    refused(&fake, "embedding");
}

/* Weights of two bytes are loaded as they are; as another type they are refused by name, and so is what is not finite. */
static void two_byte_weights_are_loaded(void **state)
{
    (void)state;
    static const uint16_t held[LIVE * 3] = {0x3f80, 0x4000, 0xc040, 1, 0x8000, 0x7f7f, 0, 0x4120, 0x3c01};
    static const enum table_dtype stored[] = {TABLE_BF16, TABLE_FP16, TABLE_FP32, TABLE_BF16, TABLE_BF16};
    static const enum tensor_dtype file_has[] = {TENSOR_BF16, TENSOR_BF16, TENSOR_BF16, TENSOR_F32, TENSOR_BF16};
    static const char *const told[] = {NULL, "\"embedding\" is of type BF16, not F16", "\"embedding\" is of type BF16, not F32",
                                       "\"embedding\" is of type F32, not BF16", "not finite"};
    for (size_t i = 0; i < 5; i++) {
        struct tensors_fake fake;
        struct params p;
        struct error err = {0};
        uint16_t weights[LIVE * 3];
        struct param_desc mixed[3] = {descs[0], descs[1], descs[2]};
        memcpy(weights, held, sizeof weights);
        if (i == 4) weights[8] = 0x7f80;
        whole(&fake);
        struct tensor *t = tensors_fake_find(&fake, "embedding");
        if (file_has[i] == TENSOR_BF16) t->dtype = TENSOR_BF16, t->data = weights, t->size_bytes = sizeof weights;
        param_descs_form(mixed + 2, 1, (struct table_form){.dtype = stored[i]});
        assert_ok(params_init(&p, mixed, 3, BITS, NULL, 1, &err), &err);
        struct tensor_file file = tensors_fake_file(&fake);
        int rc = params_load(&p, &file, &err);
        if (told[i]) assert_error(&err, ERROR_DATA, told[i]);
        else assert_ok(rc, &err);
        for (size_t r = 0; !told[i] && r < LIVE; r++) assert_memory_equal(p.tensor[2].half + slots[r] * 3, held + r * 3, 6);
        params_close(&p);
        tensors_fake_close(&fake);
    }
}

static void memory_that_fails_is_told(void **state)
{
    (void)state;
    struct tensors_fake fake;
    unsigned failures = 0;
    whole(&fake);
    struct tensor_file file = tensors_fake_file(&fake);
    for (unsigned k = 1;; k++) {
        struct params p;
        struct error err = {0};
        fresh(&p, true);
        mem_fail_after(k);
        int rc = params_load(&p, &file, &err);
        bool fired = mem_fail_after(0);
        params_close(&p);
        assert_int_equal(rc, fired ? -ERROR_NOMEM : 0);
        if (!fired) break;
        failures++;
    }
    assert_true(failures >= 2);
    tensors_fake_close(&fake);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(loads_weights_and_states),    cmocka_unit_test(who_lives_is_in_the_vocabulary),
                                          cmocka_unit_test(loads_weights_alone),         cmocka_unit_test(hostile_slots_are_refused),
                                          cmocka_unit_test(hostile_tensors_are_refused), cmocka_unit_test(two_byte_weights_are_loaded),
                                          cmocka_unit_test(memory_that_fails_is_told)};
TEST_MAIN(tests)

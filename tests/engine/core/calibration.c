#include "engine/core/calibration.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "lib/tensors.h"
#include "lib/test.h"

static void knots(struct calibration *c, size_t count, const float *from, const float *to)
{
    c->count = count;
    c->from = mem_array(count, 1, sizeof(float), NULL);
    c->to = mem_array(count, 1, sizeof(float), NULL);
    memcpy(c->from, from, count * sizeof *from);
    memcpy(c->to, to, count * sizeof *to);
}

static void neutral_changes_no_bit(void **state)
{
    (void)state;
    float logits[] = {-0.0f, 1e-42f, 3.25f, -87, NAN, INFINITY}, before[6];
    struct calibration c;
    calibration_init(&c);
    assert_true(calibration_neutral(&c));
    memcpy(before, logits, sizeof logits);
    calibration_apply(&c, logits, 6);
    assert_memory_equal(before, logits, sizeof logits);
}

static void parts_apply_in_order(void **state)
{
    (void)state;
    struct calibration c;
    float z[] = {-1, 0, 2};
    calibration_init(&c);
    c.logit_offset = 0.5, c.slope = 2, c.intercept = -1;
    assert_false(calibration_neutral(&c));
    calibration_apply(&c, z, 3);
    for (int i = 0; i < 3; i++) assert_close(z[i], 2 * ((float[]){-1, 0, 2}[i] + 0.5) - 1, 0, 0);
    knots(&c, 3, (float[]){-2, 0, 4}, (float[]){-1, 0, 1});
    float y[] = {-9, -1, 0, 0.5f, 1, 9, NAN}; /* to -18, -2, 0, 1, 2, 18 */
    float want[] = {-1, -1, 0, 0.25f, 0.5f, 1, NAN};
    calibration_apply(&c, y, 7);
    for (int i = 0; i < 6; i++) assert_close(y[i], want[i], 0, 0);
    assert_true(isnan(y[6]));
    calibration_close(&c);
    assert_true(calibration_neutral(&c));
}

/* Undoing a sampling of negatives at rate w: odds are multiplied by w, so p/(1-p) comes out as w q/(1-q) (He et al. 2014, s. 6.3). */
static void offset_undoes_sampling(void **state)
{
    (void)state;
    struct calibration c;
    calibration_init(&c);
    double w = 0.1, q = 0.3;
    float z = (float)log(q / (1 - q));
    c.logit_offset = log(w);
    calibration_apply(&c, &z, 1);
    assert_close(1 / (1 + exp(-z)), q / (q + (1 - q) / w), 1e-6, 0);
}

static void one_knot_is_a_constant(void **state)
{
    (void)state;
    struct calibration c;
    float z[] = {-5, 1, 7};
    calibration_init(&c);
    knots(&c, 1, (float[]){1}, (float[]){0.25f});
    calibration_apply(&c, z, 3);
    for (int i = 0; i < 3; i++) assert_close(z[i], 0.25, 0, 0);
    calibration_close(&c);
}

static void written_loads_back(void **state)
{
    (void)state;
    struct calibration c, back;
    struct tensors_fake fake;
    struct tensor tensors[CALIBRATION_TENSORS];
    struct error err = {0};
    size_t count = 0;
    tensors_fake_init(&fake);
    calibration_init(&c);
    assert_ok(calibration_write(&c, fake.metadata, tensors, &count, &err), &err);
    assert_int_equal(count, 0); /* a neutral one leaves no trace: the file's bytes are those of before */
    assert_int_equal(json_object_size(fake.metadata), 0);
    c.logit_offset = -2.302585092994046, c.slope = 0.1, c.intercept = 1e-300;
    knots(&c, 2, (float[]){-1, 0.1f}, (float[]){-3, -3});
    assert_ok(calibration_write(&c, fake.metadata, tensors, &count, &err), &err);
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) tensors_fake_add(&fake, tensors[i].name, tensors[i].dtype, tensors[i].shape[0], 0, tensors[i].data);
    struct tensor_file file = tensors_fake_file(&fake);
    assert_ok(calibration_load(&back, &file, &err), &err);
    assert_true(back.logit_offset == c.logit_offset && back.slope == c.slope && back.intercept == c.intercept && back.count == 2);
    assert_memory_equal(back.from, c.from, 8);
    assert_memory_equal(back.to, c.to, 8);
    calibration_close(&back);
    calibration_close(&c);
    tensors_fake_close(&fake);
}

static void refused(struct tensors_fake *fake, const char *part)
{
    struct calibration c;
    struct error err = {0};
    struct tensor_file file = tensors_fake_file(fake);
    assert_int_equal(calibration_load(&c, &file, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, part);
    assert_true(calibration_neutral(&c));
}

static void hostile_files_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "x", "1 ", "nan", "inf", "-inf", "0x1p+9999"};
    static const char *const keys[] = {"logit_offset", "calibration_slope", "calibration_intercept"};
    const float up[] = {0, 1, 2}, flat[] = {0, 0, 1}, down[] = {0, 1, 0}, bad[] = {0, NAN, 1};
    struct tensors_fake fake;
    tensors_fake_init(&fake);
    for (size_t k = 0; k < 3; k++)
        for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
            json_object_set_new(fake.metadata, keys[k], json_string(texts[i]));
            refused(&fake, keys[k]);
            json_object_del(fake.metadata, keys[k]);
        }
    json_object_set_new(fake.metadata, "calibration_slope", json_string("-0.5")); /* would turn the order round */
    refused(&fake, "calibration_slope");
    json_object_clear(fake.metadata);
    tensors_fake_add(&fake, "calibration.to", TENSOR_F32, 3, 0, up);
    refused(&fake, "calibration.from");
    tensors_fake_add(&fake, "calibration.from", TENSOR_F32, 3, 0, flat);
    refused(&fake, "ascend");
    tensors_fake_find(&fake, "calibration.from")->data = up;
    tensors_fake_find(&fake, "calibration.to")->data = down;
    refused(&fake, "ascend");
    tensors_fake_find(&fake, "calibration.to")->data = bad;
    refused(&fake, "finite");
    tensors_fake_find(&fake, "calibration.to")->shape[0] = 2;
    refused(&fake, "calibration.to");
    tensors_fake_find(&fake, "calibration.from")->shape[0] = CALIBRATION_KNOTS_MAX + 1ull;
    refused(&fake, "too large");
    tensors_fake_find(&fake, "calibration.from")->shape[0] = 0;
    refused(&fake, "empty");
    tensors_fake_close(&fake);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(neutral_changes_no_bit), cmocka_unit_test(parts_apply_in_order),
                                          cmocka_unit_test(offset_undoes_sampling), cmocka_unit_test(one_knot_is_a_constant),
                                          cmocka_unit_test(written_loads_back),     cmocka_unit_test(hostile_files_are_refused)};
TEST_MAIN(tests)

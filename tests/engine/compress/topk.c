/* Top-k beyond what every codec must hold (codecs.c): which rows are sent, exactly, and that a value which is no number is refused. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "engine/compress/codec.h"

enum { BITS = 12, ROWS = 10 };

static struct codec_call whole_table(void)
{
    return (struct codec_call){.step = 1, .tensor = 1, .slices = 1, .slice_bits = BITS, .space = 1u << BITS};
}

/* ROWS rows of width 1 with magnitudes 1, 2, .. ROWS, the odd ones negative; ids 3, 6, ... */
static void fill(struct grad_buffer *a)
{
    assert_int_equal(grad_buffer_reserve(a, ROWS, 1, false, NULL), 0);
    for (size_t i = 0; i < ROWS; i++) {
        a->rows.ids[i] = (uint32_t)(3 * (i + 1));
        a->rows.values[i] = (float)(i + 1) * (i % 2 ? -1.0f : 1.0f);
    }
    a->rows.count = ROWS;
    a->rows.slice_start[0] = 0;
    for (size_t q = 1; q <= SLICES_MAX; q++) a->rows.slice_start[q] = ROWS;
}

/* The params of top-k that keep `share` of the rows. */
static void *keep(double share)
{
    char text[64];
    struct error err = {0};
    struct faults faults = {0};
    void *params = mem_zero(codec_topk.kind.params_size, &err);
    snprintf(text, sizeof text, "{\"retention\": %g}", share);
    json_t *json = json_read(text, strlen(text), "options", &err);
    struct option_set set = {codec_topk.kind.options, params};
    options_read(&set, 1, json, "", NULL, &faults);
    assert_int_equal(faults.count, 0);
    json_decref(json);
    return params;
}

static void the_largest_rows_are_sent_as_they_are(void **state)
{
    (void)state;
    struct error err = {0};
    struct codec_call call = whole_table();
    struct grad_buffer a = {0}, d = {0};
    struct message m;
    message_init(&m);
    fill(&a);
    void *params = keep(0.25); /* ceil(2.5) = 3 */
    assert_ok(codec_topk.encode(params, &call, &a.rows, &m, &err), &err);
    assert_int_equal(grad_buffer_reserve(&d, 0, 1, false, NULL), 0);
    assert_ok(codec_decode_slice(&codec_topk, &call, &m, 0, 1, &d, &err), &err);
    assert_int_equal(d.rows.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(d.rows.ids[i], a.rows.ids[ROWS - 3 + i]);
        assert_true(d.rows.values[i] == a.rows.values[ROWS - 3 + i]);
    }
    mem_free(params);
    message_close(&m);
    grad_buffer_close(&a);
    grad_buffer_close(&d);
}

static void a_value_that_is_no_number_is_refused(void **state)
{
    (void)state;
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
        struct error err = {0};
        struct codec_call call = whole_table();
        struct grad_buffer a = {0}, d = {0};
        struct message m;
        message_init(&m);
        fill(&a);
        void *params = keep(0.25);
        assert_ok(codec_topk.encode(params, &call, &a.rows, &m, &err), &err);
        memcpy(m.body.data + m.body.size - sizeof bad[b], &bad[b], sizeof bad[b]); /* the last value of the payload */
        assert_int_equal(grad_buffer_reserve(&d, 0, 1, false, NULL), 0);
        assert_true(codec_decode_slice(&codec_topk, &call, &m, 0, 1, &d, &err) < 0);
        assert_error(&err, ERROR_DATA, "not finite");
        mem_free(params);
        message_close(&m);
        grad_buffer_close(&a);
        grad_buffer_close(&d);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_largest_rows_are_sent_as_they_are),
    cmocka_unit_test(a_value_that_is_no_number_is_refused),
};
TEST_MAIN(tests)

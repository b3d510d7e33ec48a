/* batch_gather over blocks made by hand: mixed with and without values, empty rows, buffers that grow. */
#include <string.h>

#include "engine/data/stream.h"
#include "lib/test.h"

static const uint32_t offsets_a[] = {0, 2, 2, 5}, keys_a[] = {1, 2, 3, 4, 5};
static const uint32_t offsets_b[] = {0, 1, 3}, keys_b[] = {10, 11, 12};
static const float values_b[] = {0.5, -1, 3}, labels_a[] = {1, 0, 1}, labels_b[] = {0, 1};
static const struct batch a = {.rows = 3, .features = 5, .offsets = offsets_a, .keys = keys_a, .labels = labels_a};
static const struct batch b = {.rows = 2, .features = 3, .offsets = offsets_b, .keys = keys_b, .values = values_b, .labels = labels_b};

static void mixed_blocks(void **state)
{
    (void)state;
    const struct row_ref refs[] = {{&b, 1}, {&a, 2}, {&a, 1}, {&b, 0}, {&b, 1}};
    struct batch_buffer out = {0};
    struct error err = {0};
    assert_ok(batch_gather(&out, refs, 5, &err), &err);
    const uint32_t offsets[] = {0, 2, 5, 5, 6, 8}, keys[] = {11, 12, 3, 4, 5, 10, 11, 12};
    const float values[] = {-1, 3, 1, 1, 1, 0.5, -1, 3}, labels[] = {1, 1, 0, 0, 1};
    assert_int_equal(out.batch.features, 8);
    assert_memory_equal(out.batch.offsets, offsets, sizeof offsets);
    assert_memory_equal(out.batch.keys, keys, sizeof keys);
    assert_memory_equal(out.batch.values, values, sizeof values);
    assert_memory_equal(out.batch.labels, labels, sizeof labels);
    assert_ok(batch_gather(&out, refs + 1, 2, &err), &err); /* the buffer keeps its values array, the batch has none */
    assert_null(out.batch.values);
    assert_int_equal(out.batch.features, 3);
    batch_buffer_close(&out);
}

static void no_rows_and_empty_rows(void **state)
{
    (void)state;
    const struct row_ref refs[] = {{&a, 1}};
    struct batch_buffer out = {0};
    struct error err = {0};
    assert_ok(batch_gather(&out, refs, 1, &err), &err);
    assert_int_equal(out.batch.features, 0);
    assert_int_equal(out.batch.offsets[1], 0);
    assert_ok(batch_gather(&out, refs, 0, &err), &err);
    assert_int_equal(out.batch.rows, 0);
    assert_int_equal(out.batch.offsets[0], 0);
    batch_buffer_close(&out);
    batch_buffer_close(&out);
    assert_ok(batch_gather(&out, NULL, 0, &err), &err); /* a shard without rows, before any other */
    assert_int_equal(out.batch.offsets[0], 0);
    batch_buffer_close(&out);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(mixed_blocks),
    cmocka_unit_test(no_rows_and_empty_rows),
};
TEST_MAIN(tests)

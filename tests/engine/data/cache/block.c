#include "engine/data/cache/block.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "lib/test.h"
#include "lib/world_sim.h"

/* Rows of `shape`: 0 all of 5 features, 1 of 0 to 6, 2 the same with values, 3 values that are all 1, 4 no features at all, 5 all parts, 6 labels
 * that are no bits. */
static void rows_make(struct rows *rows, size_t count, int shape)
{
    struct rng rng = rng_at(shape, RNG_TEST, 0, count);
    struct error err = {0};
    rows_clear(rows, shape == 2 || shape == 3 ? ROWS_VALUES : shape == 5 ? 31 : shape == 6 ? ROWS_REALS : 0);
    for (size_t r = 0; r < count; r++) {
        size_t features = shape == 0 ? 5 : shape == 4 ? 0 : rng_below(&rng, 7);
        assert_ok(rows_reserve(rows, 1, features, &err), &err);
        for (size_t f = 0; f < features; f++) {
            rows->keys[rows->features + f] = rng_u32(&rng);
            if (rows->with & ROWS_VALUES) rows->values[rows->features + f] = shape == 3 ? 1 : (float)rng_normal(&rng);
            if (rows->with & ROWS_FIELDS) rows->fields[rows->features + f] = (uint16_t)rng_below(&rng, 9);
        }
        if (shape == 5) {
            rows->weights[rows->count] = (float)rng_unit(&rng);
            rows->groups[rows->count] = rng_u64(&rng);
            rows->times[rows->count] = -(int64_t)rng_below(&rng, 99);
        }
        if (shape == 6) rows->reals[rows->count] = (float)(100 * rng_normal(&rng));
        rows_end_row(rows, features, shape == 6 ? 0 : (uint8_t)rng_below(&rng, 2));
    }
}

static size_t written_head_bytes;

static void block_bytes(const struct rows *rows, struct bytes *out)
{
    static struct world_sim sim;
    struct error err = {0};
    struct file *f;
    struct bytes head;
    struct block_size size;
    world_sim_init(&sim);
    bytes_init(&head, 1 << 20);
    bytes_init(out, 1 << 24);
    assert_ok(file_open(&sim.world, "b", FILE_NEW, &f, &err), &err);
    assert_ok(block_write(f, rows, 3, 21, &head, &size, &err), &err);
    assert_ok(file_close(f, &err), &err);
    assert_ok(file_slurp(&sim.world, "b", out, &err), &err);
    assert_int_equal(out->size, size.size_bytes);
    written_head_bytes = size.head_bytes;
    bytes_close(&head);
    world_sim_close(&sim);
}

static int open_bytes(struct block *b, const void *data, size_t size, size_t rows, struct error *err)
{
    int rc = block_reserve(b, size, rows, err);
    if (rc < 0) return rc;
    memcpy(b->memory, data, size);
    return block_open(b, size, 3, 21, err);
}

static void facts_equal(const struct batch *b, const struct rows *rows, bool there)
{
    assert_int_equal(b->weights != NULL, there);
    assert_int_equal(b->groups != NULL, there);
    assert_int_equal(b->times != NULL, there);
    if (!there) return;
    assert_memory_equal(b->weights, rows->weights, rows->count * 4);
    assert_memory_equal(b->groups, rows->groups, rows->count * 8);
    assert_memory_equal(b->times, rows->times, rows->count * 8);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (int shape = 0; shape < 7; shape++)
        for (size_t count = 1; count <= (size_t)BLOCK_ROWS; count = count < 9 ? count + 1 : count * 9 - 7) {
            struct rows rows = {0};
            struct block b = {0};
            struct bytes bytes;
            struct error err = {0};
            rows_make(&rows, count, shape);
            block_bytes(&rows, &bytes);
            assert_ok(open_bytes(&b, bytes.data, bytes.size, count, &err), &err);
            assert_int_equal(b.batch.rows, count);
            assert_int_equal(b.batch.features, rows.features);
            assert_int_equal(b.first_row, 21);
            assert_int_equal(b.batch.values != NULL, (shape == 2 || shape == 5) && rows.features > 0);
            if (rows.features) assert_memory_equal(b.batch.keys, rows.keys, rows.features * 4);
            if (b.batch.values) assert_memory_equal(b.batch.values, rows.values, rows.features * 4);
            assert_memory_equal(b.batch.offsets + 1, rows.ends, count * 4);
            for (size_t r = 0; r < count; r++) assert_true(b.batch.labels[r] == rows_label(&rows, r));
            if (shape == 5 && rows.features) assert_memory_equal(b.batch.fields, rows.fields, rows.features * 2);
            facts_equal(&b.batch, &rows, shape == 5);
            assert_ok(block_open_head(&b, written_head_bytes, 3, 21, &err), &err);
            assert_int_equal(b.batch.rows, count);
            assert_null(b.batch.keys);
            for (size_t r = 0; r < count; r++) assert_true(b.batch.labels[r] == rows_label(&rows, r));
            facts_equal(&b.batch, &rows, shape == 5);
            bytes_close(&bytes);
            block_close(&b);
            rows_close(&rows);
        }
}

/* No single flipped bit, and no cut, gets through. */
static void every_damage_is_seen(void **state)
{
    (void)state;
    for (int shape = 0; shape < 7; shape += shape == 2 ? 3 : 1) {
        struct rows rows = {0};
        struct block b = {0};
        struct bytes bytes;
        rows_make(&rows, 6, shape);
        block_bytes(&rows, &bytes);
        for (size_t bit = 0; bit < bytes.size * 8; bit++) {
            struct error err = {0};
            bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(open_bytes(&b, bytes.data, bytes.size, 6, &err) < 0);
            assert_error(&err, ERROR_DATA, "block 3 is damaged");
            bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t size = 0; size < bytes.size; size++) {
            struct error err = {0};
            assert_true(open_bytes(&b, bytes.data, size, 6, &err) < 0);
            assert_error(&err, ERROR_DATA, "block 3 is damaged");
        }
        struct error err = {0};
        assert_ok(open_bytes(&b, bytes.data, bytes.size, 6, &err), &err);
        bytes_close(&bytes);
        block_close(&b);
        rows_close(&rows);
    }
}

/* Nor when the head is all that is looked at, as long as the damage is in it. */
static void damage_of_a_head_is_seen(void **state)
{
    (void)state;
    struct rows rows = {0};
    struct block b = {0};
    struct bytes bytes;
    struct error err = {0};
    rows_make(&rows, 6, 5);
    block_bytes(&rows, &bytes);
    for (size_t bit = 0; bit < written_head_bytes * 8; bit++) {
        if (bit / 8 >= offsetof(struct block_header, checksum) && bit / 8 < sizeof(struct block_header)) continue; /* the body's */
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_ok(block_reserve(&b, written_head_bytes, 6, &err), &err);
        memcpy(b.memory, bytes.data, written_head_bytes);
        assert_true(block_open_head(&b, written_head_bytes, 3, 21, &err) < 0);
        assert_error(&err, ERROR_DATA, "block 3 is damaged");
        bytes.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        err = (struct error){0};
    }
    bytes_close(&bytes);
    block_close(&b);
    rows_close(&rows);
}

static void another_block_in_its_place_is_seen(void **state)
{
    (void)state;
    struct rows rows = {0};
    struct block b = {0};
    struct bytes bytes;
    struct error err = {0};
    rows_make(&rows, 4, 0);
    block_bytes(&rows, &bytes);
    assert_ok(open_bytes(&b, bytes.data, bytes.size, 4, &err), &err);
    assert_true(block_open(&b, bytes.size, 4, 21, &err) < 0);
    assert_error(&err, ERROR_DATA, "another block than the index says");
    bytes_close(&bytes);
    block_close(&b);
    rows_close(&rows);
}

static void wide_rows_make_smaller_blocks(void **state)
{
    (void)state;
    uint32_t ends[4] = {BLOCK_FEATURES_MAX - 1, BLOCK_FEATURES_MAX, BLOCK_FEATURES_MAX + 5, 3u * BLOCK_FEATURES_MAX};
    struct rows rows = {.count = 4, .features = ends[3], .ends = ends};
    assert_int_equal(block_rows_that_fit(&rows, 0, 0, 0), 2);
    assert_int_equal(block_rows_that_fit(&rows, 0, 1, 1), 1);
    assert_int_equal(block_rows_that_fit(&rows, 0, 1, 2), 0);
    assert_int_equal(block_rows_that_fit(&rows, 3, 0, 0), 1); /* wider than a block: alone in one */
    assert_int_equal(block_rows_that_fit(&rows, 2, BLOCK_ROWS - 1, 0), 1);
    assert_int_equal(block_rows_that_fit(&rows, 2, BLOCK_ROWS, 0), 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_written_is_read),       cmocka_unit_test(every_damage_is_seen),
    cmocka_unit_test(damage_of_a_head_is_seen),      cmocka_unit_test(another_block_in_its_place_is_seen),
    cmocka_unit_test(wide_rows_make_smaller_blocks),
};
TEST_MAIN(tests)

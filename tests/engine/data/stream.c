/* test: threads */
/* The order of rows: each once an epoch, the same from any starting point, with and without a prefetcher. */
#include "engine/data/stream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/rng.h"
#include "lib/data_kit.h"
#include "lib/test.h"

enum { ROWS = 30011 };
static struct dataset *data;

/* One feature a row: index = its ordinal, so that a key names its row. */
/* A split of a tenth, by plain arithmetic. */
static enum split_side tenth_side(uint64_t row) { return row % 10 == 3 ? SIDE_TEST : SIDE_TRAIN; }
static void tenth_sides(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    (void)params, (void)context;
    for (size_t i = 0; i < rows->count; i++) sides[i] = (uint8_t)tenth_side(rows->first + i);
}
static const struct split tenth = {.kind = {"tenth", "", "", 0, NULL}, .sides = tenth_sides};
static const struct splitter by_tenth = {.split = &tenth};
static struct sides tenth_counted; /* of data */

static int set_up(void **state)
{
    static char dir[PATH_SIZE], path[PATH_SIZE + 16];
    struct bytes text;
    struct error err = {0};
    (void)state;
    snprintf(path, sizeof path, "%s/f", test_dir(dir));
    bytes_init(&text, 1 << 24);
    for (int i = 0; i < ROWS; i++) assert_ok(bytes_printf(&text, &err, "%d %d:%d\n", i >= ROWS / 2, i, 1 + i % 3), &err); /* sorted by label */
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
    struct kit kit = {.format = "libsvm", .path = path, .cache = dir};
    data = kit_open(&kit, &err);
    return data ? sides_count(&tenth_counted, data, &by_tenth, NULL, &parallel_inline, &err) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    sides_close(&tenth_counted);
    dataset_free(data);
    return 0;
}

static uint64_t ordinal_of(const struct row_ref *ref) /* of a block that is in memory: its first row and the row in it */
{
    const struct block *block = (const struct block *)ref->block; /* a block starts with its batch */
    return block->first_row + ref->row;
}

static struct stream *stream_of(enum split_side side, bool shuffle, size_t window_rows)
{
    struct error err = {0};
    struct stream_config c = {.dataset = data, .sides = &tenth_counted, .side = side, .shuffle = shuffle, .seed = 77, .window_rows = window_rows};
    struct stream *s = stream_new(&c, &err);
    assert_ok(s ? 0 : -1, &err);
    return s;
}

/* Rows of `epoch` from `position` on, `want` at a time. Returns their number. */
static size_t run(struct stream *s, uint32_t epoch, uint64_t position, size_t want, uint64_t *out)
{
    const struct row_ref *refs;
    struct error err = {0};
    size_t got, n = 0;
    assert_ok(stream_seek(s, epoch, position, &err), &err);
    for (;;) {
        assert_ok(stream_next(s, want, &refs, &got, &err), &err);
        if (got == 0) break;
        assert_true(got <= want && n + got <= ROWS);
        for (size_t i = 0; i < got; i++) out[n++] = ordinal_of(&refs[i]);
    }
    assert_ok(stream_next(s, want, &refs, &got, &err), &err);
    assert_int_equal(got, 0); /* the end stays the end */
    return n;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static const size_t windows[] = {1, 100, 5000, 20000, 0};

static void every_row_of_the_side_once(void **state)
{
    (void)state;
    static uint64_t rows[ROWS];
    for (size_t w = 0; w < 5; w++)
        for (int side = 0; side < SIDES; side++)
            for (int shuffle = 0; shuffle < 2; shuffle++) {
                struct stream *s = stream_of((enum split_side)side, shuffle, windows[w]);
                for (uint32_t epoch = 0; epoch < 2; epoch++) {
                    size_t n = run(s, epoch, 0, 700, rows), at = 0;
                    assert_int_equal(n, stream_rows(s));
                    if (shuffle) qsort(rows, n, sizeof *rows, compare); /* file order needs no sorting */
                    for (uint64_t row = 0; row < ROWS; row++)
                        if (tenth_side(row) == (enum split_side)side) assert_int_equal(rows[at++], row);
                    assert_int_equal(at, n);
                }
                stream_free(s);
            }
}

/* A promised batch is full until the epoch ends, however small the windows and however rare the side. */
static void a_promised_batch_is_full(void **state)
{
    (void)state;
    enum { BATCH = 1300 };
    for (int side = 0; side < SIDES; side += SIDE_TEST)
        for (int shuffle = 0; shuffle < 2; shuffle++) {
            struct error err = {0};
            struct stream_config c = {.dataset = data,
                                      .sides = &tenth_counted,
                                      .side = (enum split_side)side,
                                      .shuffle = shuffle,
                                      .seed = 77,
                                      .window_rows = 1,
                                      .batch_rows = BATCH};
            struct stream *s = stream_new(&c, &err);
            assert_ok(s ? 0 : -1, &err);
            const struct row_ref *refs;
            size_t got;
            for (uint64_t left = stream_rows(s); left > 0; left -= got) {
                assert_ok(stream_next(s, BATCH, &refs, &got, &err), &err);
                assert_int_equal(got, left < BATCH ? left : BATCH);
            }
            stream_free(s);
        }
}

static void any_position_resumes_the_sequence(void **state)
{
    (void)state;
    static uint64_t whole[ROWS], part[ROWS];
    for (size_t w = 0; w < 5; w++)
        for (int shuffle = 0; shuffle < 2; shuffle++) {
            struct stream *s = stream_of(SIDE_TRAIN, shuffle, windows[w]);
            size_t n = run(s, 3, 0, 4096, whole);
            for (uint64_t i = 0; i < 12; i++) {
                struct rng rng = rng_at(2, RNG_TEST, 0, i);
                uint64_t position = i == 0 ? n : i == 1 ? n - 1 : rng_below(&rng, n);
                struct stream *fresh = i % 2 ? stream_of(SIDE_TRAIN, shuffle, windows[w]) : s;
                assert_int_equal(run(fresh, 3, position, 1 + rng_below(&rng, 9000), part), n - position);
                assert_memory_equal(part, whole + position, (n - position) * sizeof *part);
                if (fresh != s) stream_free(fresh);
            }
            struct error err = {0};
            assert_true(stream_seek(s, 3, n + 1, &err) < 0);
            stream_free(s);
        }
}

static void epochs_and_seeds_are_other_orders(void **state)
{
    (void)state;
    static uint64_t a[ROWS], b[ROWS];
    struct stream *s = stream_of(SIDE_TRAIN, true, 0);
    size_t n = run(s, 0, 0, 4096, a), same = 0;
    run(s, 1, 0, 4096, b);
    for (size_t i = 0; i < n; i++) same += a[i] == b[i];
    assert_true(same < 12); /* one on average */
    stream_free(s);
}

/* A file sorted by label: with all rows in a window, any stretch of the order has the labels of the whole. */
static void a_window_is_well_mixed(void **state)
{
    (void)state;
    static uint64_t rows[ROWS];
    struct stream *s = stream_of(SIDE_TRAIN, true, 0);
    size_t n = run(s, 0, 0, 4096, rows);
    for (size_t from = 0; from + 1000 <= n && n == stream_rows(s); from += 1000) {
        int ones = 0;
        for (size_t i = from; i < from + 1000; i++) ones += rows[i] >= ROWS / 2;
#ifdef TRAINYARD_HOSTILE
        (void)ones; /* windows of 50 rows cannot be */
#else
        assert_close(ones, 500, 0, 5 * 15.8);
#endif
    }
    stream_free(s);
}

static void *prefetch(void *arg)
{
    struct error err = {0};
    return stream_prefetch(arg, &err) < 0 ? arg : NULL;
}

static void a_prefetcher_changes_nothing(void **state)
{
    (void)state;
    static uint64_t want[2][ROWS], got[ROWS];
    for (size_t w = 0; w < 5; w++) {
        struct stream *s = stream_of(SIDE_TRAIN, true, windows[w]);
        size_t n = run(s, 0, 0, 1000, want[0]);
        run(s, 1, 0, 1000, want[1]);
        for (int round = 0; round < 3; round++) {
            pthread_t thread;
            void *failed;
            struct error err = {0};
            assert_ok(stream_seek(s, 0, 0, &err), &err);
            assert_int_equal(pthread_create(&thread, NULL, prefetch, s), 0);
            for (uint32_t epoch = 0; epoch < 2; epoch++) {
                uint64_t position = round * 997u;
                assert_int_equal(run(s, epoch, position, 1000 + 3000u * (unsigned)round, got), n - position);
                assert_memory_equal(got, want[epoch] + position, (n - position) * sizeof *got);
            }
            stream_prefetch_stop(s);
            pthread_join(thread, &failed);
            assert_null(failed);
        }
        stream_free(s);
    }
}

static void a_prefetcher_stops_at_once(void **state)
{
    (void)state;
    struct stream *s = stream_of(SIDE_TRAIN, true, 0);
    struct error err = {0};
    stream_prefetch_stop(s);
    assert_ok(stream_prefetch(s, &err), &err); /* stopped before it began: returns */
    stream_free(s);
}

/* An order is part of a model's bits: it must be this one in every version. */
static void the_order_never_changes(void **state)
{
    (void)state;
#ifndef TRAINYARD_HOSTILE
    static uint64_t rows[ROWS];
    struct stream *s = stream_of(SIDE_TRAIN, true, 0);
    size_t n = run(s, 5, 0, 4096, rows);
    assert_int_equal(hash64(rows, n * sizeof *rows, 0), 0xc49cf60849cc03a1);
    stream_free(s);
#endif
}

static void gathered_rows_are_the_rows(void **state)
{
    (void)state;
    struct stream *s = stream_of(SIDE_TRAIN, true, 100);
    struct batch_buffer b = {0};
    const struct row_ref *refs;
    struct error err = {0};
    size_t got;
    for (size_t want = 1; want < 3000; want = want * 2 + 1) {
        assert_ok(stream_next(s, want, &refs, &got, &err), &err);
        assert_ok(batch_gather(&b, refs, got, &err), &err);
        assert_int_equal(b.batch.rows, got);
        assert_int_equal(b.batch.features, got);
        for (size_t r = 0; r < got; r++) {
            const struct batch *from = refs[r].block;
            assert_int_equal(b.batch.offsets[r], r);
            assert_int_equal(b.batch.keys[r], from->keys[from->offsets[refs[r].row]]);
            uint64_t row = ordinal_of(&refs[r]);
            assert_true(b.batch.labels[r] == (row >= ROWS / 2 ? 1.0f : 0.0f));
            if (b.batch.values) assert_true(b.batch.values[r] == (float)(1 + row % 3));
        }
        assert_int_equal(b.batch.offsets[got], got);
    }
    batch_buffer_close(&b);
    stream_free(s);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(every_row_of_the_side_once, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_promised_batch_is_full, set_up, tear_down),
    cmocka_unit_test_setup_teardown(any_position_resumes_the_sequence, set_up, tear_down),
    cmocka_unit_test_setup_teardown(epochs_and_seeds_are_other_orders, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_window_is_well_mixed, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_prefetcher_changes_nothing, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_prefetcher_stops_at_once, set_up, tear_down),
    cmocka_unit_test_setup_teardown(the_order_never_changes, set_up, tear_down),
    cmocka_unit_test_setup_teardown(gathered_rows_are_the_rows, set_up, tear_down),
};
TEST_MAIN(tests)

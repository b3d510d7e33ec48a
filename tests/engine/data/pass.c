/* test: threads */
/* A pass: the same rows in the same order as the dataset's blocks have, for any number of parsers and any size of pieces; marks that tell one text
 * from another; errors behind the rows in front of them; and a reader that leaves. */
#include "engine/data/pass.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/data/format/formats.h"
#include "lib/data_kit.h"
#include "lib/test.h"
#include "lib/threads.h"

enum { ROWS = 500, MARKS = 4096 };

static char root[PATH_SIZE], path[PATH_SIZE + 16], cache[PATH_SIZE + 16];

static void text_write(size_t bad_row)
{
    struct bytes text;
    bytes_init(&text, 1 << 20);
    for (size_t r = 0; r < ROWS; r++)
        if (r == bad_row) assert_int_equal(bytes_printf(&text, NULL, "what is this\n"), 0);
        else
            assert_int_equal(bytes_printf(&text, NULL, "%zu %zu:1 %zu:0.5%s\n", r % 3 == 0 ? (size_t)1 : 0, r + 1, r + 7, r % 5 ? "" : " 9999:2"), 0);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

struct passed {
    struct dataset *dataset;
    struct pass *pass;
    struct parallel parsers;
    pthread_t reader;
    struct kit kit;
};

static void *read_aside(void *pass)
{
    pass_run(pass);
    return NULL;
}

static void pass_begin(struct passed *p, unsigned parsers, size_t chunk_bytes)
{
    struct error err = {0};
    char *uris[] = {path};
    const struct dataset_config config = {
        .world = &world_real, .uris = uris, .uri_count = 1, .format = &format_libsvm.kind, .hash_seed = 3, .chunk_bytes = chunk_bytes};
    p->parsers = threads_parallel(parsers);
    if (!(p->dataset = dataset_open_text(&config, &err)) || !(p->pass = pass_new(p->dataset, &p->parsers, &err))) fail_msg("%s", err.msg);
    assert_int_equal(pthread_create(&p->reader, NULL, read_aside, p->pass), 0);
}

static void pass_end(struct passed *p)
{
    pass_stop(p->pass);
    assert_int_equal(pthread_join(p->reader, NULL), 0);
    pass_free(p->pass);
    dataset_free(p->dataset);
}

static void rows_are_those_of_the_blocks(void **state)
{
    (void)state;
    static const size_t chunks[] = {1, 30, 1000, 0};
    struct kit_rows want;
    struct error err = {0};
    text_write(SIZE_MAX);
    const struct kit kit = {.format = "libsvm", .path = path, .cache = cache, .hash_seed = 3};
    assert_ok(kit_load(&kit, &want, NULL, &err), &err);
    for (unsigned i = 0; i < 4 * 4; i++) {
        struct passed p = {0};
        struct pass_rows piece;
        size_t rows = 0, features = 0;
        int rc;
        pass_begin(&p, 1 + i % 4, chunks[i / 4]);
        while ((rc = pass_next(p.pass, &piece, &err)) > 0) {
            const struct batch *b = &piece.batch;
            assert_true(b->rows > 0);
            assert_int_equal(b->first_row, rows);
            for (size_t r = 0; r < b->rows; r++, rows++) {
                assert_true(b->labels[r] == want.labels[rows]);
                assert_int_equal(features + b->offsets[r + 1], want.ends[rows]);
            }
            assert_memory_equal(b->keys, want.keys + features, b->features * sizeof *b->keys);
            for (size_t f = 0; f < b->features; f++) assert_true((b->values ? b->values[f] : 1) == want.values[features + f]);
            features += b->features;
        }
        assert_ok(rc, &err);
        assert_int_equal(rows, ROWS);
        assert_int_equal(dataset_info(p.dataset)->rows, ROWS);
        pass_end(&p);
    }
    kit_rows_close(&want);
}

static size_t marks_of(struct text_mark marks[MARKS], unsigned parsers)
{
    struct passed p = {0};
    struct pass_rows piece;
    struct error err = {0};
    size_t count = 0;
    pass_begin(&p, parsers, 64);
    while (pass_next(p.pass, &piece, &err) > 0 && count < MARKS) marks[count++] = piece.mark;
    pass_end(&p);
    return count;
}

static bool mark_equal(const struct text_mark *a, const struct text_mark *b)
{
    return a->file == b->file && a->bytes == b->bytes && a->digest.low == b->digest.low && a->digest.high == b->digest.high;
}

/* A byte that changes changes all marks from there on, and none before. */
static void marks_tell_texts_apart(void **state)
{
    (void)state;
    static struct text_mark marks[MARKS], again[MARKS], other[MARKS];
    size_t size, at, same = 0;
    text_write(SIZE_MAX);
    size_t count = marks_of(marks, 1);
    assert_true(count > 20);
    assert_int_equal(marks_of(again, 3), count);
    for (size_t i = 0; i < count; i++) assert_true(mark_equal(&marks[i], &again[i]));
    char *text = test_read_file(path, &size);
    at = size / 2;
    while (text[at - 1] != '\n') at++;
    text[at] = (char)('0' + '1' - text[at]);
    test_write_file(path, text, size);
    assert_int_equal(marks_of(other, 2), count);
    while (same < count && mark_equal(&marks[same], &other[same])) same++;
    assert_true(same > 0 && same < count && marks[same].bytes > at && marks[same - 1].bytes <= at);
    for (size_t i = same; i < count; i++) assert_false(mark_equal(&marks[i], &other[i]));
    mem_free(text);
}

static void an_error_comes_behind_the_rows_before_it(void **state)
{
    (void)state;
    text_write(300);
    for (unsigned parsers = 1; parsers <= 4; parsers++) {
        struct passed p = {0};
        struct pass_rows piece;
        struct error err = {0};
        size_t rows = 0;
        int rc;
        pass_begin(&p, parsers, 40);
        while ((rc = pass_next(p.pass, &piece, &err)) > 0) rows += piece.batch.rows;
        assert_int_equal(rc, -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "data:301: ");
        assert_true(rows <= 300 && rows > 290); /* those of the piece with the bad one are lost with it */
        assert_int_equal(pass_next(p.pass, &piece, &err), -ERROR_DATA);
        pass_end(&p);
    }
}

static void a_reader_may_leave(void **state)
{
    (void)state;
    text_write(SIZE_MAX);
    for (unsigned i = 0; i < 12; i++) {
        struct passed p = {0};
        struct pass_rows piece;
        struct error err = {0};
        pass_begin(&p, 1 + i % 4, 20);
        for (unsigned taken = 0; taken < i / 4; taken++) assert_int_equal(pass_next(p.pass, &piece, &err), 1);
        pass_end(&p);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_those_of_the_blocks), cmocka_unit_test(marks_tell_texts_apart),
                                          cmocka_unit_test(an_error_comes_behind_the_rows_before_it), cmocka_unit_test(a_reader_may_leave)};

int main(int argc, char **argv)
{
    test_dir(root);
    snprintf(path, sizeof path, "%s/data", root);
    snprintf(cache, sizeof cache, "%s/cache", root);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "engine/data/dataset.h"
#include "engine/data/format.h"
#include "engine/data/stream.h"

static const struct kind *format_of(const char *name) { return kind_find((const struct kind *const *)formats, name); }

static struct dataset *open_file(const char *path, const char *format, const char *cache, struct error *err)
{
    char *uris[] = {(char *)path};
    struct dataset_config c = {.world = &world_real, .uris = uris, .uri_count = 1, .format = format_of(format), .cache_dir = cache, .parallel = &parallel_inline};
    return dataset_open(&c, err);
}

static void criteo_8k_reads(void **state)
{
    (void)state;
    char path[PATH_SIZE], dir[PATH_SIZE];
    struct error err = {0};
    if (!test_shared_data("criteo_8k/train.tsv", path)) skip();
    struct dataset *d = open_file(path, "criteo", test_dir(dir), &err);
    assert_ok(d ? 0 : -1, &err);
    const struct dataset_info *i = dataset_info(d);
    assert_int_equal(i->rows, 7200);
    assert_int_equal(i->positives, 1549);
    assert_int_equal(i->features, 7200 * 39);
    assert_false(i->from_cache);
    dataset_free(d);
    d = open_file(path, "criteo", dir, &err);
    assert_ok(d ? 0 : -1, &err);
    assert_true(dataset_info(d)->from_cache);
    dataset_free(d);
}

static void a9a_reads(void **state)
{
    (void)state;
    char path[PATH_SIZE], dir[PATH_SIZE];
    struct error err = {0};
    if (!test_shared_data("a9a/a9a", path)) skip();
    struct dataset *d = open_file(path, "libsvm", test_dir(dir), &err);
    assert_ok(d ? 0 : -1, &err);
    assert_int_equal(dataset_info(d)->rows, 32561);
    assert_int_equal(dataset_info(d)->positives, 7841);
    struct splitter split = {splits[0], NULL};
    struct stream_config sc = {.dataset = d, .split = &split, .side = SIDE_TRAIN, .shuffle = true, .seed = 1};
    struct stream *s = stream_new(&sc, &err);
    const struct row_ref *refs;
    size_t got, rows = 0;
    double positives = 0;
    struct batch_buffer b = {0};
    while (stream_next(s, 1000, &refs, &got, &err) == 0 && got > 0) {
        assert_ok(batch_gather(&b, refs, got, &err), &err);
        rows += got;
        for (size_t r = 0; r < got; r++) positives += (double)b.labels[r];
    }
    assert_int_equal(rows, 32561);
    assert_close(positives, 7841, 0, 0);
    batch_buffer_close(&b);
    stream_free(s);
    dataset_free(d);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(criteo_8k_reads),
    cmocka_unit_test(a9a_reads),
};
TEST_MAIN(tests)

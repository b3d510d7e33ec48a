/* test: threads */
/* The dataset as a whole: what comes out of the same rows does not depend on how they were packed, cut or read. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "lib/data_kit.h"
#include "lib/threads.h"

static const char csv_text[] =
    "y,a,\"b \"\"x\"\"\",c\n1,red,\"two\nlines\",0.5\n0,\"blue, dark\",,\r\n\n1,5\" disk,plain,-3e-2\n0,\"\",\"q\"\"q\",7\n1,red,z,\n";
static const char libsvm_text[] = "+1 1:1 7:0.5 9:1e-3 # note\r\n\n-1 2:1\n# only a comment\n0\n1 18446744073709551615:2.5 3:1";
static const char libffm_text[] = "1 0:1:1 1:2:0.25\n0 0:1:1 5000:2:0.25\n";

static const struct {
    const char *format, *options, *text;
} samples[] = {
    {"csv", "{\"label\": \"y\", \"schema\": \"c:numeric\"}", csv_text},
    {"libsvm", NULL, libsvm_text},
    {"libffm", NULL, libffm_text},
};

static void write_packed(const char *path, int packing, const char *text, size_t size)
{
    struct bytes out;
    size_t half = size / 2; /* two members or frames, cut anywhere */
    bytes_init(&out, 1 << 26);
    if (packing == 1) kit_gzip(&out, text, half), kit_gzip(&out, text + half, size - half);
    if (packing == 2) kit_zstd(&out, text, half), kit_zstd(&out, text + half, size - half);
    test_write_file(path, packing ? out.data : (const uint8_t *)text, packing ? out.size : size);
    bytes_close(&out);
}

/* Every packing, piece size and number of workers gives the same rows and the same identity. */
static void check_same(const char *format, const char *options, const char *text, size_t size)
{
    static const size_t chunks[] = {1, 7, 100, 1000, 0};
    char dir[PATH_SIZE], path[PATH_SIZE + 32], cache[PATH_SIZE + 32];
    struct kit_rows want = {0}, got;
    struct dataset_info first = {0}, info;
    test_dir(dir);
    for (unsigned i = 0; i < 3 * 5 * 3; i++) {
        struct error err = {0};
        struct parallel parallel = threads_parallel(1 + i % 3);
        snprintf(path, sizeof path, "%s/data-%u", dir, i);
        snprintf(cache, sizeof cache, "%s/cache-%u", dir, i);
        write_packed(path, (int)(i / 15), text, size);
        struct kit kit = {
            .format = format, .options = options, .path = path, .cache = cache, .parallel = &parallel, .chunk_bytes = chunks[i / 3 % 5]};
        assert_ok(kit_load(&kit, &got, &info, &err), &err);
        assert_false(info.from_cache);
        if (i == 0) {
            want = got;
            first = info;
            continue;
        }
        if (!kit_rows_equal(&got, &want))
            fail_msg("%s: other rows for packing %u, pieces of %zu, %u workers", format, i / 15, chunks[i / 3 % 5], 1 + i % 3);
        assert_string_equal(info.digest, first.digest);
        assert_int_equal(info.positives, first.positives);
        assert_int_equal(info.row_features_max, first.row_features_max);
        kit_rows_close(&got);
    }
    kit_rows_close(&want);
}

static void same_rows_whatever_the_packing_pieces_and_workers(void **state)
{
    (void)state;
    struct bytes log;
    bytes_init(&log, 1 << 24);
    kit_criteo(&log, 300, 5);
    check_same("criteo", NULL, bytes_text(&log), log.size);
    bytes_close(&log);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        check_same(samples[i].format, samples[i].options, samples[i].text, strlen(samples[i].text));
}

/* The first bad row's line and words are the same whatever cuts the text, as an error and as a note. */
/* Shards of a folder without a row (nothing, nothing packed, a header alone) change no row and no row's side. */
static void shards_without_rows(void **state)
{
    static const char text[] = "label,a\n1,x\n0,y\n";
    static const char *const empty[] = {"0.csv", "2.csv", "_SUCCESS"};
    char dir[PATH_SIZE], path[PATH_SIZE + 32], cache[PATH_SIZE + 32], folder[PATH_SIZE + 32];
    struct kit_rows want, got;
    struct dataset_info info;
    struct error err = {0};
    (void)state;
    test_dir(dir);
    snprintf(folder, sizeof folder, "%s/log", dir);
    snprintf(cache, sizeof cache, "%s/cache", dir);
    assert_ok(path_mkdirs(&world_real, folder, &err), &err);
    struct kit kit = {.format = "csv", .path = folder, .cache = cache};
    snprintf(path, sizeof path, "%s/log/1.csv", dir);
    write_packed(path, 1, "", 0);
    assert_int_equal(kit_load(&kit, &got, &info, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "1.csv is empty; a data file needs at least one row");
    snprintf(path, sizeof path, "%s/log/3.csv", dir);
    write_packed(path, 2, "", 0);
    err = (struct error){0};
    assert_int_equal(kit_load(&kit, &got, &info, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "1.csv is empty (like the 1 other); a data file needs at least one row");
    snprintf(path, sizeof path, "%s/log/4.csv", dir);
    test_write_file(path, text, sizeof text - 1);
    err = (struct error){0};
    kit.path = path;
    assert_ok(kit_load(&kit, &want, &info, &err), &err);
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        snprintf(path, sizeof path, "%s/log/%s", dir, empty[i]);
        test_write_file(path, "", 0);
    }
    snprintf(path, sizeof path, "%s/log/5.csv", dir);
    test_write_file(path, "label,a\n", 8);
    snprintf(path, sizeof path, "%s/test.csv", dir);
    test_write_file(path, text, sizeof text - 1);
    kit.path = NULL;
    kit.uris = (char *[]){folder, path};
    kit.uri_count = 2, kit.held_out_test = 1;
    assert_ok(kit_load(&kit, &got, &info, &err), &err);
    assert_int_equal(info.rows, 4);
    assert_int_equal(info.test_from, 2);
    assert_memory_equal(got.keys, want.keys, want.features * sizeof *want.keys);
    kit_rows_close(&got);
    kit_rows_close(&want);
}

static void bad_rows_are_told_alike(void **state)
{
    (void)state;
    static const char text[] = "1 1:1\n\n1 2:1\n0 x:1\n1 3:nan\n2 1:1\n0 5:1\n";
    char dir[PATH_SIZE], path[PATH_SIZE + 32], cache[PATH_SIZE + 32];
    test_dir(dir);
    snprintf(path, sizeof path, "%s/data", dir);
    test_write_file(path, text, strlen(text));
    for (unsigned i = 0; i < 12; i++) {
        struct parallel parallel = threads_parallel(1 + i % 3);
        struct error err = {0};
        struct kit_rows rows;
        struct dataset_info info;
        snprintf(cache, sizeof cache, "%s/cache-%u", dir, i);
        struct kit kit = {.format = "libsvm", .path = path, .cache = cache, .parallel = &parallel, .chunk_bytes = (size_t[]){1, 9, 20, 0}[i / 3]};
        assert_true(kit_load(&kit, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "/data:4: column 2: \"x:1\" has no valid index");
        assert_non_null(strstr(err.msg, "max_bad_rows"));
        kit.max_bad_rows = 2;
        err = (struct error){0};
        assert_true(kit_load(&kit, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "more than 2 bad rows");
        kit.max_bad_rows = 3;
        err = (struct error){0};
        assert_ok(kit_load(&kit, &rows, &info, &err), &err);
        assert_int_equal(info.rows, 3);
        assert_int_equal(info.bad_rows, 3);
        assert_non_null(strstr(info.first_bad, "/data:4: column 2"));
        kit_rows_close(&rows);
        kit.max_bad_rows = 2; /* the entry is there, but this job bears less */
        assert_true(kit_load(&kit, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "3 bad rows");
    }
}

static void long_lines_are_bad_rows(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE + 32], cache[PATH_SIZE + 32];
    struct error err = {0};
    struct kit_rows rows;
    struct dataset_info info;
    size_t long_size = 3000000;
    char *text = mem_zero(long_size + 100, &err);
    test_dir(dir);
    snprintf(path, sizeof path, "%s/data", dir);
    memcpy(text, "1 1:1\n", 6);
    memset(text + 6, 'x', long_size);
    memcpy(text + 6 + long_size, "\n0 2:1\n", 7);
    test_write_file(path, text, long_size + 13);
    mem_free(text);
    for (unsigned i = 0; i < 8; i++) { /* limits below, at and above the size of a piece */
        snprintf(cache, sizeof cache, "%s/cache-%u", dir, i);
        struct kit kit = {
            .format = "libsvm", .path = path, .cache = cache, .chunk_bytes = i % 2 ? 50 : 0, .line_bytes_max = (size_t[]){0, 10, 49, 2999999}[i / 2]};
        err = (struct error){0};
        assert_true(kit_load(&kit, &rows, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, "/data:2: line is longer than");
        kit.max_bad_rows = 1;
        err = (struct error){0};
        assert_ok(kit_load(&kit, &rows, &info, &err), &err);
        assert_int_equal(info.rows, 2);
        assert_int_equal(info.bad_rows, 1);
        kit_rows_close(&rows);
    }
    struct kit kit = {.format = "libsvm", .path = path, .cache = cache, .line_bytes_max = 3000000};
    err = (struct error){0};
    assert_true(kit_load(&kit, &rows, NULL, &err) < 0);
    assert_error(&err, ERROR_DATA, "/data:2: column 1: \"xxx");
}

/* One stray quote costs one row, however the text is cut. */
static void an_unclosed_quote_costs_one_row(void **state)
{
    (void)state;
    char dir[PATH_SIZE], path[PATH_SIZE + 32], cache[PATH_SIZE + 32];
    struct bytes text;
    struct kit_rows want = {0}, got;
    struct dataset_info info;
    struct error err = {0};
    bytes_init(&text, 1 << 20);
    assert_ok(bytes_add_text(&text, "label,a\n1,x\n0,\"open\n", &err), &err);
    for (int i = 0; i < 200; i++) assert_ok(bytes_printf(&text, &err, "1,v%d\n", i), &err);
    test_dir(dir);
    snprintf(path, sizeof path, "%s/data", dir);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
    for (unsigned i = 0; i < 4; i++) {
        struct parallel parallel = threads_parallel(1 + i % 2);
        snprintf(cache, sizeof cache, "%s/cache-%u", dir, i);
        struct kit kit = {.format = "csv",
                          .path = path,
                          .cache = cache,
                          .parallel = &parallel,
                          .max_bad_rows = 1,
                          .line_bytes_max = 64,
                          .chunk_bytes = (size_t[]){1, 70, 200, 0}[i]};
        assert_ok(kit_load(&kit, &got, &info, &err), &err);
        assert_int_equal(info.rows, 201);
        assert_non_null(
            strstr(info.first_bad, "/data:3: column 2: \"\"open\" opens a quote that nothing closes within 64 bytes, the longest that a"));
        if (i > 0) assert_true(kit_rows_equal(&got, &want));
        if (i == 0) want = got;
        else kit_rows_close(&got);
    }
    kit_rows_close(&want);
}

static void reference_sets_read(void **state)
{
    (void)state;
    static const struct {
        const char *file, *format, *options;
        uint64_t rows, positives, features;
    } sets[] = {
        {"criteo_8k/train.tsv", "criteo", NULL, 7200, 1549, 7200 * 39},
        {"avazu_10k/avazu_10k.csv", "csv", "{\"label\": \"click\", \"schema\": \"id:ignore\"}", 9999, 1706, 9999 * 22},
        {"frappe/frappe.validation.libfm", "libsvm", NULL, 57722, 19063, 577220},
        {"a9a/a9a", "libsvm", NULL, 32561, 7841, 0},
        {"w8a/w8a", "libsvm", NULL, 49749, 1479, 0},
        {"phishing/phishing", "libsvm", NULL, 11055, 6157, 0},
        {"agaricus/agaricus_train.txt", "libsvm", NULL, 6513, 3140, 6513 * 22},
        {"criteo_ffm/small_train.txt", "libffm", NULL, 200, 48, 0},
        {"amazon_access/train.csv", "csv", "{\"label\": \"ACTION\"}", 32769, 30872, 32769 * 9},
        {"adult/train.csv", "csv",
         "{\"header\": false, \"label\": \"14\", \"positive\": \">50K\", \"negative\": \"<=50K\", \"schema\": \"0:log, 2:ignore, 10-12:log\"}", 32561,
         7841, 32561 * 13},
    };
    char path[PATH_SIZE], dir[PATH_SIZE];
    for (size_t i = 0; i < sizeof sets / sizeof *sets; i++) {
        struct error err = {0};
        struct kit_rows rows;
        struct dataset_info info;
        if (!test_shared_data(sets[i].file, path)) continue;
        struct kit kit = {.format = sets[i].format, .options = sets[i].options, .path = path, .cache = test_dir(dir)};
        assert_ok(kit_load(&kit, &rows, &info, &err), &err);
        assert_int_equal(info.rows, sets[i].rows);
        assert_int_equal(info.positives, sets[i].positives);
        if (sets[i].features) assert_int_equal(info.features, sets[i].features);
        kit_rows_close(&rows);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(same_rows_whatever_the_packing_pieces_and_workers),
    cmocka_unit_test(shards_without_rows),
    cmocka_unit_test(bad_rows_are_told_alike),
    cmocka_unit_test(long_lines_are_bad_rows),
    cmocka_unit_test(an_unclosed_quote_costs_one_row),
    cmocka_unit_test(reference_sets_read),
};
TEST_MAIN(tests)

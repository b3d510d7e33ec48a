/* test: threads */
/* What a run needs is said before it starts: the sum beside peaks that were measured, what to make smaller, and batches that are counted. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "cli/registries.h"
#include "engine/train/memory_need.h"
#include "lib/run_kit.h"

static void read_spec(struct spec *spec, const char *rest)
{
    char text[1024];
    struct faults faults = {0};
    struct error err = {0};
    int n = snprintf(text, sizeof text, "{'dataset': {'uri': 'a', 'format': 'criteo'}, %s}", rest);
    for (char *c = text; *c; c++)
        if (*c == '\'') *c = '"';
    json_t *json = json_read(text, (size_t)n, "spec", &err);
    assert_non_null(json);
    assert_int_equal(spec_read(spec, json, &registry_all, &faults, &err), 0);
    json_decref(json);
}

#define UNKNOWN TOUCHED_UNKNOWN
#define MLP(width, rest) "'model': {'kind': 'mlp', 'hidden': [" #width ", " #width "], 'embedding_dim': 16, 'hash_bits': 12}, " rest

/* Peaks (VmHWM, MiB) of these jobs on generated rows of 39 features. The sum is never below, and not far above where gradients and activations
 * are most of it; ffm's table has 2 MiB pages, which not every kernel gives it. */
static void the_sum_covers_what_was_measured(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        uint64_t rows;
        struct touched touched;
        double peak, most;
        unsigned workers;
    } rows[] = {
        {MLP(4096, "'optimizer': {'kind': 'adam'}, 'train': {'batch_size': 256}"), 20000, {UNKNOWN, UNKNOWN, UNKNOWN, 0}, 1158, 1.3, 2},
        {MLP(2048, "'optimizer': {'kind': 'sgd'}, 'train': {'batch_size': 4096, 'shards': 64}"), 20000, {UNKNOWN, UNKNOWN, UNKNOWN, 0}, 1465, 1.3, 2},
        {MLP(1024, "'optimizer': {'kind': 'sgd'}, 'train': {'batch_size': 4096, 'shards': 512}"),
         20000,
         {UNKNOWN, UNKNOWN, UNKNOWN, 0},
         3446,
         1.3,
         2},
        {MLP(2048, "'optimizer': {'kind': 'adam'}, 'train': {'batch_size': 1024}, 'compression': {'codec': 'topk'}"),
         20000,
         {UNKNOWN, UNKNOWN, UNKNOWN, 0},
         732,
         1.3,
         2},
        {MLP(2048, "'optimizer': {'kind': 'adam'}, 'train': {'batch_size': 1024}, 'compression': {'codec': 'sign'}"),
         20000,
         {UNKNOWN, UNKNOWN, UNKNOWN, 0},
         921,
         1.3,
         2},
        {"'model': {'kind': 'ffm', 'embedding_dim': 16, 'hash_bits': 17}, 'optimizer': {'kind': 'sgd'}, 'train': {'batch_size': 80000}",
         100000,
         {82216, 25860, 5926, 10000},
         1042,
         1.35,
         2},
        {"'model': {'kind': 'fm', 'embedding_dim': 64, 'hash_bits': 16}, 'optimizer': {'kind': 'adam'}, 'train': {'batch_size': 65536}",
         100000,
         {UNKNOWN, UNKNOWN, UNKNOWN, 0},
         180,
         4,
         2},
        {"'model': {'kind': 'deepfm', 'hidden': [512, 256], 'embedding_dim': 32, 'hash_bits': 18, 'embedding': 'qr'}, 'train': {'batch_size': 32768}",
         100000,
         {UNKNOWN, UNKNOWN, UNKNOWN, 0},
         269,
         4,
         2},
        {"'model': {'kind': 'dcn_v2', 'hidden': [256], 'embedding_dim': 16, 'hash_bits': 16}, 'optimizer': {'kind': 'adam'}, 'train': {'batch_size': "
         "32768}",
         100000,
         {UNKNOWN, UNKNOWN, UNKNOWN, 0},
         444,
         2,
         2},
        /* most of it lines of scores that wait */
        {"'model': {'kind': 'softmax', 'classes': 256, 'hash_bits': 10}, 'train': {'batch_size': 4096}, 'evaluate': {'scores': true}",
         600000,
         {UNKNOWN, UNKNOWN, UNKNOWN, 0},
         423,
         2,
         8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct spec spec;
        read_spec(&spec, rows[i].spec);
        const struct memory_sizes sizes = {.hash_bits = (uint32_t)spec.model.hash_bits,
                                           .shards = (uint64_t)spec.train.shards,
                                           .batch = (uint64_t)spec.train.batch_size,
                                           .workers = rows[i].workers,
                                           .shape = {.fields = 39},
                                           .rows = rows[i].rows,
                                           .row_features = 39,
                                           .features_max = 39,
                                           .touched = rows[i].touched};
        const struct memory_need m = memory_need(&spec, &sizes);
        double sum = (double)memory_need_sum(&m) / (1 << 20);
        if (sum < rows[i].peak || sum > rows[i].most * rows[i].peak) fail_msg("%s: %.0f MiB, measured were %.0f", rows[i].spec, sum, rows[i].peak);
        spec_close(&spec);
    }
}

/* Small tables are one slice, and so is then a dense tensor: each worker may have merged all of it. */
static void few_slices_are_large(void **state)
{
    (void)state;
    uint64_t workspace[2];
    for (int many = 0; many < 2; many++) {
        struct spec spec;
        read_spec(&spec,
                  "'model': {'kind': 'mlp', 'hidden': [3072, 3072], 'embedding_dim': 4}, 'optimizer': {'kind': 'sgd'}, 'train': {'batch_size': 64}");
        const struct memory_sizes sizes = {.hash_bits = many ? 15 : 9,
                                           .shards = 8,
                                           .batch = 64,
                                           .workers = 8,
                                           .shape = {.fields = 39},
                                           .rows = 20000,
                                           .row_features = 39,
                                           .features_max = 39,
                                           .touched = {UNKNOWN, UNKNOWN, UNKNOWN, 0}};
        workspace[many] = memory_need(&spec, &sizes).workspace;
        spec_close(&spec);
    }
    assert_true(workspace[0] > workspace[1] + 7 * 3072 * 3072 * sizeof(float));
}

#define FFM(rest) "{'dataset': {'uri': '%s/a.ffm', 'format': 'libffm'}, 'split': {'kind': 'none'}, " rest "}"

/* Each shard has a gradient of its own; as many as the message says do fit. */
static void gradients_of_shards_count(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
#define SHARDS(count) \
    FFM("'model': {'kind': 'mlp', 'hidden': [512, 512], 'embedding_dim': 16, 'hash_bits': 12}, 'resources': {'max_memory_bytes': 330000000}, " \
        "'train': {'batch_size': 3000, 'max_rows': 200, 'shards': " #count "}")
    assert_int_equal(run_kit_run(&world_real, SHARDS(512), "shards", 2, &result, &err), -ERROR_NOMEM);
    assert_error(&err, ERROR_NOMEM, "gradients of the shards 5");
    assert_error(&err, ERROR_NOMEM, "lower train.shards: with 16 it would need");
    assert_string_equal(err.field, "/train/shards");
    error_clear(&err);
    assert_ok(run_kit_run(&world_real, SHARDS(16), "shards", 2, &result, &err), &err);
}

/* A batch of 24000 features has 60 rows of the table: what would be too much by the first number is not by the second. */
static void what_might_be_too_much_is_counted(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
#define TABLE(bytes) \
    FFM("'model': {'kind': 'ffm', 'embedding_dim': 64, 'hash_bits': 16}, 'optimizer': {'kind': 'sgd'}, " \
        "'resources': {'max_memory_bytes': " #bytes "}, 'train': {'batch_size': 3000, 'max_rows': 3000, 'shards': 8}")
    assert_ok(run_kit_run(&world_real, TABLE(330000000), "counted", 2, &result, &err), &err);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(the_sum_covers_what_was_measured), cmocka_unit_test(few_slices_are_large),
                                          cmocka_unit_test(gradients_of_shards_count), cmocka_unit_test(what_might_be_too_much_is_counted)};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    run_kit_fields(8);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

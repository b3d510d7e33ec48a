/* test: threads */
/* Tables with a row a feature: they learn what features that share a slot cannot; a table that is too small says so, and how much too small. What
 * training rows alone decide, and the bits, are fitted.c's; the table itself is core/key_rows.c's. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "contract/rundir.h"
#include "lib/job_kit.h"
#include "lib/run_kit.h"

enum { ROWS = 20000, VALUES = 1000 };

static const struct job_kit kit = {.root = run_kit_root, .world = &world_real, .workers = 2};

/* A column of 1000 values, each with a label of its own: beside 1024 slots, which most of them share with others. */
static int setup(void **state)
{
    struct bytes text;
    char path[PATH_SIZE];
    (void)state;
    test_dir(run_kit_root);
    bytes_init(&text, 1 << 20);
    assert_int_equal(bytes_add_text(&text, "label,a\n", NULL), 0);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(41, RNG_TEST, 0, row);
        unsigned value = (unsigned)rng_below(&rng, VALUES);
        struct rng own = rng_at(42, RNG_TEST, 0, value);
        assert_int_equal(bytes_printf(&text, NULL, "%u,v%u\n", (unsigned)rng_below(&own, 2), value), 0);
    }
    snprintf(path, sizeof path, "%.*s/values.csv", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
    return 0;
}

/* AUC of lr with these options of the model. */
static double auc_of(const char *dir, const char *model)
{
    char spec[1024];
    struct run_result result;
    struct error err;
    snprintf(spec, sizeof spec,
             "{'dataset': {'uri': '%%s/values.csv', 'format': 'csv'}, 'split': {'kind': 'holdout', 'test_fraction': 0.2}, "
             "'model': {'kind': 'lr', %s}, 'optimizer': {'kind': 'adagrad', 'lr': 0.5}, 'train': {'batch_size': 200, 'epochs': 3}}",
             model);
    assert_ok(job_kit_run(&kit, spec, dir, &result, &err), &err);
    return run_kit_metric(dir, "auc");
}

static unsigned times_in_log(const char *dir, const char *part)
{
    char path[PATH_SIZE];
    size_t size;
    unsigned n = 0;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    char *log = test_read_file(path, &size);
    for (const char *at = log; (at = strstr(at, part)); at++) n++;
    mem_free(log);
    return n;
}

static uint64_t rows_given(const char *dir)
{
    struct safetensors st;
    uint64_t count;
    job_kit_final(&kit, dir, &st);
    mem_free(job_kit_tensor(&st, "vocabulary.slots", &count));
    safetensors_close(&st);
    return count;
}

static void features_that_share_a_slot_are_told_apart(void **state)
{
    (void)state;
    double hashed = auc_of("hashed", "'hash_bits': 10"), given = auc_of("given", "'hash_bits': 10, 'embedding': 'vocabulary'");
    if (!(hashed < 0.95) || !(given > 0.9999)) fail_msg("AUC hashed %g, with a vocabulary %g", hashed, given);
    assert_int_equal(rows_given("given"), VALUES + 1); /* and the rare slot of the column */
    assert_int_equal(times_in_log("given", "1002 of 2^10 rows of the vocabulary are given\""), 1);
    assert_int_equal(times_in_log("given", "raise model.hash_bits"), 0);
    auc_of("wide", "'hash_bits': 24"); /* where none share a slot: from the first row on there is no difference */
    assert_close(run_kit_metric("given", "logloss"), run_kit_metric("wide", "logloss"), 1e-9, 0);
}

static void a_table_that_is_too_small_says_so(void **state)
{
    (void)state;
    double given = auc_of("small", "'hash_bits': 6, 'embedding': {'kind': 'vocabulary'}");
    assert_true(given > 0.5 && given < 0.7); /* 62 values of 1000 are known */
    assert_int_equal(rows_given("small"), (1 << 6) - 1);
    assert_int_equal(times_in_log("small", "step 1: all 2^6 rows of the vocabulary are given; features that come now share a row a field"), 1);
    assert_int_equal(times_in_log("small", "64 of 2^6 rows of the vocabulary are given; about 93"), 1); /* 938, but for the estimate */
}

/* 40 values that come often beside 2000 that come once: the rows are for the former, though 256 counters could not tell the two apart. */
static void rare_features_take_no_rows(void **state)
{
    struct bytes text;
    char path[PATH_SIZE];
    struct run_result result;
    struct error err;
    (void)state;
    bytes_init(&text, 1 << 20);
    assert_int_equal(bytes_add_text(&text, "label,a\n", NULL), 0);
    for (unsigned row = 0; row < 4000; row++)
        assert_int_equal(bytes_printf(&text, NULL, "%u,%s%u\n", row % 3 == 0, row % 2 ? "once" : "often", row % 2 ? row : row % 80), 0);
    snprintf(path, sizeof path, "%.*s/rare.csv", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
#define RARE(epochs) \
    "{'dataset': {'uri': '%s/rare.csv', 'format': 'csv'}, 'split': {'kind': 'none'}, 'features': {'min_count': 3}, " \
    "'model': {'kind': 'lr', 'embedding': 'vocabulary', 'hash_bits': 8}, 'train': {'batch_size': 100, 'epochs': " epochs "}}"
    assert_ok(job_kit_run(&kit, RARE("1"), "rare", &result, &err), &err);
    assert_true(rows_given("rare") > 40 && rows_given("rare") < 150); /* 40, the rare slot, and what shares counters with three others */
    assert_ok(job_kit_run(&kit, RARE("2"), "rare2", &result, &err), &err);
    assert_ok(job_kit_run(&kit, RARE("3"), "rare3", &result, &err), &err);
    assert_true(rows_given("rare2") > rows_given("rare")); /* what the first epoch has let in */
    assert_int_equal(rows_given("rare3"), rows_given("rare2"));
}

static void a_checkpoint_of_another_kind_of_table_is_refused(void **state)
{
    struct run_result result;
    struct error err;
    (void)state;
#define STOPPED(embedding) \
    "{'dataset': {'uri': '%s/values.csv', 'format': 'csv'}, 'split': {'kind': 'none'}, 'model': {'kind': 'lr', 'hash_bits': 10" embedding "}}"
    assert_ok(job_kit_run(&kit, STOPPED(""), "other", &result, &err), &err);
    assert_true(job_kit_run(&kit, STOPPED(", 'embedding': 'vocabulary'"), "other", &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "model.embedding.kind");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(features_that_share_a_slot_are_told_apart),
    cmocka_unit_test(a_table_that_is_too_small_says_so),
    cmocka_unit_test(rare_features_take_no_rows),
    cmocka_unit_test(a_checkpoint_of_another_kind_of_table_is_refused),
};

int main(int argc, char **argv)
{
    setup(NULL);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

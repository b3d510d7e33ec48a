/* test: threads */
/* Continual training: on new rows alone a model forgets the old ones; with some of these mixed in it forgets less, and learns the new ones all the
 * same. */
#include "lib/test.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "contract/rundir.h"
#include "lib/run_kit.h"

enum { ROWS = 4000, FEATURES = 40 };

/* Five of 40 features a row, in the older world or the newer one, where half of the hidden weights have turned. Different draws, other rows. */
static void write_world(const char *name, bool newer, uint32_t draw)
{
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 4 << 20);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(21, RNG_TEST, draw, row);
        uint32_t at = 0;
        double z = 0;
        char line[128];
        int used = 0;
        for (int f = 0; f < 5; f++) {
            at += 1 + (uint32_t)rng_below(&rng, FEATURES / 5);
            struct rng weight = rng_at(22, RNG_TEST, 0, at);
            z += 1.5 * rng_normal(&weight) * (newer && at % 2 ? -1 : 1);
            used += snprintf(line + used, sizeof line - (size_t)used, " %u:1", at);
        }
        assert_int_equal(bytes_printf(&text, NULL, "%d%s\n", rng_unit(&rng) < 1 / (1 + exp(-z)), line), 0);
    }
    snprintf(path, sizeof path, "%.*s/%s", 3000, run_kit_root, name);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

/* A run over `uri` that is judged on the rows of `test`; gives its logloss. */
static double judged(const char *dir, const char *uri, const char *test, const char *rest, struct run_result *result)
{
    char spec[1024];
    struct error err = {0};
    snprintf(
        spec, sizeof spec,
        "{'dataset': {'uri': '%%1$s/%s', 'format': 'libsvm'}, 'split': {'kind': 'predefined', 'test_uri': '%%1$s/%s'}, "
        "'model': {'kind': 'fm', 'hash_bits': 10, 'embedding_dim': 4}, 'train': {'batch_size': 100, 'epochs': 3}, 'optimizer': {'kind': 'adagrad', "
        "'lr': 0.1}%s}",
        uri, test, rest);
    assert_ok(run_kit_run(&world_real, spec, dir, 2, result, &err), &err);
    return run_kit_metric(dir, "logloss");
}

#define WARM ", 'warm_start': {'checkpoint': '%1$s/old/final.safetensors'}"
#define REPLAY ", 'replay': {'uri': '%1$s/old.svm', 'fraction': 0.3}"

static void what_is_replayed_is_not_forgotten(void **state)
{
    (void)state;
    struct run_result result, replayed;
    double before = judged("old", "old.svm", "old-test.svm", "", &result);
    double forgot = judged("alone", "new.svm", "old-test.svm", WARM, &result);
    double kept = judged("mixed", "new.svm", "old-test.svm", WARM REPLAY, &replayed);
    double learnt_alone = judged("alone-new", "new.svm", "new-test.svm", WARM, &result);
    double learnt = judged("mixed-new", "new.svm", "new-test.svm", WARM REPLAY, &replayed);
    double stale = judged("stale", "old.svm", "new-test.svm", "", &result);
    printf("older rows: %.4f at first, %.4f after new rows alone, %.4f with a replay of 30 %%; newer rows: %.4f, %.4f, %.4f\n", before, forgot, kept,
           stale, learnt_alone, learnt);
    assert_true(forgot > before + 0.2);
    assert_true(kept < forgot - 0.4 * (forgot - before));
    assert_true(learnt < stale - 0.5 * (stale - learnt_alone));
    double rows = (double)replayed.rows / 3, share = (rows - ROWS) / rows; /* ROWS new ones an epoch, and what was drawn of the old */
    assert_close(share, 0.3, 0, 0.02);
}

/* More is asked for than there is: all of it is taken, and that is said. */
static void a_share_that_cannot_be_is_told(void **state)
{
    (void)state;
    struct run_result result;
    char path[PATH_SIZE];
    size_t size;
    judged("short", "new.svm", "new-test.svm", ", 'replay': {'uri': '%1$s/old.svm', 'fraction': 0.9}", &result);
    assert_int_equal(result.rows, 3 * 2 * ROWS);
    snprintf(path, sizeof path, "%.*s/short/" RUNDIR_EVENTS, 3000, run_kit_root);
    char *events = test_read_file(path, &size);
    assert_non_null(strstr(events, "about 4000 of 4000 older rows are mixed in, 50 % of the rows trained on (replay.fraction 0.9)"));
    mem_free(events);
}

/* The same rows as new ones or as older ones are not the same data to a resume. */
static void a_resume_knows_which_rows_are_older(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
#define OLDER(uri, older) \
    "{'dataset': {'uri': " uri \
    ", 'format': 'libsvm'}, 'split': {'kind': 'none'}, 'model': {'kind': 'lr', 'hash_bits': 10}, 'replay': {'uri': " older "}}"
    assert_ok(run_kit_run(&world_real, OLDER("'%1$s/new.svm'", "['%1$s/old.svm', '%1$s/old-test.svm']"), "cut", 2, &result, &err), &err);
    assert_int_equal(run_kit_run(&world_real, OLDER("['%1$s/new.svm', '%1$s/old.svm']", "'%1$s/old-test.svm'"), "cut", 2, &result, &err),
                     -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "trained with another held_out");
    memset(&err, 0, sizeof err);
    assert_true(run_kit_run(&world_real, RUN_KIT_SPEC("new.svm", "'model': {'kind': 'lr'}, 'replay': {}"), "none", 2, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "/replay/uri is missing");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_replayed_is_not_forgotten), cmocka_unit_test(a_share_that_cannot_be_is_told),
                                          cmocka_unit_test(a_resume_knows_which_rows_are_older)};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    write_world("old.svm", false, 0), write_world("old-test.svm", false, 1);
    write_world("new.svm", true, 2), write_world("new-test.svm", true, 3);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

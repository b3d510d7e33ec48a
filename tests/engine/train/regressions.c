/* Whole jobs of linear, Poisson and multinomial logistic regression, run to their optimum, against scikit-learn's (fixtures/make.py): what each row
 * is predicted and every metric, within a thousandth. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "lib/data_kit.h"
#include "lib/run_kit.h"
#include "lib/test.h"

static json_t *fixture_read(void)
{
    size_t size;
    struct error err = {0};
    char *text = test_read_file("tests/engine/train/fixtures/sklearn.json", &size);
    json_t *root = json_read(text, size, "sklearn.json", &err);
    assert_ok(root ? 0 : -1, &err);
    mem_free(text);
    return root;
}

static void rows_write(const json_t *lines)
{
    char path[PATH_SIZE];
    struct bytes text;
    size_t i;
    json_t *line;
    bytes_init(&text, 1 << 20);
    json_array_foreach ((json_t *)lines, i, line) assert_int_equal(bytes_printf(&text, NULL, "%s\n", json_string_value(line)), 0);
    snprintf(path, sizeof path, "%.*s/rows", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

/* scores.tsv: row, label, then a prediction an output. */
static void compare_scores(const char *dir, const json_t *want, size_t outputs)
{
    char path[PATH_SIZE], *text, *at;
    size_t size, n = 0;
    snprintf(path, sizeof path, "%.*s/%s/scores.tsv", 3000, run_kit_root, dir);
    text = test_read_file(path, &size);
    at = strchr(text, '\n') + 1;
    for (size_t row = 0; *at; row++) {
        assert_true(strtoull(at, &at, 10) == row);
        strtod(at, &at);
        for (size_t c = 0; c < outputs; c++) assert_close(strtod(at, &at), json_number_value(json_array_get(want, n++)), 1e-3, 1e-4);
        assert_true(*at++ == '\n');
    }
    assert_int_equal(n, json_array_size(want));
    mem_free(text);
}

static void compare_metrics(const char *dir, const json_t *want)
{
    json_t *evaluation = run_kit_evaluation(dir), *metrics = json_object_get(evaluation, "metrics"), *value;
    const char *name;
    assert_int_equal(json_object_size(metrics), json_object_size(want));
    json_object_foreach ((json_t *)want, name, value) {
        if (!json_is_number(json_object_get(metrics, name))) fail_msg("no metric %s", name);
        assert_close(json_number_value(json_object_get(metrics, name)), json_number_value(value), 1e-3, 1e-4);
    }
    json_decref(evaluation);
}

/* The whole data set is a batch, so that AdaGrad's steps shrink only as the gradient does: it comes to the optimum as a plain descent. */
static void optima_are_scikit_learns(void **state)
{
    json_t *root = fixture_read(), *set, *fit;
    size_t s, f;
    (void)state;
    json_array_foreach (json_object_get(root, "sets"), s, set) {
        const char *model = json_string_value(json_object_get(set, "model"));
        size_t classes = (size_t)json_integer_value(json_object_get(set, "classes"));
        rows_write(json_object_get(set, "text"));
        json_array_foreach (json_object_get(set, "fits"), f, fit) {
            char spec[1024], options[64] = "", dir[64];
            struct run_result result;
            struct error err = {0};
            if (classes) snprintf(options, sizeof options, ", 'classes': %zu", classes);
            snprintf(dir, sizeof dir, "%s-%zu", model, f);
            snprintf(
                spec, sizeof spec,
                "{" RUN_KIT_DATA("rows") ", 'model': {'kind': '%s', 'hash_bits': 18%s}, 'split': {'kind': 'none'}, 'optimizer': {'kind': 'adagrad', "
                                         "'lr': 0.5, 'l2': %g}, 'train': {'epochs': 3000, 'batch_size': 1000, 'shards': 3, 'shuffle': false, "
                                         "'log_every_steps': 1000000}, "
                                         "'evaluate': {'scores': true, 'top_k': %d}}",
                "%s", model, options, json_number_value(json_object_get(fit, "l2")), (int)json_integer_value(json_object_get(root, "top_k")));
            assert_ok(run_kit_run(kit_world(), spec, dir, 1, &result, &err), &err);
            compare_scores(dir, json_object_get(fit, "predictions"), classes ? classes : 1);
            compare_metrics(dir, json_object_get(fit, "metrics"));
        }
    }
    assert_int_equal(s, 3);
    json_decref(root);
}

/* Any family of one output a row may learn by any loss of one output. */
static void factors_learn_ratings(void **state)
{
    static const char *const losses_of_numbers[] = {"squared", "poisson"};
    char path[PATH_SIZE];
    struct bytes text;
    struct error err = {0};
    (void)state;
    bytes_init(&text, 1 << 20);
    for (int i = 0; i < 4000; i++) { /* a rating is high where user and film are alike: no sum of the two tells it */
        int user = i % 40, film = (i * 7 + i / 40) % 50;
        assert_int_equal(bytes_printf(&text, NULL, "%d 0:%d:1 1:%d:1\n", user % 2 == film % 2 ? 5 : 1, user, film), 0);
    }
    snprintf(path, sizeof path, "%.*s/ratings", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
    for (size_t l = 0; l < 2; l++) {
        char spec[1024];
        struct run_result result;
        snprintf(spec, sizeof spec,
                 "{'dataset': {'uri': '%s/ratings', 'format': 'libffm'}, 'model': {'kind': 'fm', 'hash_bits': 16, 'embedding_dim': 4}, 'optimizer': "
                 "{'lr': 0.1}, 'train': {'loss': '%s', 'epochs': 20, 'batch_size': 100}}",
                 "%s", losses_of_numbers[l]);
        assert_ok(run_kit_run(kit_world(), spec, losses_of_numbers[l], 1, &result, &err), &err);
        assert_true(run_kit_metric(losses_of_numbers[l], "r2") > 0.9);
    }
}

/* At labels this far from 0 no rate helps. */
static void labels_without_end_are_told(void **state)
{
    char path[PATH_SIZE];
    struct run_result result;
    struct error err = {0};
    (void)state;
    snprintf(path, sizeof path, "%.*s/huge", 3000, run_kit_root);
    test_write_file(path, "3e38 1:1\n3e38 2:1\n3e38 3:1\n", 27);
    assert_true(run_kit_run(kit_world(), "{" RUN_KIT_DATA("huge") ", 'model': {'kind': 'linear'}, 'split': {'kind': 'none'}, 'train': {'shards': 1}}",
                            "huge-labels", 1, &result, &err) < 0);
    assert_error(&err, ERROR_DIVERGED, "bring large labels nearer to 0");
}

/* Counts that outweigh all others are warned of; beyond what the loss can predict they are no labels. */
static void great_counts_are_told(void **state)
{
    char path[PATH_SIZE], *events;
    size_t size;
    struct run_result result;
    struct error err = {0};
    (void)state;
#define COUNTS "{" RUN_KIT_DATA("counts") ", 'model': {'kind': 'poisson'}, 'split': {'kind': 'none'}, 'train': {'shards': 1}}"
    snprintf(path, sizeof path, "%.*s/counts", 3000, run_kit_root);
    for (int great = 0; great < 2; great++) {
        test_write_file(path, great ? "3e9 1:1\n2 2:1\n0 3:1\n" : "3e4 1:1\n2 2:1\n0 3:1\n", 20);
        run_kit_run(kit_world(), COUNTS, great ? "counts1" : "counts0", 1, &result, &err); /* it may diverge */
        snprintf(path, sizeof path, "%.*s/counts%d/events.ndjson", 3000, run_kit_root, great);
        events = test_read_file(path, &size);
        assert_true((strstr(events, "labels reach 3e+09: ") != NULL) == great);
        mem_free(events);
        snprintf(path, sizeof path, "%.*s/counts", 3000, run_kit_root);
    }
    test_write_file(path, "2e13 1:1\n2 2:1\n0 3:1\n", 21);
    memset(&err, 0, sizeof err);
    assert_int_equal(run_kit_run(kit_world(), COUNTS, "counts2", 1, &result, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "at most 1e13, the largest mean that the loss can predict");
}

static int make_root(void **state)
{
    (void)state;
    test_dir(run_kit_root);
    return 0;
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup(great_counts_are_told, make_root), cmocka_unit_test_setup(optima_are_scikit_learns, make_root),
    cmocka_unit_test_setup(factors_learn_ratings, make_root), cmocka_unit_test_setup(labels_without_end_are_told, make_root)};
TEST_MAIN(tests)

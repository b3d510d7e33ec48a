/* What every metric owes: agreement with scikit-learn's figures (fixtures/make.py), intervals that cover, names and directions that hold. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "lib/scores.h"

enum { FIXTURE_ROWS_MAX = 4096, BIG = 1 << 22, SMALL = 800, SETS = 2000 };

static json_t *fixture_read(void)
{
    size_t size;
    struct error err = {0};
    char *text = test_read_file("tests/engine/eval/fixtures/sklearn.json", &size);
    json_t *root = json_read(text, size, "sklearn.json", &err);
    assert_ok(root ? 0 : -1, &err);
    mem_free(text);
    return root;
}

static size_t fixture_column(const json_t *set, const char *name, float out[FIXTURE_ROWS_MAX])
{
    const json_t *column = json_object_get(set, name);
    size_t n = json_array_size(column);
    assert_in_range(n, 1, FIXTURE_ROWS_MAX);
    for (size_t i = 0; i < n; i++) out[i] = (float)json_number_value(json_array_get(column, i));
    return n;
}

static void metrics_equal_scikit_learn(void **state)
{
    (void)state;
    static float logits[FIXTURE_ROWS_MAX], labels[FIXTURE_ROWS_MAX];
    json_t *root = fixture_read(), *sets = json_object_get(root, "sets"), *set, *value;
    size_t index, compared = 0;
    const char *name;
    json_array_foreach (sets, index, set) {
        size_t n = fixture_column(set, "logits", logits);
        assert_int_equal(fixture_column(set, "labels", labels), n);
        struct evaluation e = scores_judge(logits, labels, n, 0);
        json_object_foreach (json_object_get(set, "metrics"), name, value) {
            assert_close(scores_value(&e, name), json_number_value(value), 1e-9, 1e-12);
            compared++;
        }
    }
    assert_true(compared >= 6 * 5);
    json_decref(root);
}

/* Each metric's interval against its value on 4 million rows of the same source: 95 of 100 sets of 800 rows hold it. */
static void intervals_cover(void **state)
{
    (void)state;
    struct error err = {0};
    struct rng rng = rng_at(17, RNG_TEST, 1, 0);
    float *logits = mem_array(BIG, 1, sizeof *logits, &err), *labels = mem_array(BIG, 1, sizeof *labels, &err);
    assert_true(logits && labels);
    scores_draw(&rng, logits, labels, BIG, -1, 1.2, 0);
    struct evaluation truth = scores_judge(logits, labels, BIG, 0);
    unsigned held[EVALUATION_METRICS_MAX] = {0};
    for (unsigned s = 0; s < SETS; s++) {
        rng = rng_at(17, RNG_TEST, 2, s);
        scores_draw(&rng, logits, labels, SMALL, -1, 1.2, 0);
        struct evaluation e = scores_judge(logits, labels, SMALL, 0);
        for (size_t i = 0; metrics[i]; i++) held[i] += e.measures[i].low <= truth.measures[i].value && truth.measures[i].value <= e.measures[i].high;
    }
    for (size_t i = 0; metrics[i]; i++) {
        print_message("%s: %.4f +- %.5f on %d rows, held by %.2f %% of intervals\n", metrics[i]->kind.name, truth.measures[i].value,
                      truth.measures[i].se, BIG, 100.0 * held[i] / SETS);
        assert_close(held[i] / (double)SETS, 0.95, 0, 0.02);
    }
    mem_free(logits);
    mem_free(labels);
}

static void names_and_directions(void **state)
{
    (void)state;
    for (size_t i = 0; metrics[i]; i++) {
        assert_ptr_equal(metric_find(metrics[i]->kind.name), metrics[i]);
        assert_true(metrics[i]->kind.summary[0] && metrics[i]->method[0]);
        assert_true(i < EVALUATION_METRICS_MAX);
    }
    assert_null(metric_find("aucc"));
    assert_null(evaluation_measure(&(struct evaluation){0}, "aucc"));
    assert_true(metric_find("auc")->higher_is_better && metric_find("pr_auc")->higher_is_better);
    assert_false(metric_find("logloss")->higher_is_better || metric_find("ne")->higher_is_better);
    assert_true(metric_better(metric_find("auc"), 0.8, 0.7) && !metric_better(metric_find("auc"), 0.7, 0.7));
    assert_true(metric_better(metric_find("logloss"), 0.4, 0.5) && !metric_better(metric_find("logloss"), 0.5, 0.4));
    assert_true(metric_better(metric_find("auc"), 0.1, NAN) && !metric_better(metric_find("auc"), NAN, 0.1));
    assert_false(metric_better(metric_find("auc"), NAN, NAN));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(metrics_equal_scikit_learn),
    cmocka_unit_test(intervals_cover),
    cmocka_unit_test(names_and_directions),
};
TEST_MAIN(tests)

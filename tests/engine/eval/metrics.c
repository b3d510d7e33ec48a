/* What every metric owes: agreement with scikit-learn's figures (fixtures/make.py), intervals that cover, names and directions that hold. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "lib/scores.h"

enum { FIXTURE_ROWS_MAX = 4096, BIG = 1 << 20, SMALL = 800, SETS = 2000 };

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

static size_t compare_metrics(const struct evaluation *e, const json_t *want)
{
    const char *name;
    json_t *value;
    size_t compared = 0;
    json_object_foreach ((json_t *)want, name, value) {
        assert_close(scores_value(e, name), json_number_value(value), 1e-9, 1e-12);
        compared++;
    }
    return compared;
}

static void metrics_equal_scikit_learn(void **state)
{
    (void)state;
    static float logits[FIXTURE_ROWS_MAX], labels[FIXTURE_ROWS_MAX], weights[FIXTURE_ROWS_MAX];
    static uint64_t groups[FIXTURE_ROWS_MAX];
    json_t *root = fixture_read(), *sets = json_object_get(root, "sets"), *set;
    unsigned k = (unsigned)json_integer_value(json_object_get(root, "k"));
    size_t index, compared = 0;
    json_array_foreach (sets, index, set) {
        size_t n = fixture_column(set, "logits", logits);
        assert_int_equal(fixture_column(set, "labels", labels), n);
        assert_int_equal(fixture_column(set, "weights", weights), n);
        for (size_t i = 0; i < n; i++) groups[i] = hash_mix((uint64_t)json_integer_value(json_array_get(json_object_get(set, "groups"), i)));
        for (int weighted = 0; weighted < 2; weighted++) {
            struct evaluation e = scores_judge_rows(
                &(struct evaluator_config){.lanes = 1, .weighted = weighted, .groups = {true, k}},
                &(struct eval_rows){.n = n, .logits = logits, .labels = labels, .weights = weighted ? weights : NULL, .groups = groups});
            compared += compare_metrics(&e, json_object_get(set, weighted ? "weighted" : "metrics"));
        }
    }
    assert_true(compared == index * 2 * 13);
    json_decref(root);
}

/* Each metric's interval against its value on a million rows of the same source: 95 of 100 sets of 800 rows hold it. A group is 8 rows. */
static void intervals_cover(void **state)
{
    (void)state;
    struct error err = {0};
    struct rng rng;
    float *logits = mem_array(BIG, 1, sizeof *logits, &err), *labels = mem_array(BIG, 1, sizeof *labels, &err);
    float *weights = mem_array(BIG, 1, sizeof *weights, &err);
    uint64_t *groups = mem_array(BIG, 1, sizeof *groups, &err);
    assert_true(logits && labels && weights && groups);
    for (int weighted = 0; weighted < 2; weighted++) {
        struct evaluator_config config = {.lanes = 1, .weighted = weighted, .groups = {true, 2}, .memory_bytes = (size_t)BIG * 64};
        struct eval_rows rows = {.n = BIG, .logits = logits, .labels = labels, .weights = weighted ? weights : NULL, .groups = groups};
        rng = rng_at(17, RNG_TEST, 1, 0);
        scores_draw(&rng, logits, labels, BIG, -1, 1.2, 0);
        for (size_t i = 0; i < BIG; i++) groups[i] = hash_mix(i / 8), weights[i] = (float)exp(0.7 * rng_normal(&rng));
        struct evaluation truth = scores_judge_rows(&config, &rows);
        unsigned held[EVALUATION_METRICS_MAX] = {0};
        rows.n = SMALL;
        for (unsigned s = 0; s < SETS; s++) {
            rng = rng_at(17, RNG_TEST, 2, s);
            scores_draw(&rng, logits, labels, SMALL, -1, 1.2, 0);
            for (size_t i = 0; i < SMALL; i++) weights[i] = (float)exp(0.7 * rng_normal(&rng));
            struct evaluation e = scores_judge_rows(&config, &rows);
            for (size_t i = 0; metrics[i]; i++)
                held[i] += e.measures[i].low <= truth.measures[i].value && truth.measures[i].value <= e.measures[i].high;
        }
        for (size_t i = 0; metrics[i]; i++) {
            if (strcmp(metrics[i]->method, "none") == 0 || !metric_judges(metrics[i], LABELS_BINARY)) continue; /* no interval, and it says why */
            print_message("%s%s: %.4f +- %.5f on %d rows, held by %.2f %% of intervals\n", weighted ? "weighted " : "", metrics[i]->kind.name,
                          truth.measures[i].value, truth.measures[i].se, BIG, 100.0 * held[i] / SETS);
            assert_close(held[i] / (double)SETS, 0.95, 0, 0.02);
        }
    }
    mem_free(logits);
    mem_free(labels);
    mem_free(weights);
    mem_free(groups);
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

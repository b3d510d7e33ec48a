/* evaluation.json has the form of the API's page, with null and a reason where nothing is defined. */
#include "lib/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "lib/scores.h"

static void form_of_evaluation_json(void **state)
{
    (void)state;
    enum { ROWS = 200 };
    static float logits[ROWS], labels[ROWS];
    struct error err = {0};
    struct rng rng = rng_at(71, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, 0, 1, 0);
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    json_t *root = evaluation_json(&e, "test", NULL, &err);
    assert_ok(root ? 0 : -1, &err);
    assert_string_equal(json_string_value(json_object_get(root, "split")), "test");
    assert_string_equal(json_string_value(json_object_get(root, "method")), "exact");
    assert_int_equal(json_integer_value(json_object_get(root, "rows")), ROWS);
    assert_int_equal(json_integer_value(json_object_get(root, "positives")), e.positives);
    assert_close(json_real_value(json_object_get(root, "base_rate")), e.positives / (double)ROWS, 1e-15, 0);
    assert_true(json_is_null(json_object_get(root, "folds")));
    assert_true(json_number_value(json_object_get(root, "auc_error_bound")) == 0);
    assert_int_equal(json_object_size(json_object_get(root, "reasons")), 1); /* ece's, which has no standard error */
    assert_int_equal(json_array_size(json_object_get(root, "deciles")), DECILES);
    assert_true(json_is_null(json_object_get(root, "groups")) && json_is_null(json_object_get(root, "bootstrap")));
    for (size_t i = 0; metrics[i]; i++) {
        const char *name = metrics[i]->kind.name;
        if (!e.measures[i].wanted) assert_null(json_object_get(json_object_get(root, "metrics"), name));
        if (!e.measures[i].wanted || isnan(e.measures[i].se)) continue;
        const json_t *interval = json_object_get(json_object_get(root, "intervals"), name);
        assert_true(json_real_value(json_object_get(json_object_get(root, "metrics"), name)) == e.measures[i].value);
        assert_true(json_real_value(json_object_get(json_object_get(root, "se"), name)) == e.measures[i].se);
        assert_int_equal(json_array_size(interval), 2);
        assert_true(json_real_value(json_array_get(interval, 0)) == e.measures[i].low);
        assert_true(json_real_value(json_array_get(interval, 1)) == e.measures[i].high);
        assert_string_equal(json_string_value(json_object_get(json_object_get(root, "se_method"), name)), metrics[i]->method);
    }
    json_decref(root);
}

static void undefined_is_null_with_a_reason(void **state)
{
    (void)state;
    struct error err = {0};
    struct bytes text;
    float z[3] = {0, 1, 2}, y[3] = {0, 0, 0};
    bytes_init(&text, 1 << 16);
    for (size_t n = 0; n <= 3; n += 3) {
        struct evaluation e = scores_judge(z, y, n, 0);
        json_t *root = evaluation_json(&e, "validation", json_array(), &err);
        assert_ok(root ? 0 : -1, &err);
        assert_true(json_is_null(json_object_get(json_object_get(root, "metrics"), "auc")));
        assert_true(json_is_null(json_object_get(json_object_get(root, "se"), "auc")));
        assert_true(json_is_null(json_object_get(json_object_get(root, "intervals"), "auc")));
        assert_true(json_is_null(json_object_get(root, "auc_error_bound")));
        assert_string_equal(json_string_value(json_object_get(json_object_get(root, "reasons"), "auc")), n ? "all 3 labels are 0" : "no rows");
        assert_true(json_is_array(json_object_get(root, "folds")));
        bytes_clear(&text);
        assert_ok(json_write(root, &text, &err), &err);
        assert_null(strstr(bytes_text(&text), "nan"));
        json_decref(root);
    }
    bytes_close(&text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(form_of_evaluation_json),
    cmocka_unit_test(undefined_is_null_with_a_reason),
};
TEST_MAIN(tests)

/* Labels that are no bits: every metric against its definition, with and without weights; the same bits in any order and on any lane; what is not
 * defined says why. */
#include "engine/eval/targets.h"

#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/rng.h"
#include "lib/scores.h"
#include "lib/test.h"

enum { ROWS = 500, CLASSES = 4, TOP = 2 };

static float z[ROWS * CLASSES], y[ROWS], w[ROWS];

static size_t outputs_of(const struct loss *loss) { return loss->labels == LABELS_CLASS ? CLASSES : 1; }

static void draw(const struct loss *loss, uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0, 0);
    size_t outputs = outputs_of(loss);
    for (size_t i = 0; i < ROWS * outputs; i++) z[i] = (float)floor(8 * rng_normal(&rng)) / 8; /* with ties */
    for (size_t i = 0; i < ROWS; i++) {
        w[i] = (float)(0.25 + rng_unit(&rng));
        y[i] = loss->labels == LABELS_CLASS   ? (float)rng_below(&rng, CLASSES)
               : loss->labels == LABELS_COUNT ? (float)rng_below(&rng, 5)
                                              : (float)(z[i] + rng_normal(&rng));
    }
}

static struct evaluation judge(const struct loss *loss, size_t n, bool weighted, uint64_t exact_rows_max)
{
    const struct evaluator_config config = {
        .lanes = 1, .loss = loss, .outputs = outputs_of(loss), .top_k = TOP, .weighted = weighted, .exact_rows_max = exact_rows_max};
    return scores_judge_rows(&config, &(struct eval_rows){.n = n, .logits = z, .labels = y, .weights = weighted ? w : NULL});
}

/* Who asks for groups is told why there are no figures of them; who does not hears nothing. */
static void groups_are_declined_in_words(void **state)
{
    (void)state;
    for (int wanted = 0; wanted < 2; wanted++)
        for (const struct loss *const *l = losses; *l; l++) {
            struct error err = {0};
            struct evaluator_config config = {.lanes = 1, .loss = *l, .outputs = outputs_of(*l), .top_k = TOP, .groups = {.wanted = wanted}};
            if ((*l)->labels == LABELS_BINARY) continue;
            draw(*l, 1);
            struct evaluation e = scores_judge_rows(&config, &(struct eval_rows){.n = ROWS, .logits = z, .labels = y});
            json_t *json = evaluation_json(&e, "test", NULL, &err), *value = json_object_get(json_object_get(json, "metrics"), "gauc");
            const char *why = json_string_value(json_object_get(json_object_get(json, "reasons"), "gauc"));
            assert_true(wanted ? json_is_null(value) : value == NULL);
            assert_true(wanted ? why && strstr(why, "dataset.group") : !why);
            assert_true(json_is_null(json_object_get(json, "groups")));
            json_decref(json);
        }
}

static double weight_of(size_t i, bool weighted) { return weighted ? (double)w[i] : 1; }

static void numbers_by_definition(void **state)
{
    const struct loss *const kinds[] = {&loss_squared, &loss_poisson};
    (void)state;
    for (int k = 0; k < 4; k++) {
        const struct loss *loss = kinds[k / 2];
        bool weighted = k % 2;
        double sum = 0, labels = 0, predictions = 0, squares = 0, absolute = 0, deviance = 0, around = 0, spread = 0;
        draw(loss, 5);
        struct evaluation e = judge(loss, ROWS, weighted, 0);
        for (size_t i = 0; i < ROWS; i++) {
            double v = weight_of(i, weighted), p = loss == &loss_squared ? (double)z[i] : exp((double)z[i]), t = (double)y[i];
            sum += v, labels += v * t, predictions += v * p, squares += v * (p - t) * (p - t), absolute += v * fabs(p - t);
            deviance += 2 * v * ((t > 0 ? t * log(t / p) : 0) - t + p);
        }
        for (size_t i = 0; i < ROWS; i++) {
            double v = weight_of(i, weighted), p = loss == &loss_squared ? (double)z[i] : exp((double)z[i]),
                   off = (p - (double)y[i]) * (p - (double)y[i]);
            around += v * pow((double)y[i] - labels / sum, 2), spread += v * v * pow(off - squares / sum, 2);
        }
        assert_close(scores_value(&e, "mse"), squares / sum, 1e-12, 0);
        assert_close(scores_se(&e, "mse"), sqrt(spread * ROWS / (ROWS - 1)) / sum, 1e-9, 0);
        assert_close(scores_value(&e, "rmse"), sqrt(squares / sum), 1e-12, 0);
        assert_close(scores_value(&e, "mae"), absolute / sum, 1e-12, 0);
        assert_close(scores_value(&e, "r2"), 1 - squares / around, 1e-10, 0);
        assert_close(scores_value(&e, "bias"), (predictions - labels) / sum, 1e-10, 1e-13);
        assert_close(e.mean_label, labels / sum, 1e-12, 1e-14);
        assert_close(e.mean_prediction, predictions / sum, 1e-12, 1e-14);
        assert_true(evaluation_measure(&e, "deviance")->wanted == (loss == &loss_poisson));
        assert_false(evaluation_measure(&e, "auc")->wanted || evaluation_measure(&e, "logloss")->wanted);
        if (loss == &loss_squared) continue;
        assert_close(scores_value(&e, "deviance"), deviance / sum, 1e-11, 0);
        assert_close(scores_value(&e, "calibration"), predictions / labels, 1e-12, 0);
    }
}

/* One class against the rest, pair by pair. */
static double pairs_auc(size_t class, bool weighted)
{
    double wins = 0, pairs = 0, p[CLASSES], q[CLASSES];
    for (size_t i = 0; i < ROWS; i++)
        for (size_t j = 0; j < ROWS; j++) {
            if (y[i] != (float)class || y[j] == (float)class) continue;
            double v = weight_of(i, weighted) * weight_of(j, weighted);
            loss_softmax.predict(z + i * CLASSES, p, CLASSES), loss_softmax.predict(z + j * CLASSES, q, CLASSES);
            wins += v * (p[class] > q[class] * (1 + 1e-9) ? 1 : p[class] < q[class] * (1 - 1e-9) ? 0 : 0.5), pairs += v;
        }
    return wins / pairs;
}

static void classes_by_definition(void **state)
{
    (void)state;
    for (int weighted = 0; weighted < 2; weighted++) {
        double sum = 0, loss = 0, hits = 0, top = 0, own[CLASSES] = {0}, recalled[CLASSES] = {0}, macro = 0;
        draw(&loss_softmax, 6);
        struct evaluation e = judge(&loss_softmax, ROWS, weighted, 0);
        for (size_t i = 0; i < ROWS; i++) {
            const float *row = z + i * CLASSES;
            size_t class = (size_t)y[i], as_great = 0;
            double v = weight_of(i, weighted), p[CLASSES];
            for (size_t c = 0; c < CLASSES; c++) as_great += c != class && row[c] >= row[class];
            loss_softmax.predict(row, p, CLASSES);
            sum += v, loss -= v * log(p[class]), hits += v * (as_great == 0), top += v * (as_great < TOP);
            own[class] += v, recalled[class] += v * (as_great == 0);
        }
        assert_close(scores_value(&e, "logloss"), loss / sum, 1e-12, 0);
        assert_close(scores_value(&e, "accuracy"), hits / sum, 1e-12, 0);
        assert_close(scores_value(&e, "top_k_accuracy"), top / sum, 1e-12, 0);
        assert_int_equal(e.class_count, CLASSES);
        for (size_t c = 0; c < CLASSES; c++) {
            double auc = pairs_auc(c, weighted);
            assert_close(e.classes[c].auc, auc, 1e-6, 0);
            assert_close(e.classes[c].weight, own[c], 1e-12, 0);
            assert_close(e.classes[c].recall, recalled[c] / own[c], 1e-12, 0);
            macro += auc / CLASSES;
        }
        assert_close(scores_value(&e, "macro_auc"), macro, 1e-6, 0);
        assert_false(evaluation_measure(&e, "auc")->wanted || evaluation_measure(&e, "rmse")->wanted);
    }
}

/* Rows backwards, one by one, over three lanes: the same bytes of evaluation.json. */
static void order_and_lanes_leave_no_trace(void **state)
{
    (void)state;
    for (size_t l = 2; losses[l]; l++)
        for (int weighted = 0; weighted < 2; weighted++) {
            struct error err = {0};
            size_t outputs = outputs_of(losses[l]);
            draw(losses[l], 7 + l);
            struct evaluation one = judge(losses[l], ROWS, weighted, 0), other;
            const struct evaluator_config config = {.lanes = 3, .loss = losses[l], .outputs = outputs, .top_k = TOP, .weighted = weighted};
            struct evaluator *e = evaluator_new(&config, &err);
            assert_non_null(e);
            for (size_t i = ROWS; i-- > 0;)
                assert_ok(evaluator_add(e, (unsigned)(i % 3),
                                        &(struct eval_rows){.n = 1, .logits = z + i * outputs, .labels = y + i, .weights = weighted ? w + i : NULL},
                                        &err),
                          &err);
            assert_ok(evaluator_finish(e, &other, &err), &err);
            json_t *a = evaluation_json(&one, "test", NULL, &err), *b = evaluation_json(&other, "test", NULL, &err);
            assert_true(a && b && json_equal(a, b));
            json_decref(a);
            json_decref(b);
            evaluator_free(e);
        }
}

static void undefined_says_why(void **state)
{
    (void)state;
    draw(&loss_squared, 1);
    struct evaluation e = judge(&loss_squared, 0, false, 0);
    assert_string_equal(evaluation_measure(&e, "rmse")->reason, "no rows");
    z[3] = NAN;
    e = judge(&loss_squared, ROWS, false, 0);
    assert_true(isnan(scores_value(&e, "rmse")) && strstr(evaluation_measure(&e, "rmse")->reason, "1 of 500 scores are not finite or beyond +-1e30"));
    draw(&loss_squared, 1);
    for (size_t i = 0; i < ROWS; i++) y[i] = 3;
    e = judge(&loss_squared, ROWS, false, 0);
    assert_string_equal(evaluation_measure(&e, "r2")->reason, "all labels are equal");
    draw(&loss_poisson, 1);
    for (size_t i = 0; i < ROWS; i++) y[i] = 0;
    e = judge(&loss_poisson, ROWS, false, 0);
    assert_string_equal(evaluation_measure(&e, "calibration")->reason, "all 500 labels are 0");
    assert_true(isfinite(scores_value(&e, "deviance")));
    draw(&loss_softmax, 1);
    e = judge(&loss_softmax, ROWS, false, ROWS * CLASSES - 1);
    assert_true(strstr(evaluation_measure(&e, "macro_auc")->reason, "more scores (rows x classes) than evaluate.exact_rows_max"));
    assert_true(isfinite(scores_value(&e, "logloss")) && isnan(e.classes[0].auc));
    for (size_t i = 0; i < ROWS; i++) y[i] = 1;
    e = judge(&loss_softmax, ROWS, false, 0);
    assert_string_equal(evaluation_measure(&e, "macro_auc")->reason, "all rows are of one class");
}

static void labels_outside_are_refused(void **state)
{
    struct error err = {0};
    const struct evaluator_config config = {.lanes = 1, .loss = &loss_softmax, .outputs = CLASSES};
    struct evaluator *e = evaluator_new(&config, &err);
    const float bad[] = {-1, 0.5f, CLASSES, NAN};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err = (struct error){0};
        assert_int_equal(evaluator_add(e, 0, &(struct eval_rows){.n = 1, .logits = z, .labels = &bad[i]}, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "it must be a class");
    }
    evaluator_free(e);
    assert_null(evaluator_new(&(struct evaluator_config){.lanes = 1, .loss = &loss_squared, .bootstrap = {.replicates = 20}}, &err));
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(groups_are_declined_in_words), cmocka_unit_test(numbers_by_definition),
                                          cmocka_unit_test(classes_by_definition),        cmocka_unit_test(order_and_lanes_leave_no_trace),
                                          cmocka_unit_test(undefined_says_why),           cmocka_unit_test(labels_outside_are_refused)};
TEST_MAIN(tests)

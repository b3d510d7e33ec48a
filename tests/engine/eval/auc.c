/* AUC against all pairs, against what it must not change under, and DeLong's interval against repeated sampling. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "lib/scores.h"

enum { ROWS = 400 };
static float logits[ROWS], labels[ROWS];

static double pair_share(float a, float b) { return a > b ? 1 : a == b ? 0.5 : 0; }

static double auc_by_pairs(size_t n)
{
    double won = 0, pairs = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t j = 0; j < n; j++)
            if (labels[i] == 1 && labels[j] == 0) won += pair_share(logits[i], logits[j]), pairs++;
    return won / pairs;
}

/* DeLong's variance straight from its definition. */
static double delong_by_pairs(size_t n, double auc)
{
    double squares[2] = {0}, counts[2] = {0};
    for (size_t i = 0; i < n; i++) {
        double share = 0, others = 0;
        for (size_t j = 0; j < n; j++) {
            if (labels[j] == labels[i]) continue;
            share += labels[i] == 1 ? pair_share(logits[i], logits[j]) : pair_share(logits[j], logits[i]);
            others++;
        }
        int y = labels[i] == 1;
        squares[y] += pow(share / others - auc, 2);
        counts[y]++;
    }
    return sqrt(squares[1] / (counts[1] - 1) / counts[1] + squares[0] / (counts[0] - 1) / counts[0]);
}

static void auc_equals_all_pairs(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 200; set++) {
        struct rng rng = rng_at(20261124, RNG_TEST, 1, set);
        size_t n = 4 + rng_below(&rng, 120);
        scores_draw(&rng, logits, labels, n, 0, 1.5, 1 + set % 4); /* 1 to 4 levels a unit: nearly all rows are tied */
        labels[0] = labels[1] = 0, labels[2] = labels[3] = 1;
        struct evaluation e = scores_judge(logits, labels, n, 0);
        double want = auc_by_pairs(n);
        assert_close(scores_value(&e, "auc"), want, 1e-14, 0);
        assert_close(scores_se(&e, "auc"), delong_by_pairs(n, want), 1e-12, 1e-15);
        assert_true(e.exact_ranks);
    }
}

static void auc_of_ties_is_half(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) logits[i] = 0.25f, labels[i] = i % 3 == 0;
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_true(scores_value(&e, "auc") == 0.5);
    assert_true(scores_se(&e, "auc") == 0);
}

static void auc_of_zero_and_minus_zero_ties(void **state)
{
    (void)state;
    float z[4] = {0.0f, -0.0f, 0.0f, -0.0f}, y[4] = {1, 0, 0, 0};
    struct evaluation e = scores_judge(z, y, 4, 0);
    assert_true(scores_value(&e, "auc") == 0.5);
}

static void auc_of_perfect_and_reversed_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) logits[i] = (float)i - 150, labels[i] = i >= 100;
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_true(scores_value(&e, "auc") == 1);
    for (size_t i = 0; i < ROWS; i++) logits[i] = -logits[i];
    e = scores_judge(logits, labels, ROWS, 0);
    assert_true(scores_value(&e, "auc") == 0);
}

/* Any rising function of the scores leaves AUC's bits alone; a falling one turns it around. */
static void auc_sees_order_only(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 50; set++) {
        struct rng rng = rng_at(7, RNG_TEST, 2, set);
        scores_draw(&rng, logits, labels, ROWS, -1, 1, 8);
        struct evaluation before = scores_judge(logits, labels, ROWS, 0);
        for (size_t i = 0; i < ROWS; i++) logits[i] = expf(logits[i]) * 1000 - 300;
        struct evaluation rising = scores_judge(logits, labels, ROWS, 0);
        for (size_t i = 0; i < ROWS; i++) logits[i] = -logits[i];
        struct evaluation falling = scores_judge(logits, labels, ROWS, 0);
        assert_true(scores_value(&rising, "auc") == scores_value(&before, "auc"));
        assert_close(scores_value(&falling, "auc"), 1 - scores_value(&before, "auc"), 0, 1e-15);
        assert_true(scores_se(&rising, "auc") == scores_se(&before, "auc"));
    }
}

/* Two normals d apart have AUC = Phi(d / sqrt 2): how often does the 95 % interval hold it? */
static void auc_interval_covers(void **state)
{
    (void)state;
    const double d = 1, truth = 0.5 * erfc(-d / 2); /* Phi(x) = erfc(-x / sqrt 2) / 2, x = d / sqrt 2 */
    unsigned held = 0, sets = 2000;
    for (unsigned set = 0; set < sets; set++) {
        struct rng rng = rng_at(11, RNG_TEST, 3, set);
        for (size_t i = 0; i < ROWS; i++) {
            labels[i] = i % 4 == 0;
            logits[i] = (float)(rng_normal(&rng) + d * labels[i]);
        }
        struct evaluation e = scores_judge(logits, labels, ROWS, 0);
        const struct measure *m = evaluation_measure(&e, "auc");
        held += m->low <= truth && truth <= m->high;
    }
    assert_close(held / (double)sets, 0.95, 0, 0.02);
}

static void auc_of_one_row_a_class_has_no_error(void **state)
{
    (void)state;
    float z[2] = {1, 2}, y[2] = {0, 1};
    struct evaluation e = scores_judge(z, y, 2, 0);
    assert_true(scores_value(&e, "auc") == 1);
    assert_true(isnan(scores_se(&e, "auc")));
    assert_non_null(strstr(evaluation_measure(&e, "auc")->reason, "at least 2"));
}

/* The histogram's value lies within its own bound, and the bound is small. */
static void auc_histogram_keeps_its_bound(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 50; set++) {
        struct rng rng = rng_at(13, RNG_TEST, 4, set);
        scores_draw(&rng, logits, labels, ROWS, -1, 1, 0);
        if (set % 2)
            for (size_t i = 0; i < ROWS; i++) logits[i] *= 1e-4f; /* crowded: a few dozen rows a bin */
        if (set % 5 == 0)
            for (size_t i = 0; i < ROWS; i++) logits[i] *= 40; /* beyond the bins' range at both ends */
        struct evaluation exact = scores_judge(logits, labels, ROWS, ROWS), binned = scores_judge(logits, labels, ROWS, ROWS - 1);
        const struct measure *m = evaluation_measure(&binned, "auc");
        assert_true(exact.exact_ranks && !binned.exact_ranks);
        assert_true(evaluation_measure(&exact, "auc")->error_bound == 0);
        assert_true(fabs(m->value - scores_value(&exact, "auc")) <= m->error_bound + 1e-15);
        assert_true(set % 2 == 0 || m->error_bound > 0);
        if (set % 2 == 0 && set % 5) assert_true(m->error_bound < 1e-4);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(auc_equals_all_pairs),
    cmocka_unit_test(auc_of_ties_is_half),
    cmocka_unit_test(auc_of_zero_and_minus_zero_ties),
    cmocka_unit_test(auc_of_perfect_and_reversed_order),
    cmocka_unit_test(auc_sees_order_only),
    cmocka_unit_test(auc_interval_covers),
    cmocka_unit_test(auc_of_one_row_a_class_has_no_error),
    cmocka_unit_test(auc_histogram_keeps_its_bound),
};
TEST_MAIN(tests)

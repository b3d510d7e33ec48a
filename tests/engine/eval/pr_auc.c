/* Average precision: by hand, against its definition with ties whole, and within its bound from a histogram. */
#include "lib/test.h"

#include <math.h>

#include "lib/scores.h"

enum { ROWS = 300 };
static float logits[ROWS], labels[ROWS];

static double precision_at(size_t n, float score)
{
    double hits = 0, rows = 0;
    for (size_t i = 0; i < n; i++)
        if (logits[i] >= score) hits += labels[i], rows++;
    return hits / rows;
}

static void equals_definition(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 100; set++) {
        struct rng rng = rng_at(41, RNG_TEST, 1, set);
        size_t n = 2 + rng_below(&rng, ROWS - 2);
        scores_draw(&rng, logits, labels, n, -1, 1.5, set % 3);
        labels[0] = 1;
        double sum = 0, positives = 0;
        for (size_t i = 0; i < n; i++)
            if (labels[i] == 1) sum += precision_at(n, logits[i]), positives++;
        struct evaluation e = scores_judge(logits, labels, n, 0);
        assert_close(scores_value(&e, "pr_auc"), sum / positives, 1e-13, 0);
    }
}

static void by_hand(void **state)
{
    (void)state;
    float z[5] = {4, 3, 3, 2, 1}, y[5] = {1, 1, 0, 0, 1};
    struct evaluation e = scores_judge(z, y, 5, 0); /* 1/1, then the tie 2/3, then 3/5 */
    assert_close(scores_value(&e, "pr_auc"), (1 + 2.0 / 3 + 3.0 / 5) / 3, 1e-15, 0);
}

static void of_ties_is_base_rate(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) logits[i] = 1, labels[i] = i % 5 == 0;
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_close(scores_value(&e, "pr_auc"), 0.2, 1e-15, 0);
    assert_close(scores_se(&e, "pr_auc"), sqrt(0.2 * 0.8 / (ROWS - 1)), 1e-12, 0); /* a mean of labels */
}

static void histogram_keeps_its_bound(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 50; set++) {
        struct rng rng = rng_at(43, RNG_TEST, 2, set);
        scores_draw(&rng, logits, labels, ROWS, -1, 1, 0);
        for (size_t i = 0; i < ROWS && set % 2; i++) logits[i] *= 1e-4f;
        struct evaluation exact = scores_judge(logits, labels, ROWS, ROWS), binned = scores_judge(logits, labels, ROWS, 1);
        const struct measure *m = evaluation_measure(&binned, "pr_auc");
        assert_true(fabs(m->value - scores_value(&exact, "pr_auc")) <= m->error_bound + 1e-15);
        assert_true(set % 2 == 0 || (m->error_bound > 0 && m->value != scores_value(&exact, "pr_auc")));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(equals_definition),
    cmocka_unit_test(by_hand),
    cmocka_unit_test(of_ties_is_base_rate),
    cmocka_unit_test(histogram_keeps_its_bound),
};
TEST_MAIN(tests)

/* Deciles: sizes, ties that stay together, and sums that are those of the rows. (ECE against another program's: metrics.c.) */
#include "lib/test.h"

#include <math.h>

#include "lib/scores.h"

enum { ROWS = 1000 };
static float logits[ROWS], labels[ROWS], weights[ROWS];

static void deciles_cut_the_rows_in_tenths(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) logits[i] = (float)((i * 619) % ROWS) / 100 - 5, labels[i] = i % 3 == 0;
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_int_equal(e.decile_count, DECILES);
    for (unsigned d = 0; d < DECILES; d++) {
        double prediction = 0, clicks = 0;
        for (size_t i = 0; i < ROWS; i++) {
            if ((unsigned)(((i * 619) % ROWS) / (ROWS / DECILES)) != d) continue;
            prediction += 1 / (1 + exp(-(double)logits[i])) / (ROWS / DECILES), clicks += (double)labels[i] / (ROWS / DECILES);
        }
        assert_int_equal(e.deciles[d].rows, ROWS / DECILES);
        assert_close(e.deciles[d].prediction, prediction, 1e-12, 0);
        assert_close(e.deciles[d].clicks, clicks, 1e-12, 0);
    }
}

static void ties_stay_together(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) logits[i] = i < 650 ? 0 : i < 900 ? 1 : 2, labels[i] = i % 2 == 0;
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_int_equal(e.decile_count, 3);
    const uint64_t rows[] = {650, 250, 100};
    for (unsigned d = 0; d < 3; d++) {
        assert_int_equal(e.deciles[d].rows, rows[d]);
        assert_close(e.deciles[d].prediction, 1 / (1 + exp(-(double)d)), 1e-12, 0);
    }
}

static void weights_make_the_tenths(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) logits[i] = (float)i / 100 - 5, labels[i] = i % 2 == 0, weights[i] = i < 500 ? 1 : 4;
    struct evaluation e = scores_judge_rows(&(struct evaluator_config){.lanes = 1, .weighted = true},
                                            &(struct eval_rows){.n = ROWS, .logits = logits, .labels = labels, .weights = weights});
    assert_int_equal(e.decile_count, DECILES);
    for (unsigned d = 0; d < DECILES; d++) {
        assert_close(e.deciles[d].weight, 250, 0.02, 0);
        assert_close((double)e.deciles[d].rows, d < 2 ? 250 : 62.5, 0.03, 0);
    }
}

/* ECE of the histogram is within its own bound of the exact one. */
static void binned_error_keeps_its_bound(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 30; set++) {
        struct rng rng = rng_at(3, RNG_TEST, 1, set);
        scores_draw(&rng, logits, labels, ROWS, -1, set % 3 ? 1 : 1e-4, set % 2 ? 0 : 10000);
        struct evaluation exact = scores_judge(logits, labels, ROWS, 0), binned = scores_judge(logits, labels, ROWS, 1);
        const struct measure *a = evaluation_measure(&exact, "ece"), *b = evaluation_measure(&binned, "ece");
        assert_true(fabs(a->value - b->value) <= b->error_bound && a->error_bound == 0);
        if (set % 3) assert_true(b->error_bound < 0.1);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(deciles_cut_the_rows_in_tenths),
    cmocka_unit_test(ties_stay_together),
    cmocka_unit_test(weights_make_the_tenths),
    cmocka_unit_test(binned_error_keeps_its_bound),
};
TEST_MAIN(tests)

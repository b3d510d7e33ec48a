/* Logloss and its standard error against sums in plain double, and the row's loss where exp overflows or log meets 0. */
#include "lib/test.h"

#include <math.h>

#include "engine/core/logistic.h"
#include "lib/scores.h"

static void of_one_row(void **state)
{
    (void)state;
    assert_close(logistic_loss_row(0, 1), log(2), 1e-15, 0);
    assert_close(logistic_loss_row(2, 0), log(1 + exp(2)), 1e-15, 0);
    assert_close(logistic_loss_row(2, 1), log(1 + exp(-2)), 1e-15, 0);
    assert_close(logistic_loss_row(1000, 0), 1000, 1e-15, 0); /* exp(1000) overflows */
    assert_close(logistic_loss_row(-1000, 1), 1000, 1e-15, 0);
    assert_close(logistic_loss_row(1000, 1), 0, 0, 1e-300);
    assert_close(logistic_loss_row(40, 1), exp(-40), 1e-12, 0); /* log(1 - 4e-18) is not 0 */
}

static void mean_and_error(void **state)
{
    (void)state;
    enum { ROWS = 5000 };
    static float logits[ROWS], labels[ROWS];
    struct rng rng = rng_at(47, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -1, 2, 0);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < ROWS; i++) sum += logistic_loss_row(logits[i], labels[i]);
    for (size_t i = 0; i < ROWS; i++) squares += pow(logistic_loss_row(logits[i], labels[i]) - sum / ROWS, 2);
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    const struct measure *m = evaluation_measure(&e, "logloss");
    assert_close(m->value, sum / ROWS, 1e-12, 0);
    assert_close(m->se, sqrt(squares / (ROWS - 1) / ROWS), 1e-9, 0);
    assert_close(m->high - m->low, 2 * 1.959963984540054 * m->se, 1e-12, 0);
    assert_close((m->high + m->low) / 2, m->value, 1e-12, 0);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(of_one_row), cmocka_unit_test(mean_and_error)};
TEST_MAIN(tests)

/* Calibration: predicted over true clicks, 2 when every prediction is double, with the error of a ratio. */
#include "lib/test.h"

#include <math.h>

#include "lib/scores.h"

enum { ROWS = 4000 };
static float logits[ROWS], labels[ROWS];

static void counts_clicks(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) labels[i] = i % 10 == 0, logits[i] = (float)log(0.2 / 0.8);
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_close(scores_value(&e, "calibration"), 2, 1e-7, 0);
}

static void error_equals_row_by_row(void **state)
{
    (void)state;
    struct rng rng = rng_at(59, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -2, 1, 0);
    double predicted = 0, clicks = 0, squares = 0;
    for (size_t i = 0; i < ROWS; i++) predicted += 1 / (1 + exp(-(double)logits[i])), clicks += labels[i];
    for (size_t i = 0; i < ROWS; i++) squares += pow(1 / (1 + exp(-(double)logits[i])) - predicted / clicks * labels[i], 2);
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_close(scores_value(&e, "calibration"), predicted / clicks, 1e-12, 0);
    assert_close(scores_se(&e, "calibration"), sqrt(squares * ROWS / (ROWS - 1)) / clicks, 1e-8, 0);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(counts_clicks), cmocka_unit_test(error_equals_row_by_row)};
TEST_MAIN(tests)

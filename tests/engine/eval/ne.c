/* Normalised entropy: 1 for the constant base rate, and the error of the delta method against its row-by-row form. */
#include "lib/test.h"

#include <math.h>

#include "engine/core/logistic.h"
#include "lib/scores.h"

enum { ROWS = 4000 };
static float logits[ROWS], labels[ROWS];

static void of_base_rate_is_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) labels[i] = i % 10 == 0, logits[i] = (float)log(0.1 / 0.9);
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_close(scores_value(&e, "ne"), 1, 1e-7, 0); /* the logit is a float */
    assert_close(scores_se(&e, "ne"), 0, 0, 1e-6);    /* it moves with the base rate */
}

static void error_equals_row_by_row(void **state)
{
    (void)state;
    struct rng rng = rng_at(53, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -2, 1, 0);
    double loss = 0, q = 0, squares = 0;
    for (size_t i = 0; i < ROWS; i++) loss += logistic_loss_row(logits[i], labels[i]) / ROWS, q += (double)labels[i] / ROWS;
    double entropy = -q * log(q) - (1 - q) * log(1 - q);
    for (size_t i = 0; i < ROWS; i++) {
        double moved = (logistic_loss_row(logits[i], labels[i]) - loss) / entropy - loss * log((1 - q) / q) / (entropy * entropy) * (labels[i] - q);
        squares += moved * moved;
    }
    struct evaluation e = scores_judge(logits, labels, ROWS, 0);
    assert_close(scores_value(&e, "ne"), loss / entropy, 1e-12, 0);
    assert_close(scores_se(&e, "ne"), sqrt(squares / (ROWS - 1) / ROWS), 1e-8, 0);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(of_base_rate_is_one), cmocka_unit_test(error_equals_row_by_row)};
TEST_MAIN(tests)

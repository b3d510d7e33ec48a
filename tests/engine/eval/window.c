/* The progressive window: near the exact AUC, mergeable in any order, safe with any float. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "lib/scores.h"

enum { ROWS = 50000 };
static float logits[ROWS], labels[ROWS];
static struct auc_window whole, parts[3], merged;

static void near_exact(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 5; set++) {
        struct rng rng = rng_at(61, RNG_TEST, 1, set);
        scores_draw(&rng, logits, labels, ROWS, -1.0 - set, 1.2, 0);
        auc_window_clear(&whole);
        auc_window_add(&whole, logits, labels, NULL, ROWS);
        struct evaluation exact = scores_judge(logits, labels, ROWS, 0);
        assert_close(auc_window_value(&whole), scores_value(&exact, "auc"), 0, 2e-5);
    }
}

static void merges_to_the_whole(void **state)
{
    (void)state;
    struct rng rng = rng_at(67, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -1, 1.2, 0);
    auc_window_clear(&whole);
    auc_window_add(&whole, logits, labels, NULL, ROWS);
    for (size_t i = 0, at = 0; i < 3; i++) {
        size_t n = i == 2 ? ROWS - at : 1000 + 7777 * i;
        auc_window_clear(&parts[i]);
        auc_window_add(&parts[i], logits + at, labels + at, NULL, n);
        at += n;
    }
    for (unsigned order = 0; order < 3; order++) {
        auc_window_clear(&merged);
        for (unsigned i = 0; i < 3; i++) auc_window_merge(&merged, &parts[(order + i) % 3]);
        assert_memory_equal(&merged, &whole, sizeof whole);
    }
}

/* A row of weight 3 is three rows, one of weight 0 is none; odd weights are counted as the nearest that there is. */
static void weights_stand_for_rows(void **state)
{
    (void)state;
    enum { FEW = 4000 };
    static float weights[FEW], z[3 * FEW], y[3 * FEW];
    struct rng rng = rng_at(71, RNG_TEST, 1, 0);
    size_t n = 0;
    scores_draw(&rng, logits, labels, FEW, -1, 1.2, 0);
    for (size_t i = 0; i < FEW; i++) {
        weights[i] = (float)rng_below(&rng, 4);
        for (float k = 0; k < weights[i]; k++) z[n] = logits[i], y[n++] = labels[i];
    }
    auc_window_clear(&whole);
    auc_window_add(&whole, z, y, NULL, n);
    auc_window_clear(&merged);
    auc_window_add(&merged, logits, labels, weights, FEW);
    assert_close(auc_window_value(&merged), auc_window_value(&whole), 1e-12, 0);
    float odd[4] = {NAN, -1, 1e30f, 0x1p-20f}, scores[4] = {-1, -1, 0, 0}, clicks[4] = {0, 0, 0, 1};
    auc_window_clear(&merged);
    auc_window_add(&merged, scores, clicks, odd, 4);
    assert_close(auc_window_value(&merged), 0.5, 1e-12, 0);
}

static void odd_logits_and_one_class(void **state)
{
    (void)state;
    float z[8] = {NAN, -INFINITY, -1e30f, -16, 15.9999f, 16, 1e30f, INFINITY}, y[8] = {0, 0, 0, 0, 1, 1, 1, 1};
    auc_window_clear(&whole);
    assert_true(isnan(auc_window_value(&whole)));
    auc_window_add(&whole, z, y, NULL, 4);
    assert_true(isnan(auc_window_value(&whole))); /* clicks are missing */
    auc_window_add(&whole, z + 4, y + 4, NULL, 4);
    assert_true(auc_window_value(&whole) == 1);
    assert_int_equal(whole.counts[0][0], 4);
    assert_int_equal(whole.counts[AUC_WINDOW_BINS - 1][1], 4);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(near_exact),
    cmocka_unit_test(merges_to_the_whole),
    cmocka_unit_test(weights_stand_for_rows),
    cmocka_unit_test(odd_logits_and_one_class),
};
TEST_MAIN(tests)

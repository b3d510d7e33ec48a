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
        auc_window_add(&whole, logits, labels, ROWS);
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
    auc_window_add(&whole, logits, labels, ROWS);
    for (size_t i = 0, at = 0; i < 3; i++) {
        size_t n = i == 2 ? ROWS - at : 1000 + 7777 * i;
        auc_window_clear(&parts[i]);
        auc_window_add(&parts[i], logits + at, labels + at, n);
        at += n;
    }
    for (unsigned order = 0; order < 3; order++) {
        auc_window_clear(&merged);
        for (unsigned i = 0; i < 3; i++) auc_window_merge(&merged, &parts[(order + i) % 3]);
        assert_memory_equal(&merged, &whole, sizeof whole);
    }
}

static void odd_logits_and_one_class(void **state)
{
    (void)state;
    float z[8] = {NAN, -INFINITY, -1e30f, -16, 15.9999f, 16, 1e30f, INFINITY}, y[8] = {0, 0, 0, 0, 1, 1, 1, 1};
    auc_window_clear(&whole);
    assert_true(isnan(auc_window_value(&whole)));
    auc_window_add(&whole, z, y, 4);
    assert_true(isnan(auc_window_value(&whole))); /* clicks are missing */
    auc_window_add(&whole, z + 4, y + 4, 4);
    assert_true(auc_window_value(&whole) == 1);
    assert_int_equal(whole.counts[0][0], 4);
    assert_int_equal(whole.counts[AUC_WINDOW_BINS - 1][1], 4);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(near_exact),
    cmocka_unit_test(merges_to_the_whole),
    cmocka_unit_test(odd_logits_and_one_class),
};
TEST_MAIN(tests)

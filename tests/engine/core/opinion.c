#include "engine/core/opinion.h"

#include <math.h>

#include "base/rng.h"
#include "lib/test.h"

static void mean_of_probabilities(void **state)
{
    (void)state;
    struct rng rng = rng_at(2, RNG_TEST, 0, 0);
    for (int i = 0; i < 1000; i++) {
        struct opinion o = {0};
        double mean = 0;
        int models = 1 + (int)rng_below(&rng, 7);
        for (int m = 0; m < models; m++) {
            float z = (float)(rng_unit(&rng) * 16 - 8);
            opinion_add(&o, z);
            mean += 1 / (1 + exp(-(double)z)) / models;
        }
        assert_close(1 / (1 + exp(-(double)opinion_logit(&o))), mean, 1e-5, 0);
    }
}

/* Where a probability rounds to 0 or 1 its logit is not lost; mirrored logits give mirrored results. */
static void tails_are_kept(void **state)
{
    (void)state;
    static const float z[] = {50, 100, 600};
    for (int i = 0; i < 3; i++) {
        struct opinion up = {0}, down = {0}, both = {0};
        opinion_add(&up, z[i]), opinion_add(&up, z[i]);
        opinion_add(&down, -z[i]), opinion_add(&down, -z[i]);
        assert_close(opinion_logit(&up), z[i], 1e-6, 0);
        assert_close(opinion_logit(&down), -z[i], 1e-6, 0);
        opinion_add(&both, z[i]), opinion_add(&both, -z[i]);
        assert_close(opinion_logit(&both), 0, 0, 1e-6);
    }
    struct opinion far = {0};
    opinion_add(&far, 3e38f);
    assert_true(isfinite(opinion_logit(&far)));
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(mean_of_probabilities), cmocka_unit_test(tails_are_kept)};
TEST_MAIN(tests)

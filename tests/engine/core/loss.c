/* Every loss in losses[]: its gradient against central differences of its own judgement in double, and what it says of sums, predictions and pools.
 */
#include "lib/test.h"

#include <math.h>

#include "base/rng.h"
#include "engine/core/loss.h"

enum { ROWS = 37, CLASSES = 3 };

static size_t outputs_of(const struct loss *loss) { return loss->labels == LABELS_CLASS ? CLASSES : 1; }

/* A label that the loss may have. */
static float label_draw(const struct loss *loss, struct rng *rng)
{
    switch (loss->labels) {
    case LABELS_BINARY: return (float)(rng_u32(rng) & 1);
    case LABELS_REAL: return (float)(20 * rng_unit(rng) - 10);
    case LABELS_COUNT: return (float)rng_below(rng, 6);
    case LABELS_CLASS: return (float)rng_below(rng, CLASSES);
    case LABEL_RANGES: break;
    }
    return 0;
}

struct drawn {
    float z[ROWS * CLASSES], y[ROWS], w[ROWS];
};

static void draw(const struct loss *loss, uint64_t seed, float scale, struct drawn *d)
{
    struct rng rng = rng_at(seed, RNG_TEST, 0, 0);
    for (size_t i = 0; i < ROWS * CLASSES; i++) d->z[i] = scale * (float)(2 * rng_unit(&rng) - 1);
    for (size_t i = 0; i < ROWS; i++) d->y[i] = label_draw(loss, &rng), d->w[i] = (float)(rng_unit(&rng) + 0.1);
}

/* dL/dz of a row by differences that float outputs allow: the step is what the two floats are apart. */
static double slope(const struct loss *loss, const float *z, float y, size_t outputs, size_t at)
{
    float low[CLASSES], high[CLASSES];
    for (size_t c = 0; c < outputs; c++) low[c] = high[c] = z[c];
    float h = 1e-2f * fmaxf(1, fabsf(z[at]) / 8);
    low[at] -= h, high[at] += h;
    return (loss->row(high, y, outputs) - loss->row(low, y, outputs)) / ((double)high[at] - (double)low[at]);
}

static void gradients_are_the_slopes(void **state)
{
    static struct drawn d;
    (void)state;
    for (size_t l = 1; losses[l]; l++)
        for (uint64_t seed = 0; seed < 20; seed++) {
            size_t outputs = outputs_of(losses[l]);
            float delta[ROWS * CLASSES];
            draw(losses[l], seed, seed < 15 ? 3 : 12, &d);
            losses[l]->delta(d.z, d.y, delta, ROWS, outputs);
            for (size_t i = 0; i < ROWS * outputs; i++) {
                size_t r = i / outputs;
                assert_close(delta[i], slope(losses[l], d.z + r * outputs, d.y[r], outputs, i % outputs), 1e-3, 2e-5);
            }
        }
}

static void sums_are_those_of_the_rows(void **state)
{
    static struct drawn d;
    (void)state;
    for (size_t l = 1; losses[l]; l++)
        for (size_t n = 0; n <= ROWS; n++) {
            size_t outputs = outputs_of(losses[l]);
            double plain = 0, weighted = 0;
            draw(losses[l], n, 5, &d);
            for (size_t r = 0; r < n; r++) {
                double one = losses[l]->row(d.z + r * outputs, d.y[r], outputs);
                assert_true(one >= 0); /* train.spike_factor compares with a mean */
                plain += one, weighted += (double)d.w[r] * one;
            }
            assert_close(losses[l]->sum(d.z, d.y, NULL, n, outputs), plain, 1e-6, 1e-5);
            assert_close(losses[l]->sum(d.z, d.y, d.w, n, outputs), weighted, 1e-6, 1e-5);
        }
}

static void what_is_not_finite_shows(void **state)
{
    static struct drawn d;
    const float odd[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (size_t l = 1; losses[l]; l++)
        for (size_t i = 0; i < 3; i++) {
            size_t outputs = outputs_of(losses[l]);
            draw(losses[l], 1, 1, &d);
            d.y[5] = losses[l]->labels == LABELS_CLASS ? 0 : 1;
            d.z[5 * outputs] = odd[i];
            assert_false(isfinite(losses[l]->sum(d.z, d.y, NULL, ROWS, outputs)));
        }
}

/* The least loss over z is where the prediction is the label's mean: there the gradients of the labels cancel. */
static void predictions_are_means(void **state)
{
    static struct drawn d;
    (void)state;
    for (size_t l = 1; losses[l]; l++)
        for (uint64_t seed = 0; seed < 5; seed++) {
            size_t outputs = outputs_of(losses[l]);
            float delta[CLASSES];
            double prediction[CLASSES];
            draw(losses[l], seed, 2, &d);
            losses[l]->delta(d.z, d.y, delta, 1, outputs);
            losses[l]->predict(d.z, prediction, outputs);
            for (size_t c = 0; c < outputs; c++) {
                double label = losses[l]->labels == LABELS_CLASS ? d.y[0] == (float)c : (double)d.y[0];
                assert_close(delta[c], prediction[c] - label, 1e-5, 1e-6);
            }
        }
}

static void pools_are_mean_predictions(void **state)
{
    static struct drawn d;
    enum { MODELS = 4 };
    (void)state;
    for (size_t l = 1; losses[l]; l++) {
        size_t outputs = outputs_of(losses[l]);
        struct opinion pools[CLASSES] = {{0}};
        double mean[CLASSES] = {0}, one[CLASSES];
        float z[CLASSES];
        draw(losses[l], 3, 3, &d);
        for (size_t m = 0; m < MODELS; m++) {
            losses[l]->pool(pools, d.z + m * outputs, outputs);
            losses[l]->predict(d.z + m * outputs, one, outputs);
            for (size_t c = 0; c < outputs; c++) mean[c] += one[c] / MODELS;
        }
        losses[l]->pooled(pools, z, outputs);
        losses[l]->predict(z, one, outputs);
        for (size_t c = 0; c < outputs; c++) assert_close(one[c], mean[c], 1e-6, 1e-7);
    }
}

/* Outputs far out have a finite loss, whose slope is what delta says. */
static void far_outputs_stay_finite(void **state)
{
    const float far[] = {31, 88, 100, -100, 1e4f};
    (void)state;
    for (size_t l = 1; losses[l]; l++)
        for (size_t i = 0; i < sizeof far / sizeof *far; i++) {
            size_t outputs = outputs_of(losses[l]);
            float z[CLASSES] = {far[i], 0, 1}, y = 1, delta[CLASSES];
            losses[l]->delta(z, &y, delta, 1, outputs);
            assert_true(isfinite(losses[l]->sum(z, &y, NULL, 1, outputs)) && isfinite(losses[l]->row(z, y, outputs)));
            assert_close(delta[0], slope(losses[l], z, y, outputs, 0), 1e-3, 2e-5);
        }
}

static void labels_outside_are_refused(void **state)
{
    const double odd[] = {NAN, INFINITY, -INFINITY, 1e39, -1e39};
    (void)state;
    for (int range = 0; range < LABEL_RANGES; range++) {
        const struct label_rule rule = {(enum label_range)range, range == LABELS_CLASS ? 3 : 0};
        for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) assert_non_null(label_refuse(&rule, odd[i]));
        assert_null(label_refuse(&rule, 0));
        assert_null(label_refuse(&rule, 1));
        assert_true((label_refuse(&rule, 2) == NULL) == (range != LABELS_BINARY));
        assert_true((label_refuse(&rule, 3) == NULL) == (range == LABELS_REAL || range == LABELS_COUNT));
        assert_true((label_refuse(&rule, 0.5) == NULL) == (range == LABELS_REAL || range == LABELS_COUNT));
        assert_true((label_refuse(&rule, -1) == NULL) == (range == LABELS_REAL));
    }
}

static void rules_have_names(void **state)
{
    static const char *const bad[] = {"", "reals", "class", "class:", "class:1", "class:257", "class:3x", "class:99999999999999999999", "auto"};
    struct label_rule rule;
    (void)state;
    for (int r = 0; r < LABELS_CLASS; r++) assert_true(label_rule_read(label_range_names[r], &rule) && (int)rule.range == r && rule.classes == 0);
    assert_true(label_rule_read("class:2", &rule) && rule.range == LABELS_CLASS && rule.classes == 2);
    assert_true(label_rule_read("class:256", &rule) && rule.classes == LABEL_CLASSES_MAX);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(label_rule_read(bad[i], &rule));
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_are_the_slopes),   cmocka_unit_test(sums_are_those_of_the_rows),
                                          cmocka_unit_test(what_is_not_finite_shows),   cmocka_unit_test(predictions_are_means),
                                          cmocka_unit_test(pools_are_mean_predictions), cmocka_unit_test(far_outputs_stay_finite),
                                          cmocka_unit_test(labels_outside_are_refused), cmocka_unit_test(rules_have_names)};
TEST_MAIN(tests)

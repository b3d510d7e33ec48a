/* The paired tests: against their definition by all pairs, against repeated sampling, and the histogram against the exact way. */
#include "engine/eval/paired.h"
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "lib/scores.h"

enum { ROWS = 600 };
static float a[ROWS], b[ROWS], labels[ROWS];

static struct paired_result compare(size_t n, uint64_t exact_rows_max, size_t chunk)
{
    struct error err = {0};
    struct paired_result out;
    struct paired *p = paired_new(exact_rows_max, &err);
    assert_ok(p ? 0 : -1, &err);
    for (int pass = 0; pass < 2; pass++) {
        for (size_t at = 0; at < n; at += chunk) assert_ok(paired_add(p, a + at, b + at, labels + at, n - at < chunk ? n - at : chunk, &err), &err);
        if (!paired_again(p)) break;
        assert_int_equal(pass, 0);
    }
    assert_ok(paired_finish(p, &out, &err), &err);
    paired_free(p);
    return out;
}

/* Two models that see the same truth through noise of their own, and share some of it. */
static void draw(struct rng *rng, size_t n, double noise_a, double noise_b, unsigned levels)
{
    for (size_t i = 0; i < n; i++) {
        double truth = -0.5 + 1.5 * rng_normal(rng), shared = 0.5 * rng_normal(rng);
        double za = truth + shared + noise_a * rng_normal(rng), zb = truth + shared + noise_b * rng_normal(rng);
        a[i] = (float)(levels ? floor(za * levels) / levels : za);
        b[i] = (float)(levels ? floor(zb * levels) / levels : zb);
        labels[i] = rng_unit(rng) < 1 / (1 + exp(-truth));
    }
}

static double share(float x, float y) { return x > y ? 1 : x == y ? 0.5 : 0; }

/* Placements by all pairs, then the sample variance of their differences. */
static double variance_by_pairs(size_t n)
{
    double sums[2] = {0}, squares[2] = {0}, counts[2] = {0};
    for (size_t i = 0; i < n; i++) {
        double va = 0, vb = 0, others = 0;
        int y = labels[i] == 1;
        for (size_t j = 0; j < n; j++) {
            if (labels[j] == labels[i]) continue;
            va += y ? share(a[i], a[j]) : share(a[j], a[i]);
            vb += y ? share(b[i], b[j]) : share(b[j], b[i]);
            others++;
        }
        double d = (vb - va) / others;
        sums[y] += d, squares[y] += d * d, counts[y]++;
    }
    double variance = 0;
    for (int y = 0; y < 2; y++) variance += (squares[y] - sums[y] * sums[y] / counts[y]) / (counts[y] - 1) / counts[y];
    return variance;
}

static void equals_its_definition(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 60; set++) {
        struct rng rng = rng_at(5, RNG_TEST, 1, set);
        size_t n = 10 + rng_below(&rng, 150);
        draw(&rng, n, 0.7, 0.3, set % 4);
        labels[0] = labels[1] = 0, labels[2] = labels[3] = 1;
        struct paired_result r = compare(n, 0, 7);
        struct evaluation ea = scores_judge(a, labels, n, 0), eb = scores_judge(b, labels, n, 0);
        assert_true(r.exact && r.error_bound == 0);
        assert_close(r.auc.a, scores_value(&ea, "auc"), 1e-12, 0);
        assert_close(r.auc.b, scores_value(&eb, "auc"), 1e-12, 0);
        assert_close(r.auc.a_se, scores_se(&ea, "auc"), 1e-9, 0);
        assert_close(r.auc.b_se, scores_se(&eb, "auc"), 1e-9, 0);
        assert_close(r.auc.se * r.auc.se, variance_by_pairs(n), 1e-9, 1e-16);
        assert_close(r.logloss.a, scores_value(&ea, "logloss"), 1e-12, 0);
        assert_close(r.logloss.b_se, scores_se(&eb, "logloss"), 1e-9, 0);
        assert_close(r.logloss.difference, scores_value(&eb, "logloss") - scores_value(&ea, "logloss"), 1e-9, 1e-15);
    }
}

/* Two models of equal worth: 95 of 100 intervals hold 0, and 5 of 100 tests are wrong. So with unequal ones and their true difference. */
static void intervals_cover(void **state)
{
    (void)state;
    enum { SETS = 2000 };
    for (int unequal = 0; unequal < 2; unequal++) {
        double truth[2] = {0, 0};
        struct rng rng;
        for (unsigned set = 0; unequal && set < 4000; set++) { /* the true differences, within a tenth of a set's error */
            rng = rng_at(7, RNG_TEST, 3, set);
            draw(&rng, ROWS, 1, 0.4, 0);
            struct paired_result r = compare(ROWS, 0, ROWS);
            truth[0] += r.auc.difference / 4000, truth[1] += r.logloss.difference / 4000;
        }
        unsigned held[2] = {0}, wrong = 0;
        for (unsigned set = 0; set < SETS; set++) {
            rng = rng_at(7, RNG_TEST, 2, set);
            draw(&rng, ROWS, 1, unequal ? 0.4 : 1, 0);
            struct paired_result r = compare(ROWS, 0, ROWS);
            held[0] += r.auc.low <= truth[0] && truth[0] <= r.auc.high;
            held[1] += r.logloss.low <= truth[1] && truth[1] <= r.logloss.high;
            wrong += r.auc.p_value < 0.05;
            assert_true(r.auc.se < 0.8 * sqrt(r.auc.a_se * r.auc.a_se + r.auc.b_se * r.auc.b_se)); /* why it is paired */
        }
        print_message("true differences %.5f and %.5f: held by %.2f %% and %.2f %%; p < .05 in %.2f %%\n", truth[0], truth[1], 100.0 * held[0] / SETS,
                      100.0 * held[1] / SETS, 100.0 * wrong / SETS);
        for (int i = 0; i < 2; i++) assert_close(held[i] / (double)SETS, 0.95, 0, 0.02);
        if (!unequal) assert_close(wrong / (double)SETS, 0.05, 0, 0.02);
        else assert_true(wrong > SETS / 2);
    }
}

static void histogram_is_near_exact(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 20; set++) {
        struct rng rng = rng_at(9, RNG_TEST, 1, set);
        draw(&rng, ROWS, 0.5, 0.51, 0);
        if (set % 3 == 0)
            for (size_t i = 0; i < ROWS; i++) a[i] *= 1e-2f, b[i] *= 4;
        struct paired_result exact = compare(ROWS, ROWS, 64), binned = compare(ROWS, set % 2 ? 1 : ROWS / 2, 64);
        assert_true(exact.exact && !binned.exact);
        assert_true(fabs(exact.auc.a - binned.auc.a) <= binned.error_bound + 1e-15);
        assert_true(fabs(exact.auc.b - binned.auc.b) <= binned.error_bound + 1e-15);
        assert_close(binned.auc.se, exact.auc.se, 1e-3, 0);
        assert_true(binned.logloss.difference == exact.logloss.difference && binned.logloss.se == exact.logloss.se);
    }
}

static void a_model_equals_itself(void **state)
{
    (void)state;
    struct rng rng = rng_at(11, RNG_TEST, 1, 0);
    draw(&rng, ROWS, 1, 1, 3);
    memcpy(b, a, sizeof b);
    for (int binned = 0; binned < 2; binned++) {
        struct paired_result r = compare(ROWS, binned ? 1 : 0, 100);
        assert_true(r.auc.difference == 0 && r.auc.se == 0 && r.auc.p_value == 1);
        assert_true(r.logloss.difference == 0 && r.logloss.se == 0 && r.logloss.p_value == 1);
        assert_string_equal(r.auc.reason, "");
    }
    for (size_t i = 0; i < ROWS; i++) b[i] = 2 * a[i]; /* the same order, other losses */
    struct paired_result r = compare(ROWS, 0, 100);
    assert_true(r.auc.difference == 0 && r.auc.se == 0 && r.logloss.difference != 0);
}

static void nothing_to_say_has_a_reason(void **state)
{
    (void)state;
    struct paired_result r = compare(0, 0, 1);
    assert_true(isnan(r.auc.difference) && isnan(r.logloss.a));
    assert_string_equal(r.auc.reason, "no rows");
    for (size_t i = 0; i < 4; i++) a[i] = b[i] = (float)i, labels[i] = 0;
    b[0] = 3;
    for (int binned = 0; binned < 2; binned++) {
        r = compare(4, binned, 2);
        assert_string_equal(r.auc.reason, "all 4 labels are 0");
        assert_true(isnan(r.auc.se) && r.logloss.difference > 0);
    }
    labels[0] = 1;
    r = compare(4, 0, 2);
    assert_non_null(strstr(r.auc.reason, "2 of each class"));
    assert_true(isfinite(r.auc.difference) && isnan(r.auc.p_value));
    for (int binned = 0; binned < 2; binned++) {
        a[1] = NAN, b[2] = INFINITY, b[3] = -2e9f;
        r = compare(4, binned, 2);
        assert_string_equal(r.logloss.reason, "1 scores of a and 2 of b are not finite or beyond +-1e9");
        assert_true(isnan(r.auc.a) && isnan(r.logloss.difference));
    }
}

static void misuse_is_refused(void **state)
{
    (void)state;
    struct error err = {0};
    struct paired_result r;
    struct rng rng = rng_at(13, RNG_TEST, 1, 0);
    draw(&rng, ROWS, 1, 1, 0);
    struct paired *p = paired_new(10, &err);
    labels[5] = 2;
    assert_int_equal(paired_add(p, a, b, labels, 10, &err), -ERROR_DATA);
    error_clear(&err);
    labels[5] = 1;
    assert_ok(paired_add(p, a, b, labels, 100, &err), &err);
    assert_true(paired_again(p) && !paired_again(p));
    assert_ok(paired_add(p, a, b, labels, 60, &err), &err);
    assert_int_equal(paired_finish(p, &r, &err), -ERROR_USAGE);
    assert_error(&err, ERROR_USAGE, "60 of 100 rows");
    error_clear(&err);
    assert_int_equal(paired_add(p, a, b, labels, 41, &err), -ERROR_USAGE);
    error_clear(&err);
    assert_ok(paired_add(p, a + 60, b + 60, labels + 60, 40, &err), &err);
    assert_ok(paired_finish(p, &r, &err), &err);
    paired_free(p);
    paired_free(NULL);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct rng rng = rng_at(15, RNG_TEST, 1, 0);
    draw(&rng, ROWS, 1, 1, 0);
    for (int binned = 0; binned < 2; binned++) {
        bool fired = true;
        unsigned k;
        for (k = 1; fired && k < 50; k++) {
            struct error err = {0};
            struct paired_result r;
            mem_fail_after(k);
            struct paired *p = paired_new(binned ? 100 : ROWS, &err);
            int rc = p ? paired_add(p, a, b, labels, 50, &err) : -1;
            if (rc == 0) rc = paired_add(p, a + 50, b + 50, labels + 50, ROWS - 50, &err);
            if (rc == 0 && paired_again(p)) rc = paired_add(p, a, b, labels, ROWS, &err);
            if (rc == 0) rc = paired_finish(p, &r, &err);
            fired = mem_fail_after(0);
            assert_true(fired == (rc < 0));
            paired_free(p);
        }
        assert_true(!fired && k > 6);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(equals_its_definition),       cmocka_unit_test(intervals_cover),
    cmocka_unit_test(histogram_is_near_exact),     cmocka_unit_test(a_model_equals_itself),
    cmocka_unit_test(nothing_to_say_has_a_reason), cmocka_unit_test(misuse_is_refused),
    cmocka_unit_test(every_allocation_may_fail),
};
TEST_MAIN(tests)

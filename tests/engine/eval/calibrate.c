/* test: threads */
/* Fitted calibration: against scikit-learn's, against the truth that made the labels, and what a map may never do. */
#include "engine/eval/calibrate.h"
#include "lib/test.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "lib/scores.h"

enum { ROWS = 100000, FIXTURE_ROWS_MAX = 4096 };
static float logits[ROWS], labels[ROWS], moved[ROWS];

static double sigmoid(double z) { return 1 / (1 + exp(-z)); }

static struct calibration fitted(const char *kind, const float *z, const float *y, const float *w, size_t n)
{
    struct error err = {0};
    struct calibration out;
    struct calibrate_counts *counts = calibrate_counts_new(&err);
    assert_ok(counts ? 0 : -1, &err);
    calibration_init(&out);
    calibrate_counts_add(counts, z, y, w, n);
    assert_ok(calibrate_fit(calibrator_find(kind), counts, &out, &err), &err);
    calibrate_counts_free(counts);
    return out;
}

static size_t column(const json_t *set, const char *name, float *out)
{
    const json_t *values = json_object_get(set, name);
    size_t n = json_array_size(values);
    assert_in_range(n, 1, FIXTURE_ROWS_MAX);
    for (size_t i = 0; i < n; i++) out[i] = (float)json_number_value(json_array_get(values, i));
    return n;
}

/* Ours sees logits in bins of 1/4096; isotonic's blocks without clicks (or with nothing else) are kept finite on purpose. */
static void fits_equal_scikit_learn(void **state)
{
    (void)state;
    static float z[FIXTURE_ROWS_MAX], y[FIXTURE_ROWS_MAX], want[FIXTURE_ROWS_MAX];
    size_t size, index;
    struct error err = {0};
    char *text = test_read_file("tests/engine/eval/fixtures/sklearn.json", &size);
    json_t *root = json_read(text, size, "sklearn.json", &err), *set;
    assert_ok(root ? 0 : -1, &err);
    json_array_foreach (json_object_get(root, "sets"), index, set) {
        for (int k = 0; k < 2; k++) {
            const char *kind = k ? "isotonic" : "platt";
            size_t n = column(set, "logits", z), off = 0;
            column(set, "labels", y);
            column(json_object_get(set, "calibration"), kind, want);
            struct calibration c = fitted(kind, z, y, NULL, n);
            bool constant = k == 0 && c.slope == 0; /* scikit-learn lets the order turn around */
            calibration_apply(&c, z, n);
            for (size_t i = 0; i < n; i++) {
                if (constant || want[i] <= 0 || want[i] >= 1) continue;
                off += fabs(sigmoid((double)z[i]) - (double)want[i]) > 1e-3;
            }
            calibration_close(&c);
            assert_true(off <= n / 50); /* rows that share a bin with another */
        }
    }
    json_decref(root);
    mem_free(text);
}

/* Labels drawn from sigmoid(0.5 z - 1): both maps find it, and what they say is calibrated. */
static void fits_find_the_truth(void **state)
{
    (void)state;
    struct rng rng = rng_at(3, RNG_TEST, 1, 0);
    for (size_t i = 0; i < ROWS; i++) {
        logits[i] = (float)(2 * rng_normal(&rng));
        labels[i] = rng_unit(&rng) < sigmoid(0.5 * (double)logits[i] - 1);
    }
    struct calibration platt = fitted("platt", logits, labels, NULL, ROWS), isotonic = fitted("isotonic", logits, labels, NULL, ROWS);
    assert_close(platt.slope, 0.5, 0, 0.02);
    assert_close(platt.intercept, -1, 0, 0.03);
    assert_true(isotonic.count > 20 && isotonic.count <= CALIBRATE_KNOTS_MAX);
    struct evaluation before = scores_judge(logits, labels, ROWS, 0);
    for (int k = 0; k < 2; k++) {
        double error = 0;
        memcpy(moved, logits, sizeof moved);
        calibration_apply(k ? &isotonic : &platt, moved, ROWS);
        for (size_t i = 0; i < ROWS; i++) error += fabs(sigmoid((double)moved[i]) - sigmoid(0.5 * (double)logits[i] - 1)) / ROWS;
        struct evaluation after = scores_judge(moved, labels, ROWS, 0);
        assert_true(error < 0.01);
        assert_close(scores_value(&after, "calibration"), 1, 0, 0.002);
        assert_true(scores_value(&after, "ece") < 0.01 && scores_value(&before, "ece") > 0.1);
        assert_true(scores_value(&after, "logloss") < scores_value(&before, "logloss"));
        if (k == 0) assert_close(scores_value(&after, "auc"), scores_value(&before, "auc"), 0, 1e-6); /* but for rounding: order stays */
    }
    calibration_close(&isotonic);
}

/* Pool adjacent violators, the slow way: each score's value is max over a <= it of min over b >= it of the mean label of [a, b]. */
static void isotonic_is_the_max_min_of_means(void **state)
{
    (void)state;
    enum { N = 60 };
    for (unsigned set = 0; set < 50; set++) {
        struct rng rng = rng_at(5, RNG_TEST, 1, set);
        float z[N], y[N], w[N];
        for (size_t i = 0; i < N; i++) {
            z[i] = (float)i / 8 - 3;
            y[i] = rng_unit(&rng) < sigmoid((double)z[i]);
            w[i] = set % 2 ? (float)(1 + rng_below(&rng, 4)) / 2 : 1;
        }
        y[0] = 1, y[N - 1] = 0, y[1] = 0, y[N - 2] = 1;
        struct calibration c = fitted("isotonic", z, y, w, N);
        for (size_t i = 0; i < N; i++) {
            double best = 0;
            for (size_t a = 0; a <= i; a++) {
                double least = 1, positive = 0, weight = 0;
                for (size_t b = a; b < N; b++) {
                    positive += (double)w[b] * (double)y[b], weight += (double)w[b];
                    if (b >= i && positive / weight < least) least = positive / weight;
                }
                if (least > best) best = least;
            }
            float got = z[i];
            calibration_apply(&c, &got, 1);
            if (best > 0 && best < 1) assert_close(sigmoid((double)got), best, 1e-5, 0);
            else assert_true(isfinite(got) && (best > 0 ? sigmoid((double)got) > 0.5 : sigmoid((double)got) < 0.5));
        }
        calibration_close(&c);
    }
}

static void maps_are_finite_and_never_fall(void **state)
{
    (void)state;
    enum { N = 4000 };
    for (unsigned set = 0; set < 40; set++) {
        struct rng rng = rng_at(7, RNG_TEST, 1, set);
        scores_draw(&rng, logits, labels, N, 0, set % 4 == 0 ? 0.001 : set % 4 == 1 ? 30 : 1, 0);
        for (size_t i = 0; i < N; i++) {
            if (set % 5 == 0) labels[i] = logits[i] > 0; /* separable */
            if (set % 5 == 1) labels[i] = logits[i] < 0; /* the wrong way round */
            if (set % 5 == 2) labels[i] = rng_unit(&rng) < 0.001;
        }
        labels[0] = 0, labels[1] = 1;
        for (size_t k = 0; calibrators[k]; k++) {
            struct calibration c = fitted(calibrators[k]->kind.name, logits, labels, NULL, N);
            float z = -40, last = -INFINITY;
            for (int i = 0; i < 4000; i++, z += 0.02f) {
                float got = z;
                calibration_apply(&c, &got, 1);
                assert_true(isfinite(got) && got >= last);
                last = got;
            }
            calibration_close(&c);
        }
    }
}

static void many_blocks_are_bundled(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) { /* clicks rise from 1 of 40 to 39 of 40 in each of 2,500 steps of 40 rows, some of them more */
        size_t step = i / 40;
        logits[i] = (float)step / 100 - 12, moved[i] = step % 40 < 39 && i % 40 == 0 ? 0 : 1;
        labels[i] = (double)(i % 40) < 1 + 38.0 * (double)step / 2500;
        moved[i] = 1 + (float)step / 1000; /* weights make each step's rate its own */
        if (labels[i] == 1) moved[i] *= 1 + (float)(step % 60) / 3000;
    }
    struct calibration c = fitted("isotonic", logits, labels, moved, ROWS);
    assert_in_range(c.count, 30, CALIBRATE_KNOTS_MAX);
    for (size_t i = 1; i < c.count; i++) assert_true(c.from[i] > c.from[i - 1] && c.to[i] >= c.to[i - 1]);
    calibration_close(&c);
}

static struct calibrate_counts *shared;
static void *add_part(void *context)
{
    size_t part = *(size_t *)context;
    for (size_t i = part * 100; i < ROWS; i += 400) calibrate_counts_add(shared, logits + i, labels + i, NULL, 100);
    return NULL;
}

static void threads_and_order_leave_the_map_alone(void **state)
{
    (void)state;
    struct error err = {0};
    struct rng rng = rng_at(9, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -1, 1.5, 0);
    pthread_t threads[4];
    size_t parts[4] = {0, 1, 2, 3};
    assert_non_null(shared = calibrate_counts_new(&err));
    for (int i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, add_part, &parts[i]), 0);
    for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
    for (size_t k = 0; calibrators[k]; k++) {
        struct calibration got, want = fitted(calibrators[k]->kind.name, logits, labels, NULL, ROWS);
        calibration_init(&got);
        assert_ok(calibrate_fit(calibrators[k], shared, &got, &err), &err);
        assert_int_equal(got.count, want.count);
        assert_true(got.slope == want.slope && got.intercept == want.intercept);
        if (got.count) assert_memory_equal(got.from, want.from, got.count * sizeof *got.from);
        if (got.count) assert_memory_equal(got.to, want.to, got.count * sizeof *got.to);
        calibration_close(&got);
        calibration_close(&want);
    }
    calibrate_counts_free(shared);
}

static void one_class_cannot_be_fitted(void **state)
{
    (void)state;
    static const char *const words[] = {"are none", "have label 0 only", "have label 1 only"};
    float z[3] = {0, 1, NAN}, y[3] = {0, 0, 1};
    for (int c = 0; c < 3; c++) {
        struct error err = {0};
        struct calibration out;
        struct calibrate_counts *counts = calibrate_counts_new(&err);
        calibration_init(&out);
        out.logit_offset = -1.5;
        if (c == 2) y[0] = y[1] = 1;
        calibrate_counts_add(counts, z, y, NULL, c ? 3 : 0);
        for (size_t k = 1; calibrators[k]; k++) {
            assert_int_equal(calibrate_fit(calibrators[k], counts, &out, &err), -ERROR_DATA);
            assert_error(&err, ERROR_DATA, words[c]);
            error_clear(&err);
            assert_true(out.logit_offset == -1.5 && out.slope == 1 && out.count == 0);
        }
        assert_ok(calibrate_fit(calibrators[0], counts, &out, &err), &err);
        calibrate_counts_free(counts);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(fits_equal_scikit_learn),          cmocka_unit_test(fits_find_the_truth),
    cmocka_unit_test(isotonic_is_the_max_min_of_means), cmocka_unit_test(maps_are_finite_and_never_fall),
    cmocka_unit_test(many_blocks_are_bundled),          cmocka_unit_test(threads_and_order_leave_the_map_alone),
    cmocka_unit_test(one_class_cannot_be_fitted),
};
TEST_MAIN(tests)

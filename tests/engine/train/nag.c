/* nag in whole jobs, where its peaks come from the data: against the rule in double on whole batches, under other scales of a column, on features
 * that are seen once or twice, and on rows of factors. */
#include "lib/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "contract/rundir.h"
#include "lib/run_kit.h"

enum { ROWS = 600, COLUMNS = 40, EPOCHS = 25 };

static float table[ROWS][COLUMNS]; /* 0: the row has no such feature */
static bool labels[ROWS];

/* A few features a row, of a long tail, each column on a scale of its own, one of them times `scale`. */
static void write_rows(const char *name, double scale)
{
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 1 << 20);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(24, RNG_TEST, 0, row);
        double z = 0;
        memset(table[row], 0, sizeof table[row]);
        for (unsigned k = 0; k < 5; k++) {
            size_t column = rng_below(&rng, 1 + rng_below(&rng, COLUMNS));
            double size = pow(10, (double)(column % 5) - 2) * (column == 3 ? scale : 1);
            table[row][column] = (float)(size * (double)(1 + rng_below(&rng, 4)));
            z += (column % 3 ? 0.8 : -0.8) * (double)table[row][column] / size / 2;
        }
        labels[row] = rng_unit(&rng) < 1 / (1 + exp(-z));
        assert_int_equal(bytes_printf(&text, NULL, "%d", labels[row]), 0);
        for (size_t c = 0; c < COLUMNS; c++)
            if (table[row][c] != 0) assert_int_equal(bytes_printf(&text, NULL, " %zu:%.9g", c + 1, (double)table[row][c]), 0);
        assert_int_equal(bytes_add_text(&text, "\n", NULL), 0);
    }
    for (int twice = 0; twice < 2; twice++) { /* a file is read but once */
        snprintf(path, sizeof path, "%.*s/%s%s", 3000, run_kit_root, twice ? "test-" : "", name);
        test_write_file(path, text.data, text.size);
    }
    bytes_close(&text);
}

static double loss_of(const double *w, double bias, double g[COLUMNS + 1])
{
    double loss = 0;
    memset(g, 0, (COLUMNS + 1) * sizeof *g);
    for (size_t r = 0; r < ROWS; r++) {
        double z = bias;
        for (size_t c = 0; c < COLUMNS; c++) z += w[c] * (double)table[r][c];
        double delta = 1 / (1 + exp(-z)) - labels[r];
        loss += log1p(exp(labels[r] ? -z : z)) / ROWS;
        for (size_t c = 0; c < COLUMNS; c++) g[c] += delta * (double)table[r][c];
        g[COLUMNS] += delta;
    }
    for (size_t c = 0; c <= COLUMNS; c++) g[c] /= ROWS;
    return loss;
}

/* Every row in each batch: the peaks are those of the columns from the first step on. */
static double exact_loss(void)
{
    double w[COLUMNS] = {0}, n[COLUMNS + 1] = {0}, s[COLUMNS] = {0}, g[COLUMNS + 1], bias = 0, mean = 0;
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++) s[c] = fmax(s[c], (double)table[r][c]);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLUMNS; c++)
            if (s[c] > 0) mean += pow((double)table[r][c] / s[c], 2) / ROWS;
    for (int step = 0; step < EPOCHS; step++) {
        loss_of(w, bias, g);
        for (size_t c = 0; c < COLUMNS; c++) {
            if (s[c] == 0) continue;
            n[c] += g[c] * g[c];
            w[c] -= 0.5 / sqrt(mean) * (n[c] > 0 ? g[c] / (s[c] * sqrt(n[c])) : 0);
        }
        n[COLUMNS] += g[COLUMNS] * g[COLUMNS];
        bias -= 0.5 * g[COLUMNS] / sqrt(n[COLUMNS]);
    }
    return loss_of(w, bias, g);
}

/* A job of lr on the file, judged on the same rows. */
static double trained(const char *file, const char *dir, int batch, int epochs, const char *model)
{
    char spec[1024];
    struct run_result result;
    struct error err = {0};
    snprintf(spec, sizeof spec,
             "{'dataset': {'uri': '%%s/%s', 'format': 'libsvm'}, 'split': {'kind': 'predefined', 'test_uri': '%.600s/test-%s'}, "
             "'model': {'kind': 'lr', 'hash_bits': 16%s}, 'optimizer': {'kind': 'nag'}, 'train': {'batch_size': %d, 'epochs': %d, 'shards': 3}}",
             file, run_kit_root, file, model, batch, epochs);
    assert_ok(run_kit_run(&world_real, spec, dir, 2, &result, &err), &err);
    return run_kit_metric(dir, "logloss");
}

static void it_follows_the_rule_on_whole_batches(void **state)
{
    (void)state;
    write_rows("rows.svm", 1);
    assert_close(trained("rows.svm", "whole", ROWS, EPOCHS, ""), exact_loss(), 2e-4, 0);
}

static void the_scale_of_a_column_does_not_show(void **state)
{
    (void)state;
    write_rows("rows.svm", 1);
    write_rows("large.svm", 65536), write_rows("small.svm", 1.0 / 65536);
    double plain = trained("rows.svm", "plain", 50, 4, "");
    assert_close(trained("large.svm", "large", 50, 4, ""), plain, 1e-5, 0);
    assert_close(trained("small.svm", "small", 50, 4, ""), plain, 1e-5, 0);
    assert_true(plain < 0.62); /* and it has learnt */
}

static void features_that_are_seldom_seen_do_not_run_away(void **state)
{
    struct run_result result;
    struct error err = {0};
    char path[PATH_SIZE];
    struct bytes text;
    (void)state;
    bytes_init(&text, 1 << 20);
    for (uint64_t row = 0; row < 4000; row++) {
        struct rng rng = rng_at(22, RNG_TEST, 0, row);
        unsigned often = (unsigned)rng_below(&rng, 6);
        assert_int_equal(bytes_printf(&text, NULL, "%d %u:1", rng_unit(&rng) < 0.1 + 0.15 * often, often + 1), 0);
        for (unsigned k = 0; k < 6; k++) assert_int_equal(bytes_printf(&text, NULL, " %u:1", (unsigned)(10 + 5000 * k + rng_below(&rng, 5000))), 0);
        assert_int_equal(bytes_add_text(&text, "\n", NULL), 0);
    }
    snprintf(path, sizeof path, "%.*s/rare.svm", 3000, run_kit_root);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
    static const char spec[] = RUN_KIT_SPEC("rare.svm",
                                            "'split': {'kind': 'holdout', 'test_fraction': 0.3}, 'model': {'kind': 'lr', 'hash_bits': 18}, "
                                            "'optimizer': {'kind': 'nag'}, 'train': {'batch_size': 512}");
    assert_ok(run_kit_run(&world_real, spec, "rare", 2, &result, &err), &err);
    assert_true(run_kit_metric("rare", "logloss") < 0.69 && run_kit_metric("rare", "auc") > 0.62);
}

static void rows_of_factors_have_peaks_of_both(void **state)
{
    (void)state;
    write_rows("rows.svm", 1);
    assert_true(trained("rows.svm", "factors", 50, 6, ", 'embedding': {'kind': 'qr', 'remainder_bits': 3}") < 0.62);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(it_follows_the_rule_on_whole_batches),
    cmocka_unit_test(the_scale_of_a_column_does_not_show),
    cmocka_unit_test(features_that_are_seldom_seen_do_not_run_away),
    cmocka_unit_test(rows_of_factors_have_peaks_of_both),
};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

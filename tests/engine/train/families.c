/* test: threads */
/* What each family can learn, beside what there is to learn: a hidden model of single fields, pairs and triples whose parts are worth a known AUC.
 * A linear model comes to the first part's, one of pairs to the second's, the deep ones to the whole: near to it, and not beyond. */
#include "lib/test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "lib/run_kit.h"
#include "lib/scores.h"

enum { TRAIN = 30000, TEST = 20000, FIELDS = 5, VALUES = 4 };
enum part { SINGLE, PAIRS, WHOLE, PARTS };

static double ceiling[PARTS]; /* AUC of the hidden model's parts on the test rows */

/* Three signs of a value, each +1 and -1 equally often and orthogonal to the others: one acts alone, one in pairs, one in triples. */
static int sign(enum part part, unsigned value)
{
    static const int signs[PARTS][VALUES] = {{1, 1, -1, -1}, {1, -1, 1, -1}, {1, -1, -1, 1}};
    return signs[part][value];
}

static void draw_row(uint64_t row, unsigned value[FIELDS], double logit[PARTS], int *label)
{
    struct rng rng = rng_at(31, RNG_TEST, 0, row);
    for (int f = 0; f < FIELDS; f++) value[f] = (unsigned)rng_below(&rng, VALUES);
    int s[PARTS][FIELDS];
    for (int p = 0; p < PARTS; p++)
        for (int f = 0; f < FIELDS; f++) s[p][f] = sign((enum part)p, value[f]);
    logit[SINGLE] = 0.7 * (s[SINGLE][0] + s[SINGLE][1] - s[SINGLE][2]);
    logit[PAIRS] = logit[SINGLE] + 0.9 * (s[PAIRS][0] * s[PAIRS][1] - s[PAIRS][2] * s[PAIRS][3]);
    logit[WHOLE] = logit[PAIRS] + 1.6 * s[WHOLE][0] * s[WHOLE][2] * s[WHOLE][4];
    *label = rng_unit(&rng) < 1 / (1 + exp(-logit[WHOLE]));
}

static void write_rows(const char *name, uint64_t first, size_t rows, float *logits, float *labels)
{
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 4 << 20);
    for (size_t r = 0; r < rows; r++) {
        unsigned value[FIELDS];
        double logit[PARTS];
        int label;
        draw_row(first + r, value, logit, &label);
        assert_int_equal(bytes_printf(&text, NULL, "%d", label), 0);
        for (int f = 0; f < FIELDS; f++) assert_int_equal(bytes_printf(&text, NULL, " %d:%u:1", f, (unsigned)f * VALUES + value[f]), 0);
        assert_int_equal(bytes_printf(&text, NULL, "\n"), 0);
        for (size_t p = 0; logits && p < PARTS; p++) logits[p * rows + r] = (float)logit[p];
        if (labels) labels[r] = (float)label;
    }
    snprintf(path, sizeof path, "%.*s/%s", 3000, run_kit_root, name);
    test_write_file(path, text.data, text.size);
    bytes_close(&text);
}

static double reached(const char *dir, const char *family, const char *options, const char *train)
{
    char spec[1024];
    struct error err = {0};
    struct run_result result;
    snprintf(spec, sizeof spec,
             "{'dataset': {'uri': '%%1$s/train.ffm', 'format': 'libffm'}, 'split': {'kind': 'predefined', 'test_uri': '%%1$s/test.ffm'}, "
             "'model': {'kind': '%s', 'hash_bits': 12%s}, 'optimizer': {'kind': 'adam', 'lr': 0.01, 'schedule': {'kind': 'cosine'}}, "
             "'train': {'batch_size': 256, 'shards': 2, %s}}",
             family, options, train);
    assert_ok(run_kit_run(&world_real, spec, dir, 2, &result, &err), &err);
    return run_kit_metric(dir, "auc");
}

#define DEEP ", 'embedding_dim': 4, 'hidden': [64, 16]"

static void each_family_comes_to_what_it_can(void **state)
{
    (void)state;
    static const struct {
        const char *family, *options;
        enum part part;
    } cases[] = {
        {"lr", "", SINGLE},
        {"fm", ", 'embedding_dim': 4", PAIRS},
        {"fwfm", ", 'embedding_dim': 4", PAIRS},
        {"ffm", ", 'embedding_dim': 2", PAIRS},
        {"mlp", DEEP, WHOLE},
        {"wide_deep", DEEP, WHOLE},
        {"deepfm", DEEP, WHOLE},
        {"dcn_v2", DEEP ", 'cross_layers': 2", WHOLE},
        {"dlrm", DEEP, WHOLE},
    };
    printf("hidden: %.4f single fields, %.4f with pairs, %.4f whole\n", ceiling[SINGLE], ceiling[PAIRS], ceiling[WHOLE]);
    assert_true(ceiling[PAIRS] > ceiling[SINGLE] + 0.04 && ceiling[WHOLE] > ceiling[PAIRS] + 0.04);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        double auc = reached(cases[c].family, cases[c].family, cases[c].options, "'epochs': 6");
        printf("%s: %.4f\n", cases[c].family, auc);
        assert_close(auc, ceiling[cases[c].part], 0, 0.01);
    }
}

/* The running statistics by which a trained model normalises are those of many rows: a batch of a few, as an epoch's last may be, hardly moves them,
 * and of one row a shard not at all. At a rate of next to nothing that is all it could do. */
static void batch_norm_outlives_a_small_batch(void **state)
{
    (void)state;
    reached("whole", "mlp", DEEP ", 'batch_norm': true", "'epochs': 1");
    double want = run_kit_metric("whole", "logloss");
    for (int rows = 1; rows <= 4; rows++) {
        char dir[16], train[256];
        snprintf(dir, sizeof dir, "and-%d", rows);
        snprintf(train, sizeof train, "'epochs': 1, 'max_rows': %d}, 'warm_start': {'checkpoint': '%%1$s/whole/final.safetensors', 'lr_scale': 1e-6",
                 rows);
        reached(dir, "mlp", DEEP ", 'batch_norm': true", train);
        double got = run_kit_metric(dir, "logloss");
        printf("mlp with batch norm: logloss %.7f, %.7f after %d rows more\n", want, got, rows);
        assert_close(got, want, 0, rows <= 2 ? 1e-6 : 2e-5);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(each_family_comes_to_what_it_can), cmocka_unit_test(batch_norm_outlives_a_small_batch)};

int main(int argc, char **argv)
{
    static float logits[PARTS][TEST], labels[TEST];
    test_dir(run_kit_root);
    write_rows("train.ffm", 0, TRAIN, NULL, NULL);
    write_rows("test.ffm", TRAIN, TEST, logits[0], labels);
    for (int p = 0; p < PARTS; p++) {
        struct evaluation e = scores_judge(logits[p], labels, TEST, 0);
        ceiling[p] = scores_value(&e, "auc");
    }
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

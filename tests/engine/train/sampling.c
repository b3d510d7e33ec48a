/* test: threads */
/* Rows that weigh more or less, negatives that are passed over, training sets that grow: what is trained on is exactly what was asked, scores come
 * out calibrated, and neither workers nor stops leave a trace. */
#include "engine/train/sampling.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "contract/rundir.h"
#include "contract/safetensors.h"
#include "lib/data_kit.h"
#include "lib/job_kit.h"
#include "lib/run_kit.h"
#include "lib/test.h"
#include "lib/threads.h"

#ifdef TRAINYARD_HOSTILE /* blocks of seven rows take their time */
enum { ROWS = 12000 };
#else
enum { ROWS = 60000 };
#endif
enum { SMALL = 400 };
static const double slack = ROWS < 60000 ? 0.08 : 0.02; /* of a calibration: fewer rows, fewer steps */

static void write_text(const char *name, const struct bytes *text)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/%s", 3000, run_kit_root, name);
    test_write_file(path, text->data, text->size);
}

/* clicks.svm: ROWS rows, a fifth positive. weighted.csv: 400 rows with weights 0 .. 3, the second quarter all 0; copied.csv: each row as often as
 * it weighs, all of weight 1. */
static void write_data(void)
{
    struct bytes text, copies;
    bytes_init(&text, 16 << 20);
    bytes_init(&copies, 1 << 20);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct rng rng = rng_at(21, RNG_TEST, 0, row);
        unsigned a = (unsigned)rng_below(&rng, 20), b = 20 + (unsigned)rng_below(&rng, 20);
        double z = -1.7 + 0.12 * ((double)a - 9.5) - 0.08 * ((double)b - 29.5);
        assert_int_equal(bytes_printf(&text, NULL, "%d %u:1 %u:1\n", rng_unit(&rng) < 1 / (1 + exp(-z)), a, b), 0);
    }
    write_text("clicks.svm", &text);
    bytes_clear(&text);
    bytes_printf(&text, NULL, "label,weight,a,b\n"), bytes_printf(&copies, NULL, "label,weight,a,b\n");
    for (uint64_t row = 0; row < SMALL; row++) {
        struct rng rng = rng_at(22, RNG_TEST, 0, row);
        unsigned a = (unsigned)rng_below(&rng, 9), b = (unsigned)rng_below(&rng, 7), weight = (unsigned)rng_below(&rng, 4);
        bool label = rng_below(&rng, 12) < a;
        if (row / (SMALL / 4) == 1) weight = 0;
        bytes_printf(&text, NULL, "%d,%u,x%u,x%u\n", label, weight, a, b);
        for (unsigned copy = 0; copy < weight; copy++) bytes_printf(&copies, NULL, "%d,1,x%u,x%u\n", label, a, b);
    }
    write_text("weighted.csv", &text);
    write_text("copied.csv", &copies);
    bytes_close(&text);
    bytes_close(&copies);
}

static void run_ok(const char *spec, const char *dir, unsigned workers, struct run_result *result)
{
    struct error err;
    assert_ok(run_kit_run(kit_world(), spec, dir, workers, result, &err), &err);
}

#define WEIGHTED(file, train) \
    "{'dataset': {'uri': '%s/" file "', 'format': 'csv', 'weight': 'weight'}, 'split': {'kind': 'none'}, " \
    "'model': {'kind': 'lr', 'hash_bits': 10}, 'optimizer': {'kind': 'sgd', 'lr': 0.5}, 'train': {" train "}}"

/* A row of weight k is k rows: in whole batches gradients are means over weights, and so are the figures of the evaluation. */
static void a_weight_is_so_many_rows(void **state)
{
    (void)state;
    struct run_result result;
    run_ok(WEIGHTED("weighted.csv", "'batch_size': 100000, 'epochs': 30, 'shards': 3"), "weighted", 2, &result);
    run_ok(WEIGHTED("copied.csv", "'batch_size': 100000, 'epochs': 30, 'shards': 3"), "copied", 2, &result);
    static const char *const metrics[] = {"logloss", "auc", "calibration"};
    for (int i = 0; i < 3; i++) assert_close(run_kit_metric("weighted", metrics[i]), run_kit_metric("copied", metrics[i]), 2e-6, 0);
    assert_true(run_kit_metric("weighted", "logloss") < 0.66); /* it has learnt something */
}

/* A batch in which every row weighs nothing moves nothing, residuals wait; the run goes on. */
static void batches_of_no_weight_pass(void **state)
{
    (void)state;
    struct run_result one, other;
    static const char spec[] =
        "{'dataset': {'uri': '%s/weighted.csv', 'format': 'csv', 'weight': 'weight'}, 'split': {'kind': 'none'}, 'model': {'kind': 'lr', "
        "'hash_bits': "
        "10}, 'train': {'batch_size': 20, 'epochs': 3, 'shards': 4, 'shuffle': false, 'log_every_steps': 1}, 'compression': {'codec': 'topk', "
        "'retention': 0.2}}";
    run_ok(spec, "none1", 1, &one);
    run_ok(spec, "none4", 4, &other);
    assert_string_equal(one.sha256, other.sha256);
    assert_int_equal(one.steps, 3 * SMALL / 20);
    assert_true(isfinite(run_kit_metric("none1", "logloss")));
}

static double offset_of(const struct run_result *result)
{
    struct safetensors st;
    struct error err = {0};
    assert_ok(safetensors_open(&st, kit_world(), result->final_path, &err), &err);
    const char *text = json_string_value(json_object_get(st.metadata, "logit_offset"));
    double value = text ? strtod(text, NULL) : 0;
    safetensors_close(&st);
    return value;
}

static double side_metric(const char *dir, const char *side, const char *name)
{
    json_t *json = run_kit_evaluation(dir);
    json_t *metrics = json_object_get(json_object_get(json_object_get(json, "sides"), side), "metrics");
    double value = json_number_value(json_object_get(metrics, name));
    json_decref(json);
    return value;
}

#define CLICKS(train) \
    "{'dataset': {'uri': '%s/clicks.svm', 'format': 'libsvm'}, 'split': {'kind': 'holdout', 'test_fraction': 0.3, 'validation_fraction': 0.1}, " \
    "'model': {'kind': 'lr', 'hash_bits': 12}, 'optimizer': {'lr': 0.1}, 'evaluate': {'sides': true}, 'train': {'batch_size': 200, " train "}}"

/* Trained on odds that are off by a known factor, the model tells the true ones: on all rows, sampled or not. */
static void odds_come_out_right(void **state)
{
    (void)state;
    static const struct {
        const char *dir, *spec;
        double factor; /* of the odds in training */
    } rows[] = {{"plain", CLICKS("'epochs': 5"), 1},
                {"sampled", CLICKS("'epochs': 20, 'negative_rate': 0.25"), 4},
                {"heavy", CLICKS("'epochs': 5, 'positive_weight': 6"), 6},
                {"light", CLICKS("'epochs': 5, 'positive_weight': 0.5"), 0.5},
                {"both", CLICKS("'epochs': 8, 'negative_rate': 0.5, 'positive_weight': 2"), 4}};
    struct run_result result;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run_ok(rows[i].spec, rows[i].dir, 2, &result);
        assert_close(offset_of(&result), (float)-log(rows[i].factor), 0, 0);
        assert_close(side_metric(rows[i].dir, "train", "calibration"), 1, 0, slack); /* sum of scores to sum of labels */
        assert_close(run_kit_metric(rows[i].dir, "calibration"), run_kit_metric("plain", "calibration"), 0, slack); /* chance apart */
        assert_close(run_kit_metric(rows[i].dir, "auc"), run_kit_metric("plain", "auc"), 0, slack / 2);
        assert_close(run_kit_metric(rows[i].dir, "logloss"), run_kit_metric("plain", "logloss"), slack / 2, 0);
    }
}

/* ---- which rows an epoch visits ---- */

struct visited {
    uint8_t seen[ROWS];
    size_t rows, positives;
};

/* What the stream of an epoch hands out, each row once. */
static void visit(struct stream *stream, uint32_t epoch, struct visited *v)
{
    const struct row_ref *refs;
    struct error err = {0};
    size_t got;
    memset(v, 0, sizeof *v);
    assert_ok(stream_seek(stream, epoch, 0, &err), &err);
    uint64_t told = stream_rows(stream);
    for (;;) {
        assert_ok(stream_next(stream, 777, &refs, &got, &err), &err);
        if (got == 0) break;
        for (size_t i = 0; i < got; i++) {
            uint64_t row = ((const struct block *)refs[i].block)->first_row + refs[i].row; /* a block starts with its batch */
            assert_int_equal(v->seen[row], 0);
            v->seen[row] = 1;
            v->rows++;
            v->positives += refs[i].block->labels[refs[i].row] > 0;
        }
    }
    assert_int_equal(v->rows, told);
}

static void stages_grow_and_are_counted(void **state)
{
    (void)state;
    static struct visited now, before;
    static const struct spec_train trains[] = {
        {.epochs = 6, .seed = 3, .negative_rate = 1, .positive_weight = 1, .curriculum_start = 0.1, .curriculum_growth = 2},
        {.epochs = 6, .seed = 3, .negative_rate = 0.3, .positive_weight = 1, .curriculum_start = 0.1, .curriculum_growth = 3},
        {.epochs = 2, .seed = 4, .negative_rate = 0.3, .positive_weight = 1, .curriculum_start = 0.001, .curriculum_growth = 1.5}, /* never all */
        {.epochs = 2, .seed = 4, .negative_rate = 0.05, .positive_weight = 1, .curriculum_start = 1, .curriculum_growth = 2},
        {.epochs = 2, .seed = 4, .negative_rate = 1, .positive_weight = 1, .curriculum_start = 1, .curriculum_growth = 2}};
    static const uint32_t counts[] = {5, 4, 2, 1, 1};
    char path[PATH_SIZE];
    struct error err = {0};
    snprintf(path, sizeof path, "%.*s/clicks.svm", 3000, run_kit_root);
    struct dataset *data = kit_open(&(struct kit){.format = "libsvm", .path = path, .cache = run_kit_root}, &err);
    assert_ok(data ? 0 : -1, &err);
    static const struct kind *const *kinds = (const struct kind *const *)splits;
    int64_t params[8];
    const struct kind *robin = kind_find(kinds, "round_robin"); /* a tenth of the rows tests */
    options_default(robin->options, params);
    struct splitter splitter = {.split = (const struct split *)robin, .params = params};
    struct parallel three = threads_parallel(3);
    struct sides sides;
    assert_ok(sides_count(&sides, data, &splitter, NULL, &three, &err), &err);
    for (size_t t = 0; t < sizeof trains / sizeof *trains; t++) {
        const struct spec_train *train = &trains[t];
        const struct sampling sampling = {.train = train};
        struct stages stages;
        struct stream_config config = {.dataset = data,
                                       .sides = &sides,
                                       .side = SIDE_TRAIN,
                                       .filter = sampling_filter(&sampling),
                                       .shuffle = true,
                                       .seed = 1,
                                       .window_rows = 3000};
        struct stream *stream = stream_new(&config, &err);
        assert_ok(stream ? 0 : -1, &err);
        assert_ok(stages_count(&stages, &sampling, data, &sides, &three, &err), &err);
        assert_int_equal(stages.count, counts[t]);
        uint64_t all = 0;
        for (uint32_t e = 0; e < (uint32_t)train->epochs; e++) {
            visit(stream, e, &now);
            all += now.rows;
            struct stage stage = stages_at(&stages, e);
            assert_int_equal(stage.rows, now.rows);
            assert_int_equal(stage.positives, now.positives);
            assert_int_equal(stages_rows(&stages, e + 1), all);
            double share = sampling_share(train, e), n = 0.9 * ROWS * share, kept = n * 0.19; /* a fifth positive, roughly */
            kept = (double)now.positives + (n - kept) * train->negative_rate;
            assert_close(now.rows, kept, 0.02, 6 * sqrt(kept));
            for (size_t r = 0; r < ROWS; r++) {
                if (now.seen[r]) assert_int_not_equal(r % 10, 0); /* never a test row */
                if (e > 0 && before.seen[r]) assert_int_equal(now.seen[r], 1);
            }
            before = now;
        }
        stream_free(stream);
        stages_close(&stages);
    }
    sides_close(&sides);
    dataset_free(data);
}

/* Sampling, curriculum, split and shuffle each have numbers of their own: what one keeps tells nothing of another. */
static void choices_are_independent(void **state)
{
    (void)state;
    static const enum rng_purpose purposes[] = {RNG_SPLIT, RNG_NEGATIVES, RNG_CURRICULUM};
    double n = 100000, chance = 5 * sqrt(0.01 * 0.99 * n);
    for (int a = 0; a < 3; a++)
        for (int b = 0; b < a; b++) {
            double both = 0;
            for (uint64_t row = 0; row < 100000; row++) both += rng_unit_of(7, purposes[a], row) < 0.1 && rng_unit_of(7, purposes[b], row) < 0.1;
            assert_close(both, 0.01 * n, 0, chance);
        }
    uint64_t first[3] = {0}, found = 0;
    for (uint64_t row = 0; found < 3; row++) /* and these never change */
        if (rng_unit_of(1, RNG_NEGATIVES, row) < 0.1) first[found++] = row;
    assert_int_equal(first[0] * 1000000 + first[1] * 1000 + first[2], 3011029);
    for (uint64_t row = found = 0; found < 3; row++)
        if (rng_unit_of(1, RNG_CURRICULUM, row) < 0.1) first[found++] = row;
    assert_int_equal(first[0] * 1000000 + first[1] * 1000 + first[2], 5006);
}

/* ---- whole jobs ---- */

static const char all_spec[] =
    "{'dataset': {'uri': '%s/weighted.csv', 'format': 'csv', 'weight': 'weight'}, 'split': {'kind': 'kfold', 'k': 2, 'validation_fraction': 0.2}, "
    "'model': {'kind': 'fm', 'hash_bits': 12, 'embedding_dim': 4}, 'optimizer': {'kind': 'adam'}, 'evaluate': {'every_steps': 3}, "
    "'compression': {'codec': 'topk', 'retention': {'start': 0.5, 'decay': 0.5, 'min': 0.05}}, 'checkpoint': {'every_steps': 2, 'keep': 2}, "
    "'train': {'batch_size': 11, 'shards': 5, 'epochs': 4, 'positive_weight': 3, 'negative_rate': 0.6, 'curriculum': {'start_fraction': 0.2}, "
    "'log_every_steps': 1}}";

static void bits_do_not_depend_on_workers_or_stops(void **state)
{
    (void)state;
    struct run_result one, other;
    struct error err;
    run_ok(all_spec, "bits1", 1, &one);
    run_ok(all_spec, "bits2", 2, &other);
    assert_string_equal(one.sha256, other.sha256);
    run_ok(all_spec, "bits4", 4, &other);
    assert_string_equal(one.sha256, other.sha256);
    run_kit_progress = job_kit_stop;
    int rc = -1;
    unsigned stopped = 0;
    for (unsigned attempt = 0; rc != 0 && attempt < 20; attempt++) {
        job_kit_stops = attempt < 15; /* the first fold's steps, one by one: in its stages, between them, and behind them */
        rc = run_kit_run(kit_world(), all_spec, "stopped", 1 + attempt % 3, &other, &err);
        if (rc < 0) assert_error(&err, ERROR_STOPPED, "");
        stopped += rc < 0;
    }
    run_kit_progress = NULL;
    assert_int_equal(rc, 0);
    assert_int_equal(stopped, 15);
    assert_string_equal(one.sha256, other.sha256);
}

/* A field of the last metric event that has it. */
static double last_of(const char *dir, const char *key)
{
    char path[PATH_SIZE], name[64];
    size_t size;
    double value = NAN;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    snprintf(name, sizeof name, "\"%s\":", key);
    char *text = test_read_file(path, &size);
    for (const char *at = text; (at = strstr(at, name)); at += strlen(name)) value = strtod(at + strlen(name), NULL);
    mem_free(text);
    return value;
}

static bool logged(const char *dir, const char *words)
{
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    char *text = test_read_file(path, &size);
    bool found = strstr(text, words);
    mem_free(text);
    return found;
}

/* Progress ends at 1 because the rows of growing epochs were planned right; the stages' balance is told; max_rows ends it anywhere. */
/* As many epochs as it says, and no fewer, have all rows. */
static void a_curriculum_takes_epochs(void **state)
{
    (void)state;
    static const double wishes[][2] = {{0.25, 2}, {0.5, 2}, {0.01, 1.5}, {0.1, 10}, {0.001, 10}, {0.3, 1.01}, {1, 2}, {1e-9, 1e6}};
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
        struct spec_train train = {.curriculum_start = wishes[i][0], .curriculum_growth = wishes[i][1]};
        double epochs = sampling_epochs(&train);
        assert_true(sampling_share(&train, (uint32_t)epochs - 1) > 1 - 1e-9);
        if (epochs > 1) assert_true(sampling_share(&train, (uint32_t)epochs - 2) < 1 - 1e-9);
    }
}

static void a_curriculum_plans_its_rows(void **state)
{
    (void)state;
    struct run_result result;
    run_ok(CLICKS("'epochs': 4, 'curriculum': {'start_fraction': 0.25, 'growth': 2}"), "grow", 2, &result);
    double train = side_metric("grow", "train", "auc") > 0 ? 0.6 * ROWS : 0;
    assert_close(result.rows, train * (0.25 + 0.5 + 1 + 1), 0.02, 0);
    assert_close(last_of("grow", "progress"), 1, 0, 0);
    assert_true(logged("grow", "curriculum: epoch 1 trains on 25 %"));
    assert_true(logged("grow", "curriculum: epoch 3 trains on 100 %"));
    assert_false(logged("grow", "curriculum: epoch 4"));
    assert_false(logged("grow", "the curriculum ends"));
    run_ok(CLICKS("'epochs': 2, 'curriculum': {'start_fraction': 0.01, 'growth': 1.5}"), "short", 2, &result);
    assert_true(logged("short", "the curriculum ends on 1.5 % of the training rows: until all are in it takes 13 epochs, and train.epochs is 2"));
    run_ok(CLICKS("'epochs': 4, 'curriculum': 0.25, 'max_rows': 7001"), "capped", 2, &result);
    assert_int_equal(result.rows, 7001);
    assert_close(last_of("capped", "progress"), 1, 0, 0);
    run_ok(CLICKS("'epochs': 30, 'curriculum': {'start_fraction': 0.25, 'growth': 1.5}, 'early_stopping': {'patience': 1}"), "early", 2, &result);
    assert_true(logged("early", "early stopping at step"));
    assert_close(run_kit_metric("early", "calibration"), run_kit_metric("grow", "calibration"), 0, 3 * slack);
}

static void nothing_left_is_an_error(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_int_equal(run_kit_run(kit_world(),
                                 "{'dataset': {'uri': '%s/weighted.csv', 'format': 'csv'}, 'model': {'kind': 'lr'}, 'train': {'curriculum': 1e-9}}",
                                 "left", 1, &result, &err),
                     -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "no training row is left");
    assert_int_equal(run_kit_run(kit_world(),
                                 "{'dataset': {'uri': '%s/weighted.csv', 'format': 'csv'}, 'model': {'kind': 'lr'}, 'features': {'min_count': 2}, "
                                 "'train': {'curriculum': 0.5, 'negative_rate': 0}}",
                                 "left", 1, &result, &err),
                     -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "/train/negative_rate must be > 0");
    assert_int_equal(run_kit_run(kit_world(),
                                 "{'dataset': {'uri': '%s/weighted.csv', 'format': 'csv'}, 'model': {'kind': 'lr'}, 'features': {'min_count': 2}, "
                                 "'train': {'curriculum': 0.5}}",
                                 "left", 1, &result, &err),
                     -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "/train/curriculum cannot stand beside features.min_count");
}

/* Weights of 0 on a whole side: the run is refused, or the figures say why they are none. */
static void a_side_of_no_weight_is_told(void **state)
{
    struct bytes text;
    struct run_result result;
    struct error err;
    (void)state;
    bytes_init(&text, 1 << 16);
    assert_ok(bytes_add_text(&text, "label,w,a\n", &err), &err);
    for (int row = 0; row < 40; row++) assert_ok(bytes_printf(&text, &err, "%d,0,x%d\n", row % 2, row % 5), &err);
    write_text("zeros.csv", &text);
    assert_int_equal(run_kit_run(kit_world(),
                                 "{'dataset': {'uri': '%s/zeros.csv', 'format': 'csv', 'weight': 'w'}, 'model': {'kind': 'lr', 'hash_bits': 10}, "
                                 "'split': {'kind': 'sequential', 'test_fraction': 0.3}}",
                                 "zeros", 1, &result, &err),
                     -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "nothing can be learned: all 28 rows of the training side have weight 0 in column \"w\"");
    assert_string_equal(err.field, "/dataset/weight");
    bytes_clear(&text);
    err = (struct error){0};
    assert_ok(bytes_add_text(&text, "label,w,a\n", &err), &err);
    for (int row = 0; row < 40; row++) assert_ok(bytes_printf(&text, &err, "%d,%d,x%d\n", row % 2, row < 28, row % 5), &err);
    write_text("late.csv", &text);
    run_ok("{'dataset': {'uri': '%s/late.csv', 'format': 'csv', 'weight': 'w'}, 'model': {'kind': 'lr', 'hash_bits': 10}, "
           "'split': {'kind': 'sequential', 'test_fraction': 0.3}}",
           "late", 1, &result);
    json_t *e = run_kit_evaluation("late");
    assert_string_equal(json_string_value(json_object_get(json_object_get(e, "reasons"), "logloss")), "no rows of a weight above 0");
    json_decref(e);
    bytes_close(&text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_side_of_no_weight_is_told),
    cmocka_unit_test(a_weight_is_so_many_rows),
    cmocka_unit_test(batches_of_no_weight_pass),
    cmocka_unit_test(odds_come_out_right),
    cmocka_unit_test(stages_grow_and_are_counted),
    cmocka_unit_test(choices_are_independent),
    cmocka_unit_test(bits_do_not_depend_on_workers_or_stops),
    cmocka_unit_test(a_curriculum_takes_epochs),
    cmocka_unit_test(a_curriculum_plans_its_rows),
    cmocka_unit_test(nothing_left_is_an_error),
};
int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    write_data();
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

/* test: threads */
/* A model that has diverged without one infinity on the way is no model: the run fails, with the figures and what helps. */
#include "engine/train/diverged.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contract/rundir.h"
#include "lib/run_kit.h"
#include "lib/test.h"

static bool there(const char *dir, const char *name)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/%s/%s", 3000, run_kit_root, dir, name);
    return path_exists(&world_real, path);
}

static bool told(const char *dir, const char *text)
{
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    char *events = test_read_file(path, &size);
    bool found = strstr(events, text) != NULL;
    mem_free(events);
    return found;
}

static void run_diverges(const char *spec, const char *dir, const char *part)
{
    struct run_result result;
    struct error err = {0};
    if (run_kit_run(&world_real, spec, dir, 2, &result, &err) != -ERROR_DIVERGED) fail_msg("%s: code %d, %s", dir, err.code, err.msg);
    assert_error(&err, ERROR_DIVERGED, part);
    assert_error(&err, ERROR_DIVERGED, "; lower optimizer.lr, set train.clip_norm, or");
    assert_false(result.succeeded);
    assert_true(there(dir, RUNDIR_CHECKPOINTS)); /* to look at */
    assert_false(there(dir, RUNDIR_FINAL) || there(dir, RUNDIR_EVALUATION));
    assert_true(told(dir, "\"cause\": \"diverged\""));
}

#define WILD(model, rest) \
    RUN_KIT_SPEC("a.svm", \
                 "'model': {'hash_bits': 12, 'kind': '" model "}, 'optimizer': {'kind': 'adam', 'lr': 1e6}, 'train': {'batch_size': 64" rest "}")

static void rates_beyond_all_measure_fail(void **state)
{
    (void)state;
    run_diverges(WILD("lr'", ""), "lr", "is of no use: its loss on the test side is ");
    run_diverges(WILD("lr'", ""), "lr", "is of no use"); /* and again: training has ended, the model is judged anew */
    run_diverges(WILD("linear'", ""), "linear", "above 100 times the 0.5 of one that has learnt nothing");
    run_diverges(WILD("softmax', 'classes': 2", ""), "softmax", "above 100 times the 0.6931 of one that has learnt nothing");
    run_diverges(WILD("fm'", ""), "fm", "scores are not finite or beyond +-1e9");
}

static void no_side_but_training_is_one(void **state)
{
    (void)state;
    run_diverges(WILD("lr'", "}, 'split': {'kind': 'none'"), "alone", "its loss on the train side is ");
}

static void the_fold_is_named(void **state)
{
    (void)state;
    run_diverges(WILD("lr'", "}, 'split': {'kind': 'kfold', 'k': 2"), "folds", "fold 0: the model of step");
    assert_false(there("folds", "folds/0/" RUNDIR_FINAL));
}

/* The order of such scores may be fine, and a calibration would hide the rest. */
static void validation_chooses_no_such_model(void **state)
{
    (void)state;
#define CUT "}, 'split': {'kind': 'holdout', 'validation_fraction': 0.2, 'test_fraction': 0.2}"
    run_diverges(WILD("lr'", ", 'epochs': 4, 'early_stopping': {'metric': 'auc', 'patience': 2}" CUT ", 'evaluate': {'every_steps': 0"), "early",
                 "on the validation side");
    run_diverges(WILD("fm'", ", 'epochs': 4, 'early_stopping': {'metric': 'auc', 'patience': 2}" CUT ", 'evaluate': {'every_steps': 0"), "bad",
                 "on the validation side");
    run_diverges(WILD("lr'", CUT ", 'calibration': {'kind': 'isotonic'"), "calibrated", "its loss on the validation side");
}

/* What has learnt next to nothing is no good, and has not diverged. */
static void slow_starts_succeed(void **state)
{
    (void)state;
    static const char *const kinds[] = {"lr'", "fm'", "mlp', 'hidden': [8]", "linear'", "poisson'", "softmax', 'classes': 2"};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        char spec[1024], dir[32];
        struct run_result result;
        struct error err = {0};
        snprintf(dir, sizeof dir, "slow%zu", i);
        snprintf(
            spec, sizeof spec,
            RUN_KIT_SPEC("a.ffm", "'model': {'hash_bits': 12, 'kind': '%s}, 'optimizer': {'kind': 'sgd', 'lr': 1e-9}, 'train': {'max_rows': 64}"),
            "%s", kinds[i]);
        char *format = strstr(spec, "libsvm");
        memcpy(format, "libffm", 6);
        assert_ok(run_kit_run(&world_real, spec, dir, 1, &result, &err), &err);
    }
}

/* The verdict itself. */
static void what_stands_beside_what_is_learnt_by_nothing(void **state)
{
    (void)state;
    static const struct {
        const struct loss *loss;
        const struct model *model;
        double found, train, side; /* mean losses: of the model, of zeros on the training side, and on the judged one */
        bool diverged;
    } rows[] = {
        {&loss_logistic, &model_lr, 60, 0, 0, false},        {&loss_logistic, &model_lr, 70, 0, 0, true},
        {&loss_squared, &model_linear, 49, 1e-6, 0, false},  {&loss_squared, &model_linear, 51, 1e-6, 0, true},
        {&loss_squared, &model_linear, 1e6, 1e6, 10, false}, /* prices that collapsed overnight */
        {&loss_squared, &model_linear, 1e6, 10, 1e6, false}, {&loss_squared, &model_linear, 1e9, 10, 1e6, true},
        {&loss_poisson, &model_poisson, 49, 1e-3, 0, false}, {&loss_poisson, &model_poisson, 1e6, 1e3, 1, true},
        {&loss_logistic, &model_lr, NAN, 0, 0, false}, /* no rows */
    };
    struct job *job = mem_zero(sizeof *job, NULL);
    struct fold *fold = mem_zero(sizeof *fold, NULL);
    assert_true(job && fold);
    fold->job = job;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct evaluation e = {.rows = 505, .labels = rows[i].loss->labels, .loss = rows[i].found};
        for (size_t m = 0; metrics[m]; m++) e.measures[m].value = rows[i].found;
        struct error err = {0};
        job->model = (struct model_use){.model = rows[i].model, .loss = rows[i].loss};
        fold->sides.blank[SIDE_TRAIN] = rows[i].train;
        fold->sides.blank[SIDE_TEST] = rows[i].side;
        if ((diverged_check(fold, SIDE_TEST, &e, &err) < 0) != rows[i].diverged) fail_msg("row %zu: %s", i, err.msg);
        e.bad_scores = 115;
        assert_int_equal(diverged_check(fold, SIDE_TEST, &e, &err), -ERROR_DIVERGED);
        if (!rows[i].diverged) assert_error(&err, ERROR_DIVERGED, "on the test side 115 of 505 scores are not finite or beyond");
    }
    mem_free(fold);
    mem_free(job);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(rates_beyond_all_measure_fail),
                                          cmocka_unit_test(no_side_but_training_is_one),
                                          cmocka_unit_test(the_fold_is_named),
                                          cmocka_unit_test(validation_chooses_no_such_model),
                                          cmocka_unit_test(slow_starts_succeed),
                                          cmocka_unit_test(what_stands_beside_what_is_learnt_by_nothing)};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    run_kit_fields(4);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

/* test: threads */
/* K-fold jobs: every fold has its model, every row is scored once by the model that has not seen it, means and spreads are those of the folds, and
 * ensembles do what averaging by hand does; the same bits for every number of workers, across stops, and after a full disk. */
#include "lib/test.h"

#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "contract/event.h"
#include "contract/rundir.h"
#include "engine/train/run.h"
#include "lib/run_kit.h"
#include "lib/world_fault.h"

enum { FOLDS = 3 };

static int setup(void **state)
{
    (void)state;
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    return 0;
}

#define FOLDED(split, rest) \
    RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 12}, 'optimizer': {'lr': 0.3}, " \
                          "'split': {'kind': 'kfold', 'k': 3" split "}, 'train': {'epochs': 3, 'batch_size': 256}, " \
                          "'checkpoint': {'every_steps': 4, 'keep': 2}, 'evaluate': {'scores': true}" rest)

struct table { /* of a scores.tsv: by row */
    double score[RUN_KIT_ROWS], label[RUN_KIT_ROWS];
    unsigned seen[RUN_KIT_ROWS], count;
};

static void table_read(struct table *t, const char *dir, const char *name)
{
    char path[PATH_SIZE], *end;
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/%s", 3000, run_kit_root, dir, name);
    char *text = test_read_file(path, &size), *line = strchr(text, '\n');
    assert_true(strncmp(text, "row\tlabel\tscore\n", 16) == 0);
    for (line = line ? line + 1 : NULL; line && *line; line = strchr(line, '\n') + 1) {
        unsigned long row = strtoul(line, &end, 10);
        assert_true(row < RUN_KIT_ROWS);
        t->label[row] = strtod(end, &end);
        t->score[row] += strtod(end, &end);
        t->seen[row]++;
        t->count++;
    }
    mem_free(text);
}

static double table_logloss(const struct table *t)
{
    double sum = 0, n = 0;
    for (size_t i = 0; i < RUN_KIT_ROWS; i++)
        if (t->seen[i]) sum -= t->label[i] > 0 ? log(t->score[i]) : log1p(-t->score[i]), n++;
    return sum / n;
}

static double table_auc(const struct table *t)
{
    double wins = 0, pairs = 0;
    for (size_t i = 0; i < RUN_KIT_ROWS; i++)
        for (size_t j = 0; t->seen[i] && t->label[i] > 0 && j < RUN_KIT_ROWS; j++) {
            if (!t->seen[j] || t->label[j] > 0) continue;
            wins += t->score[i] > t->score[j] ? 1 : t->score[i] == t->score[j] ? 0.5 : 0;
            pairs++;
        }
    return wins / pairs;
}

static double number_at(const json_t *object, const char *outer, const char *name)
{
    return json_number_value(json_object_get(json_object_get(object, outer), name));
}

/* Out of fold, all rows once; the fold's own evaluation is that of its scores; metrics are mean and sd over the folds. */
static void every_row_is_judged_by_a_model_that_has_not_seen_it(void **state)
{
    (void)state;
    static struct table pooled;
    struct run_result result;
    struct error err;
    double sum = 0, squares = 0;
    uint64_t steps = 0;
    memset(&pooled, 0, sizeof pooled);
    assert_ok(run_kit_run(&world_real, FOLDED("", ""), "folds", 2, &result, &err), &err);
    json_t *job = run_kit_evaluation("folds"), *folds = json_object_get(job, "folds");
    assert_int_equal(json_array_size(folds), FOLDS);
    for (int f = 0; f < FOLDS; f++) {
        static struct table one;
        char dir[64];
        memset(&one, 0, sizeof one);
        snprintf(dir, sizeof dir, "folds/folds/%d", f);
        table_read(&one, dir, RUNDIR_SCORES);
        table_read(&pooled, dir, RUNDIR_SCORES);
        json_t *own = run_kit_evaluation(dir), *line = json_array_get(folds, (size_t)f);
        assert_true(json_equal(json_object_get(own, "metrics"), json_object_get(line, "metrics")));
        assert_int_equal(json_integer_value(json_object_get(own, "fold")), f);
        assert_int_equal(json_integer_value(json_object_get(own, "rows")), one.count);
        assert_int_equal(json_integer_value(json_object_get(line, "training_rows")), RUN_KIT_ROWS - one.count);
        assert_close(number_at(line, "metrics", "logloss"), table_logloss(&one), 1e-9, 0);
        assert_close(number_at(line, "metrics", "auc"), table_auc(&one), 1e-9, 0);
        sum += number_at(line, "metrics", "auc");
        squares += number_at(line, "metrics", "auc") * number_at(line, "metrics", "auc");
        steps += (uint64_t)json_integer_value(json_object_get(line, "steps"));
        json_decref(own);
    }
    assert_int_equal(pooled.count, RUN_KIT_ROWS);
    for (size_t i = 0; i < RUN_KIT_ROWS; i++) assert_int_equal(pooled.seen[i], 1);
    json_t *whole = json_object_get(job, "pooled");
    assert_int_equal(json_integer_value(json_object_get(whole, "rows")), RUN_KIT_ROWS);
    assert_close(number_at(whole, "metrics", "logloss"), table_logloss(&pooled), 1e-9, 0);
    assert_close(number_at(whole, "metrics", "auc"), table_auc(&pooled), 1e-9, 0);
    assert_close(number_at(job, "metrics", "auc"), sum / FOLDS, 1e-12, 0);
    assert_close(number_at(job, "sd", "auc"), sqrt((squares - sum * sum / FOLDS) / (FOLDS - 1)), 1e-5, 0);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(job, "n"), "auc")), FOLDS);
    assert_true(json_is_null(json_object_get(json_object_get(job, "se"), "auc")));
    assert_true(number_at(job, "metrics", "auc") > 0.8);
    assert_int_equal(result.steps, steps);
    assert_string_equal(result.final_path, ""); /* no fold's model is the job's */
    json_decref(job);
}

static char *text_of(const char *dir, const char *name)
{
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/%s/%s", 3000, run_kit_root, dir, name);
    return test_read_file(path, &size);
}

/* Evaluation and model of two folders, byte by byte: the evaluation names each fold's digest. */
static void assert_same_outcome(const char *a, const char *b)
{
    char *one = text_of(a, RUNDIR_EVALUATION), *other = text_of(b, RUNDIR_EVALUATION);
    assert_string_equal(one, other);
    mem_free(one);
    mem_free(other);
}

static const char bits_spec[] = RUN_KIT_SPEC(
    "a.svm", "'model': {'kind': 'fm', 'hash_bits': 14, 'embedding_dim': 4}, 'optimizer': {'kind': 'adam', 'l2': 1e-6}, "
             "'split': {'kind': 'kfold', 'k': 3, 'test_fraction': 0.2, 'validation_fraction': 0.1}, "
             "'compression': {'codec': 'topk', 'retention': {'start': 0.5, 'min': 0.05}, 'residual_rows_max': 10}, "
             "'train': {'epochs': 3, 'batch_size': 130, 'shards': 7, 'early_stopping': {'patience': 2}}, "
             "'evaluate': {'every_steps': 5, 'scores': true, 'sides': true, 'bootstrap': 20}, 'ensemble': {'kind': 'weight_average'}, "
             "'checkpoint': {'every_steps': 4, 'keep': 2}");

static void bits_do_not_depend_on_workers(void **state)
{
    (void)state;
    struct run_result one, other;
    struct error err;
    assert_ok(run_kit_run(&world_real, bits_spec, "bits1", 1, &one, &err), &err);
    for (unsigned workers = 2; workers <= 4; workers += 2) {
        char dir[32];
        snprintf(dir, sizeof dir, "bits%u", workers);
        assert_ok(run_kit_run(&world_real, bits_spec, dir, workers, &other, &err), &err);
        assert_string_equal(one.sha256, other.sha256);
        assert_same_outcome("bits1", dir);
    }
}

static uint64_t stop_from; /* steps of the whole job */
static bool stopped;

static void stop_at_step(void *context, const struct progress *p)
{
    (void)context;
    if (stopped || p->phase != PROGRESS_TRAINING || p->step < stop_from) return;
    stopped = true;
    raise(SIGTERM);
}

struct count { /* of events of one attempt */
    uint64_t attempt, checkpoints[FOLDS], metrics[FOLDS], last_step, final_step;
    bool back; /* a step went back within the attempt */
};

static int count_each(void *context, struct event *event, struct error *err)
{
    struct count *c = context;
    (void)err;
    if (event->attempt != c->attempt) return 0;
    const char *path = json_string_value(json_object_get(event->body, "path"));
    json_int_t fold = json_integer_value(json_object_get(event->body, "fold"));
    if (event->type == EVENT_CHECKPOINT && path && strcmp(path, RUNDIR_FINAL) == 0) {
        c->final_step = event->step;
        return 0;
    }
    if (event->type == EVENT_METRIC) {
        c->back |= event->step < c->last_step;
        c->last_step = event->step;
        c->metrics[fold]++;
    }
    if (event->type == EVENT_CHECKPOINT) c->checkpoints[fold]++;
    return 0;
}

static struct count events_count(const char *dir, uint64_t attempt)
{
    struct count c = {.attempt = attempt};
    struct event_reader reader;
    struct error err = {0};
    char *text = text_of(dir, RUNDIR_EVENTS);
    event_reader_init(&reader, 0);
    assert_ok(event_reader_feed(&reader, text, strlen(text), count_each, &c, &err), &err);
    event_reader_close(&reader);
    mem_free(text);
    return c;
}

/* Stopped in each fold in turn: the fold goes on from its checkpoint, those before it are not trained again, and the end is that of a run without
 * a stop. */
static void bits_survive_a_stop_in_any_fold(void **state)
{
    (void)state;
    struct run_result whole, part;
    struct error err;
    assert_ok(run_kit_run(&world_real, bits_spec, "whole", 2, &whole, &err), &err);
    json_t *job = run_kit_evaluation("whole");
    run_kit_progress = stop_at_step;
    for (int f = 0, before = 0; f < FOLDS; f++) {
        char dir[32];
        json_int_t steps = json_integer_value(json_object_get(json_array_get(json_object_get(job, "folds"), (size_t)f), "steps"));
        snprintf(dir, sizeof dir, "parts%d", f);
        stop_from = (uint64_t)(before + 1); /* a fold's first step is always told */
        stopped = false;
        assert_int_equal(run_kit_run(&world_real, bits_spec, dir, 1, &part, &err), -ERROR_STOPPED);
        assert_ok(run_kit_run(&world_real, bits_spec, dir, 2, &part, &err), &err);
        assert_string_equal(whole.sha256, part.sha256);
        assert_int_equal(whole.steps, part.steps);
        assert_same_outcome("whole", dir);
        struct count again = events_count(dir, 2);
        for (int k = 0; k < FOLDS; k++) {
            assert_int_equal(again.checkpoints[k] > 0, k >= f);
            assert_int_equal(again.metrics[k] > 0, k >= f);
        }
        assert_false(again.back); /* steps count on over the folds */
        assert_int_equal(again.final_step, whole.steps);
        before += (int)steps;
    }
    assert_ok(run_kit_run(&world_real, bits_spec, "whole", 2, &part, &err), &err); /* nothing left to do */
    assert_string_equal(whole.sha256, part.sha256);
    json_decref(job);
}

/* Fail the k-th change to the disk, for a k that grows by an eighth until none is left: running again gives the outcome of a run without a fault. */
static void disk_may_be_full_at_any_write(void **state)
{
    (void)state;
    static const char spec[] = RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 10}, 'train': {'batch_size': 900, 'shards': 2}, "
                                                     "'split': {'kind': 'kfold', 'k': 2, 'test_fraction': 0.2}, 'ensemble': {'kind': 'mean'}, "
                                                     "'checkpoint': {'keep': 1}, 'evaluate': {'scores': true}");
    struct run_result got;
    struct error err;
    unsigned k = 0, survived = 0, tries = 0;
    assert_ok(run_kit_run(&world_real, spec, "disk", 2, &got, &err), &err);
    for (bool fired = true; fired; k += 3 + k / 8, tries++) {
        char dir[64];
        snprintf(dir, sizeof dir, "disk%u", k);
        int rc = run_kit_run(world_fault(k + 1, ERROR_NOSPACE, false), spec, dir, 2, &got, &err);
        fired = world_fault_fired();
        if (rc == 0) survived++;
        else if (err.code != ERROR_NOSPACE) fail_msg("call %u: %s", k + 1, err.msg);
        assert_ok(run_kit_run(&world_real, spec, dir, 2, &got, &err), &err);
        assert_same_outcome("disk", dir);
    }
    assert_true(tries > 10 && survived < tries);
}

/* The folds' scores of the unseen rows, added up by hand, against the ensemble's. */
static void unseen_by_hand(const char *dir, struct table *sum, bool as_logits)
{
    memset(sum, 0, sizeof *sum);
    for (int f = 0; f < FOLDS; f++) {
        static struct table one;
        char folder[64];
        memset(&one, 0, sizeof one);
        snprintf(folder, sizeof folder, "%s/folds/%d", dir, f);
        table_read(&one, folder, RUNDIR_UNSEEN);
        for (size_t i = 0; i < RUN_KIT_ROWS; i++) {
            if (!one.seen[i]) continue;
            sum->score[i] += as_logits ? log(one.score[i] / (1 - one.score[i])) : one.score[i];
            sum->label[i] = one.label[i];
            if (sum->seen[i]++ == 0) sum->count++;
        }
    }
    for (size_t i = 0; i < RUN_KIT_ROWS; i++) {
        if (!sum->seen[i]) continue;
        assert_int_equal(sum->seen[i], FOLDS);
        sum->score[i] /= FOLDS;
        if (as_logits) sum->score[i] = 1 / (1 + exp(-sum->score[i]));
    }
}

static void ensemble_is_the_average_by_hand(const char *kind, bool as_logits, double within)
{
    static struct table want, got;
    struct run_result result;
    struct error err;
    char spec[2048];
    snprintf(spec, sizeof spec, FOLDED(", 'test_fraction': 0.2", ", 'ensemble': {'kind': '%s'}"), "%s", kind);
    memset(&got, 0, sizeof got);
    assert_ok(run_kit_run(&world_real, spec, kind, 2, &result, &err), &err);
    unseen_by_hand(kind, &want, as_logits);
    table_read(&got, kind, RUNDIR_SCORES);
    assert_true(want.count > RUN_KIT_ROWS / 10);
    assert_int_equal(got.count, want.count);
    for (size_t i = 0; i < RUN_KIT_ROWS; i++) {
        assert_int_equal(got.seen[i] > 0, want.seen[i] > 0);
        if (got.seen[i]) assert_close(got.score[i], want.score[i], within, 0);
    }
    json_t *job = run_kit_evaluation(kind), *ensemble = json_object_get(job, "ensemble"), *judged = json_object_get(ensemble, "evaluation");
    assert_string_equal(json_string_value(json_object_get(ensemble, "kind")), kind);
    assert_int_equal(json_integer_value(json_object_get(judged, "rows")), want.count);
    assert_close(number_at(judged, "metrics", "logloss"), table_logloss(&want), within, 0);
    assert_close(number_at(judged, "metrics", "auc"), table_auc(&got), 1e-9, 0);
    assert_int_equal(json_array_size(json_object_get(ensemble, "members")), FOLDS);
    for (int f = 0; f < FOLDS; f++) {
        static struct table one;
        char folder[64];
        memset(&one, 0, sizeof one);
        snprintf(folder, sizeof folder, "%s/folds/%d", kind, f);
        table_read(&one, folder, RUNDIR_UNSEEN);
        assert_close(number_at(json_array_get(json_object_get(ensemble, "members"), (size_t)f), "metrics", "logloss"), table_logloss(&one), 1e-9, 0);
    }
    json_decref(job);
}

static void mean_is_that_of_the_probabilities(void **state)
{
    (void)state;
    ensemble_is_the_average_by_hand("mean", false, 1e-6);
}

/* A linear model's average is the mean of the logits, whichever rows sleep in which fold; and it is the job's model. */
static void weight_average_of_linear_models_is_the_mean_of_the_logits(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    ensemble_is_the_average_by_hand("weight_average", true, 2e-5);
    snprintf(path, sizeof path, "%.*s/weight_average/" RUNDIR_FINAL, 3000, run_kit_root);
    assert_true(path_exists(&world_real, path));
}

static void without_unseen_rows_an_average_is_saved_but_not_judged(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_ok(run_kit_run(&world_real, FOLDED("", ", 'ensemble': {'kind': 'weight_average'}"), "unjudged", 2, &result, &err), &err);
    json_t *job = run_kit_evaluation("unjudged"), *ensemble = json_object_get(job, "ensemble");
    assert_true(json_is_null(json_object_get(ensemble, "evaluation")));
    assert_non_null(strstr(json_string_value(json_object_get(ensemble, "reason")), "test_fraction"));
    assert_true(*result.final_path);
    assert_string_equal(json_string_value(json_object_get(ensemble, "sha256")), result.sha256);
    json_decref(job);
}

static void what_cannot_be_combined_says_so(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_true(run_kit_run(&world_real, FOLDED("", ", 'ensemble': {'kind': 'mean'}"), "seen", 1, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "no fold has seen");
    assert_string_equal(err.field, "/split/test_fraction");
    assert_true(
        run_kit_run(&world_real,
                    RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'split': {'kind': 'kfold'}, 'train': {'early_stopping': {'patience': 1}}"),
                    "early", 1, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "validation");
}

static void put_file(const char *name, const char *text)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/%s", 3000, run_kit_root, name);
    test_write_file(path, text, strlen(text));
}

static void assert_no_fold(const char *dir)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_FOLDS "/0", 3000, run_kit_root, dir);
    assert_false(path_exists(&world_real, path));
}

/* A fold without rows is told before the folds before it are trained, and so is a validation side that no calibration can be fitted to. */
static void what_a_later_fold_lacks_is_told_before_the_first(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    put_file("three.svm", "1 1:1\n1 2:1\n0 3:1\n");
    assert_true(run_kit_run(&world_real, RUN_KIT_SPEC("three.svm", "'model': {'kind': 'lr'}, 'split': {'kind': 'kfold', 'k': 3, 'by': 'label'}"),
                            "three", 1, &result, &err) < 0);
    assert_error(&err, ERROR_DATA, "fold 2: no row is on the test side (3 rows in all)");
    assert_no_fold("three");
    put_file("sides.svm", "1 1:1\n0 2:1\n1 1:1\n0 2:1\n0 3:1\n0 3:1\n1 1:1\n0 2:1\n");
    const char *spec = RUN_KIT_SPEC("sides.svm", "'model': {'kind': 'lr'}, 'calibration': {'kind': 'platt'}, "
                                                 "'split': {'kind': 'sequential', 'validation_from': 4, 'test_from': 6}");
    assert_true(run_kit_run(&world_real, spec, "one-class", 1, &result, &err) < 0);
    assert_error(&err, ERROR_DATA, "whose rows all have label 0 (2)");
}

/* The way out of an empty side is named for the kind of split at hand; what was judged instead of a test side is said. */
static void empty_sides_are_told(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    const char *all = RUN_KIT_SPEC("a.svm",
                                   "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'round_robin', 'k': 2, 'validation_side': 1}");
    assert_true(run_kit_run(&world_real, all, "all", 1, &result, &err) < 0);
    assert_error(&err, ERROR_DATA, "0 left out); split.kind \"round_robin\" must leave some");
    char *events = text_of("all", RUNDIR_EVENTS);
    assert_non_null(strstr(events, "0 train rows; 1500 validation rows, "));
    mem_free(events);
    const char *none = RUN_KIT_SPEC("a.svm",
                                    "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'round_robin', 'k': 5000, 'test_side': 4999}");
    assert_ok(run_kit_run(&world_real, none, "none", 1, &result, &err), &err);
    events = text_of("none", RUNDIR_EVENTS);
    assert_non_null(strstr(events, "judged on the rows that it is trained on"));
    mem_free(events);
}

/* Rows may all be without a feature: only the bias learns. */
static void rows_without_features_train(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    put_file("bare.svm", "1\n0\n1\n0\n");
    assert_ok(run_kit_run(&world_real, RUN_KIT_SPEC("bare.svm", "'model': {'kind': 'lr'}, 'split': {'kind': 'none'}, 'train': {'shards': 2}"), "bare",
                          1, &result, &err),
              &err);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(every_row_is_judged_by_a_model_that_has_not_seen_it),
                                          cmocka_unit_test(bits_do_not_depend_on_workers),
                                          cmocka_unit_test(bits_survive_a_stop_in_any_fold),
                                          cmocka_unit_test(disk_may_be_full_at_any_write),
                                          cmocka_unit_test(mean_is_that_of_the_probabilities),
                                          cmocka_unit_test(weight_average_of_linear_models_is_the_mean_of_the_logits),
                                          cmocka_unit_test(without_unseen_rows_an_average_is_saved_but_not_judged),
                                          cmocka_unit_test(what_cannot_be_combined_says_so),
                                          cmocka_unit_test(what_a_later_fold_lacks_is_told_before_the_first),
                                          cmocka_unit_test(empty_sides_are_told),
                                          cmocka_unit_test(rows_without_features_train)};

int main(int argc, char **argv)
{
    setup(NULL);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

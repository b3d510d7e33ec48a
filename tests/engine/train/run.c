/* test: threads */
/* A whole job in this process, on small generated data: it learns, gives the same bits for every number of workers and across stops, survives a disk
 * that is full at every single write, refuses what it must, and says why. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "contract/event.h"
#include "contract/rundir.h"
#include "contract/safetensors.h"
#include "contract/sidecar.h"
#include "engine/train/run.h"
#include "lib/job_kit.h"
#include "lib/run_kit.h"
#include "lib/world_fault.h"

static int setup(void **state)
{
    (void)state;
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    run_kit_data("coin.svm", true, false);
    run_kit_data("sorted.svm", false, true);
    return 0;
}

static void job_learns_and_is_evaluated(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_ok(run_kit_run(&world_real,
                          RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'holdout', 'test_fraction': 0.3}, "
                                                "'train': {'epochs': 20, 'batch_size': 256}, 'optimizer': {'lr': 0.3}, 'evaluate': {'scores': true}"),
                          "learn", 2, &result, &err),
              &err);
    assert_true(result.succeeded && result.steps == 20 * ((result.rows / 20 + 255) / 256));
    assert_true(run_kit_metric("learn", "auc") > 0.85);
    assert_close(run_kit_metric("learn", "calibration"), 1, 0, 0.12);
}

/* A penalty that leaves nothing of the weights: what remains is the base rate, or nothing when the bias is penalised, too. */
static void the_bias_is_penalised_on_request_only(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
#define PENALTY(rest) \
    RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 12}, 'train': {'epochs': 30, 'batch_size': 4096}, " \
                          "'optimizer': {'kind': 'sgd', 'lr': 0.01, 'l2': 90" rest "}")
    assert_ok(run_kit_run(&world_real, PENALTY(""), "free", 1, &result, &err), &err);
    assert_ok(run_kit_run(&world_real, PENALTY(", 'penalise_bias': true"), "bound", 1, &result, &err), &err);
    assert_close(run_kit_metric("bound", "logloss"), 0.6931, 0, 0.003);
    assert_true(run_kit_metric("free", "logloss") < run_kit_metric("bound", "logloss") - 1e-4);
}

static json_int_t rows_of(const char *dir)
{
    json_t *json = run_kit_evaluation(dir);
    json_int_t rows = json_integer_value(json_object_get(json, "rows"));
    json_decref(json);
    return rows;
}

/* Files of a side of their own: the same rows cut at the same places by row numbers give the same model and judgement; cut elsewhere, a run is not
 * gone on with, though the data is the same. */
static void files_can_be_sides(void **state)
{
    (void)state;
    struct run_result files, numbers;
    struct error err;
#define CUT(train, validation, test) \
    "{'dataset': {'uri': " train ", 'format': 'libsvm'}, 'split': {'kind': 'predefined', 'validation_uri': " validation ", 'test_uri': " test "}, " \
    "'model': {'kind': 'lr', 'hash_bits': 12}, 'train': {'batch_size': 100, 'shards': 3}}"
#define A "'%1$s/a.svm'"
#define COIN "'%1$s/coin.svm'"
#define SORTED "'%1$s/sorted.svm'"
    assert_ok(run_kit_run(&world_real, CUT(SORTED, COIN, "[" A "]"), "files", 2, &files, &err), &err);
    assert_int_equal(files.rows, RUN_KIT_ROWS);
    assert_int_equal(rows_of("files"), RUN_KIT_ROWS);
    assert_ok(run_kit_run(&world_real,
                          "{'dataset': {'uri': [" SORTED ", " COIN ", " A "], 'format': 'libsvm'}, "
                          "'split': {'kind': 'sequential', 'validation_from': 3000, 'test_from': 6000}, "
                          "'model': {'kind': 'lr', 'hash_bits': 12}, 'train': {'batch_size': 100, 'shards': 3}}",
                          "numbers", 2, &numbers, &err),
              &err);
    assert_int_equal(rows_of("numbers"), RUN_KIT_ROWS);
    assert_int_equal(files.steps, numbers.steps);
    assert_close(run_kit_metric("files", "logloss"), run_kit_metric("numbers", "logloss"), 0, 0);
    assert_int_equal(run_kit_run(&world_real,
                                 "{'dataset': {'uri': [" SORTED ", " COIN "], 'format': 'libsvm'}, 'split': {'kind': 'predefined', 'test_uri': " A
                                 "}, "
                                 "'model': {'kind': 'lr', 'hash_bits': 12}, 'train': {'batch_size': 100, 'shards': 3}}",
                                 "files", 2, &files, &err),
                     -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "trained with another held_out");
}

/* Every row of a batch is in exactly one shard, in uneven batches and tails, and with more shards than rows: the mean gradient is that of one shard.
 */
static void shards_share_the_rows(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    static const int shards[] = {1, 5, 64};
    char spec[1024], dir[32];
    double losses[3];
    for (int i = 0; i < 3; i++) {
        snprintf(spec, sizeof spec,
                 RUN_KIT_SPEC("a.svm",
                              "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'none'}, 'optimizer': {'kind': 'sgd', 'lr': 0.3}, "
                              "'train': {'batch_size': 23, 'epochs': 2, 'shuffle': false, 'shards': %d}"),
                 "%s", shards[i]);
        snprintf(dir, sizeof dir, "shards%d", shards[i]);
        assert_ok(run_kit_run(&world_real, spec, dir, 1, &result, &err), &err);
        assert_int_equal(result.rows, 2 * RUN_KIT_ROWS);
        losses[i] = run_kit_metric(dir, "logloss");
        assert_close(losses[i], losses[0], 1e-5, 0);
    }
}

static void coin_labels_teach_nothing(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_ok(run_kit_run(&world_real, RUN_KIT_SPEC("coin.svm", "'model': {'kind': 'lr'}, 'split': {'kind': 'holdout', 'test_fraction': 0.5}"),
                          "coin", 2, &result, &err),
              &err);
    assert_close(run_kit_metric("coin", "auc"), 0.5, 0, 0.05);
}

/* All negatives first in the file: the shuffled stream must not care. */
static void sorted_file_is_as_good(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    static const char spec[] = RUN_KIT_SPEC("sorted.svm",
                                            "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'holdout', 'test_fraction': 0.3}, "
                                            "'train': {'epochs': 20, 'batch_size': 256}, 'optimizer': {'lr': 0.3}");
    assert_ok(run_kit_run(&world_real, spec, "sorted", 2, &result, &err), &err);
    assert_true(run_kit_metric("sorted", "auc") > 0.85);
}

static const char bits_spec[] = RUN_KIT_SPEC(
    "a.svm", "'model': {'kind': 'fm', 'hash_bits': 14, 'embedding_dim': 4}, "
             "'split': {'kind': 'holdout', 'test_fraction': 0.2, 'validation_fraction': 0.2}, 'optimizer': {'kind': 'adam', 'l2': 1e-6}, "
             "'compression': {'codec': 'topk', 'retention': {'start': 0.5, 'decay': 0.5, 'min': 0.05}, 'residual_rows_max': 10}, "
             "'train': {'epochs': 3, 'batch_size': 130, 'shards': 7, 'early_stopping': {'patience': 2}}, "
             "'evaluate': {'every_steps': 5}, 'checkpoint': {'every_steps': 4, 'keep': 2}");

static void bits_do_not_depend_on_workers(void **state)
{
    (void)state;
    struct run_result one, other;
    struct error err;
    assert_ok(run_kit_run(&world_real, bits_spec, "bits1", 1, &one, &err), &err);
    assert_ok(run_kit_run(&world_real, bits_spec, "bits2", 2, &other, &err), &err);
    assert_string_equal(one.sha256, other.sha256);
    assert_ok(run_kit_run(&world_real, bits_spec, "bits4", 4, &other, &err), &err);
    assert_string_equal(one.sha256, other.sha256);
}

/* Stopped after its first step, and again after each resume: every stop leaves a checkpoint of just that step, and the end has the same bits as a
 * run that was never stopped. */
static void bits_survive_stops(void **state)
{
    (void)state;
    enum { STOPS = 6 };
    struct run_result whole, part;
    struct error err;
    char dir[PATH_SIZE];
    assert_ok(run_kit_run(&world_real, bits_spec, "whole", 2, &whole, &err), &err);
    snprintf(dir, sizeof dir, "%.*s/parts", 3000, run_kit_root);
    run_kit_progress = job_kit_stop;
    for (uint64_t stop = 1; stop <= STOPS; stop++) {
        struct rundir_checkpoint newest;
        job_kit_stops = 1;
        assert_int_equal(run_kit_run(&world_real, bits_spec, "parts", 1 + (unsigned)stop % 2, &part, &err), -ERROR_STOPPED);
        assert_ok(rundir_latest_checkpoint(&world_real, dir, NULL, &newest, &err), NULL);
        assert_int_equal(newest.step, stop);
    }
    assert_ok(run_kit_run(&world_real, bits_spec, "parts", 2, &part, &err), &err);
    assert_string_equal(whole.sha256, part.sha256);
    assert_ok(run_kit_run(&world_real, bits_spec, "parts", 2, &part, &err), &err); /* once more: nothing left to do, the same model */
    assert_string_equal(whole.sha256, part.sha256);
    run_kit_progress = NULL;
}

/* A stop file that is there before training starts. */
static void stop_file_is_obeyed(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    char dir[PATH_SIZE];
    snprintf(dir, sizeof dir, "%.*s/asked", 3000, run_kit_root);
    assert_ok(path_mkdirs(&world_real, dir, &err), &err);
    assert_ok(rundir_ask_stop(&world_real, dir, false, &err), &err);
    assert_int_equal(run_kit_run(&world_real, bits_spec, "asked", 2, &result, &err), -ERROR_STOPPED);
    assert_ok(rundir_clear_stop(&world_real, dir, NULL), NULL);
    assert_ok(run_kit_run(&world_real, bits_spec, "asked", 2, &result, &err), &err);
}

/* Fail the k-th change to the disk, for k = 1, 2, ... until none is left: the run ends well or with ERROR_NOSPACE, and running again gives the model.
 */
static void disk_may_be_full_at_any_write(void **state)
{
    (void)state;
    static const char spec[] = RUN_KIT_SPEC(
        "a.svm", "'model': {'kind': 'lr', 'hash_bits': 10}, 'train': {'batch_size': 700, 'shards': 2, 'log_every_steps': 2}, "
                 "'checkpoint': {'every_steps': 2, 'keep': 1}, 'evaluate': {'scores': true}");
    struct run_result want, got;
    struct error err;
    unsigned k = 0, survived = 0;
    assert_ok(run_kit_run(&world_real, spec, "disk", 2, &want, &err), &err);
    for (bool fired = true; fired; k += FAULT_STRIDE) {
        char dir[64];
        snprintf(dir, sizeof dir, "disk%u", k);
        int rc = run_kit_run(world_fault(k + 1, ERROR_NOSPACE, false), spec, dir, 2, &got, &err);
        fired = world_fault_fired();
        if (rc == 0) survived++;
        else if (err.code != ERROR_NOSPACE) fail_msg("call %u: %s", k + 1, err.msg);
        assert_ok(run_kit_run(&world_real, spec, dir, 2, &got, &err), &err);
        assert_string_equal(got.sha256, want.sha256);
    }
    assert_true(k > 30 && survived < k);
}

/* The last step is saved twice, before its epoch has ended and after; a disk that fills up between the new sum and the new file must not leave it
 * beside the old one, which would look damaged. */
static void a_step_written_anew_is_not_taken_for_damaged(void **state)
{
    (void)state;
    static const char spec[] = RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 10}, 'split': {'kind': 'none'}, 'train': {'batch_size': "
                                                     "1000, 'shards': 2, 'nonfinite': 'rollback'}, 'checkpoint': {'every_steps': 3, 'keep': 1}");
    struct run_result want, got;
    struct error err;
    assert_ok(run_kit_run(&world_real, spec, "anew", 2, &want, &err), &err);
    bool fired = true;
    for (unsigned k = 1; fired; k += FAULT_STRIDE)
        for (int rest = 0; rest < 2; rest++) {
            char dir[64], path[PATH_SIZE];
            size_t size;
            snprintf(dir, sizeof dir, "anew%u-%d", k, rest);
            run_kit_run(world_fault(k, ERROR_NOSPACE, rest), spec, dir, 2, &got, &err);
            fired = world_fault_fired();
            assert_ok(run_kit_run(&world_real, spec, dir, 2, &got, &err), &err);
            assert_string_equal(got.sha256, want.sha256);
            snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
            char *events = test_read_file(path, &size);
            if (strstr(events, "is damaged")) fail_msg("call %u fails, and a good file is taken for damaged", k);
            mem_free(events);
        }
}

static void two_runs_do_not_share_a_directory(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    struct rundir holder;
    char dir[PATH_SIZE];
    snprintf(dir, sizeof dir, "%.*s/held", 3000, run_kit_root);
    assert_ok(rundir_open(&holder, &world_real, dir, &err), &err);
    assert_true(run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}"), "held", 1, &result, &err) < 0);
    assert_int_equal(err.code, ERROR_CONFLICT);
    rundir_close(&holder);
}

/* What differs is named: the model's family and hashing first, then what of the specification. Not a conflict, whose exit code says that waiting
 * helps. */
static void another_spec_does_not_resume(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *why;
    } others[] = {
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'embedding_dim': 4}, 'optimizer': {'lr': 0.01}"),
         "another spec: optimizer.lr was 0.05, is 0.01; use a new run directory"},
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'embedding_dim': 8}"), "another spec: model.embedding_dim was 4, is 8; "},
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}"), "another model (fm, this job has lr)"},
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'embedding_dim': 4, 'hash_bits': 12}"), "another hash_bits (22, this job has 12)"},
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'embedding_dim': 4}, 'features': {'hash_seed': 3}"), "another hash_seed (0, this job has 3)"},
        {RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'embedding_dim': 4}, 'optimizer': {'kind': 'adam'}"),
         "optimizer.kind was \"adagrad\", is \"adam\""},
    };
    struct run_result result;
    struct error err;
    assert_ok(run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'embedding_dim': 4}"), "other", 1, &result, &err), &err);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_true(run_kit_run(&world_real, others[i].spec, "other", 1, &result, &err) < 0);
        assert_error(&err, ERROR_INVALID, others[i].why);
    }
}

static void changed_data_does_not_resume(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    run_kit_data("changing.svm", false, false);
    assert_ok(run_kit_run(&world_real, RUN_KIT_SPEC("changing.svm", "'model': {'kind': 'lr'}"), "changing", 1, &result, &err), &err);
    run_kit_data("changing.svm", true, false);
    assert_true(run_kit_run(&world_real, RUN_KIT_SPEC("changing.svm", "'model': {'kind': 'lr'}"), "changing", 1, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "the data is not what it was when training began");
    assert_string_equal(err.field, "/dataset/uri");
}

static void damaged_checkpoint_falls_back(void **state)
{
    (void)state;
    struct run_result want, got;
    struct error err;
    char path[PATH_SIZE];
    size_t size;
    assert_ok(run_kit_run(&world_real, bits_spec, "torn", 1, &want, &err), &err);
    struct rundir_checkpoint newest;
    snprintf(path, sizeof path, "%.*s/torn", 3000, run_kit_root);
    char dir[PATH_SIZE];
    memcpy(dir, path, sizeof dir);
    assert_ok(rundir_latest_checkpoint(&world_real, dir, NULL, &newest, &err), &err);
    assert_ok(rundir_checkpoint_path(dir, newest, "safetensors", path, &err), &err);
    char *data = test_read_file(path, &size);
    assert_ok(path_unlink(&world_real, path, &err), &err); /* final.safetensors is a link to it: leave that one whole */
    test_write_file(path, data, size / 2);
    mem_free(data);
    assert_ok(run_kit_run(&world_real, bits_spec, "torn", 1, &got, &err), &err);
    assert_string_equal(got.sha256, want.sha256);
}

/* A bit of a finished run's model is flipped, in a file that the job left last: that is told, and the model made anew. */
static void a_damaged_final_is_made_anew(void **state)
{
    (void)state;
    static const struct {
        const char *dir, *spec;
    } rows[] = {
        {"linked", RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 10}")},
        {"fitted", RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 10}, 'calibration': {'kind': 'platt'}, "
                                         "'split': {'kind': 'holdout', 'test_fraction': 0.2, 'validation_fraction': 0.2}")},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct run_result want, got;
        struct error err = {0};
        char path[PATH_SIZE], *data, *events;
        size_t size;
        assert_ok(run_kit_run(&world_real, rows[i].spec, rows[i].dir, 1, &want, &err), &err);
        snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_FINAL, 3000, run_kit_root, rows[i].dir);
        data = test_read_file(path, &size);
        data[size - 1] ^= 1;
        assert_ok(path_unlink(&world_real, path, &err), &err); /* where it is a link to a checkpoint: leave that one whole */
        test_write_file(path, data, size);
        mem_free(data);
        assert_ok(run_kit_run(&world_real, rows[i].spec, rows[i].dir, 2, &got, &err), &err);
        assert_string_equal(got.sha256, want.sha256);
        assert_ok(file_sha256(&world_real, path, got.sha256, &err), &err);
        assert_string_equal(got.sha256, want.sha256);
        assert_int_equal(sidecar_compare(&world_real, path, got.sha256, &err), 1);
        snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, rows[i].dir);
        events = test_read_file(path, &size);
        assert_non_null(strstr(events, RUNDIR_FINAL " is damaged: its SHA-256 is"));
        mem_free(events);
    }
}

/* The best model is of an earlier step, and damaged: what cannot be made anew is not published. */
static void a_damaged_best_is_not_published(void **state)
{
    (void)state;
    static const char overfits[] = RUN_KIT_SPEC(
        "coin.svm", "'model': {'kind': 'lr', 'hash_bits': 12}, 'split': {'kind': 'holdout', 'validation_fraction': 0.3}, "
                    "'train': {'epochs': 5, 'batch_size': 100, 'early_stopping': {'patience': 3}}, 'optimizer': {'lr': 0.5}, "
                    "'evaluate': {'every_steps': 5}, 'checkpoint': {'every_steps': 4, 'keep': 2}");
    struct run_result want, got;
    struct error err = {0};
    char path[PATH_SIZE], sha256[SHA256_HEX];
    size_t size;
    struct rundir_checkpoint at, before, *last = NULL;
    assert_ok(run_kit_run(&world_real, overfits, "best", 1, &want, &err), &err);
    char dir[PATH_SIZE];
    snprintf(dir, sizeof dir, "%.*s/best", 3000, run_kit_root);
    for (; rundir_latest_checkpoint(&world_real, dir, last, &at, &err) == 0; before = at, last = &before) {
        assert_ok(rundir_checkpoint_path(dir, at, "safetensors", path, &err), &err);
        assert_ok(file_sha256(&world_real, path, sha256, &err), &err);
        if (strcmp(sha256, want.sha256) == 0) break;
    }
    assert_string_equal(sha256, want.sha256);
    assert_non_null(last);
    char *data = test_read_file(path, &size);
    data[size - 1] ^= 1;
    test_write_file(path, data, size);
    mem_free(data);
    assert_int_equal(run_kit_run(&world_real, overfits, "best", 1, &got, &err), -ERROR_DATA);
    assert_error(&err, ERROR_DATA, "the best model is lost (bring its file back, or use a new run directory): ");
    assert_error(&err, ERROR_DATA, "is damaged: its SHA-256 is");
}

static void divergence_is_named(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_true(
        run_kit_run(
            &world_real,
            RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm'}, 'optimizer': {'kind': 'sgd', 'lr': 1e5}, 'train': {'epochs': 30, 'batch_size': 64}"),
            "wild", 2, &result, &err) < 0);
    assert_error(&err, ERROR_DIVERGED, "lower optimizer.lr");
}

static void model_that_cannot_fit_says_so(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_true(run_kit_run(&world_real,
                            RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 24}, 'resources': {'max_memory_bytes': 100000000}"), "big", 1,
                            &result, &err) < 0);
    assert_error(&err, ERROR_NOMEM, "the model needs up to 516.3 MiB, and resources.max_memory_bytes allows 95.4 MiB: 2^24 slots x 8 bytes");
    assert_error(&err, ERROR_NOMEM, "lower model.hash_bits and the model's width");
    assert_true(run_kit_run(&world_real,
                            RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'hash_bits': 24}, 'resources': {'max_memory_bytes': 2000000000}, "
                                                  "'compression': {'codec': 'topk'}"),
                            "big", 1, &result, &err) < 0);
    assert_error(&err, ERROR_NOMEM, "residuals of the shards");
    assert_error(&err, ERROR_NOMEM, "lower model.hash_bits: with 22 it would need");
}

static void field_data(void) /* three fields, numbered 0, 1 and 6 */
{
    char text[1 << 14] = "";
    size_t n = 0;
    struct rng rng = rng_at(5, RNG_TEST, 0, 0);
    for (unsigned r = 0; r < 400; r++) {
        unsigned a = (unsigned)rng_below(&rng, 4), b = (unsigned)rng_below(&rng, 4), c = (unsigned)rng_below(&rng, 3);
        n += (size_t)snprintf(text + n, sizeof text - n, "%u 0:%u:1 1:%u:1 6:%u:0.5\n", (a ^ b) & 1, a, 10 + b, 20 + c);
    }
    char path[PATH_SIZE];
    assert_ok(path_join(path, run_kit_root, "pairs.ffm", NULL), NULL);
    test_write_file(path, text, n);
}

#define FIELD_SPEC(rest) "{'dataset': {'uri': '%s/pairs.ffm', 'format': 'libffm'}, " rest "}"

/* A label that is the exclusive or of two fields: nothing for a linear model, and all there is for one of pairs of fields. */
static void pairs_of_fields_are_learnt(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    field_data();
#define PAIRS(kind) \
    FIELD_SPEC("'model': {'kind': '" kind \
               "', 'hash_bits': 10, 'init_scale': 0.1}, 'optimizer': {'lr': 0.1}, 'train': {'epochs': 60, 'batch_size': 32}")
    assert_ok(run_kit_run(&world_real, PAIRS("ffm"), "ffm", 2, &result, &err), &err);
    assert_ok(run_kit_run(&world_real, PAIRS("fwfm"), "fwfm", 2, &result, &err), &err);
    assert_true(run_kit_metric("ffm", "auc") > 0.99);
    assert_true(run_kit_metric("fwfm", "auc") > 0.99);
}

static void models_of_fields_refuse_data_without(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_true(run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'ffm'}"), "fieldless", 1, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "formats with fields are criteo, csv, tsv, jsonl, libffm and vw");
    assert_true(run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fwfm'}"), "fieldless", 1, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "fwfm works on pairs of fields");
}

/* 7 fields x 4 factors and a weight, twice for adagrad: 58 floats a slot, known only once the data is open. */
static void tables_that_grow_with_fields_say_the_sum(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    field_data();
    assert_true(run_kit_run(&world_real, FIELD_SPEC("'model': {'kind': 'ffm', 'hash_bits': 22}, 'resources': {'max_memory_bytes': 800000000}"),
                            "wide", 1, &result, &err) < 0);
    assert_error(&err, ERROR_NOMEM, "2^22 slots x 232 bytes (weights and optimiser state, for the data's 7 fields) = 928.5 MiB");
}

/* What only the data tell is told with the field that it is about, by the run and by its last event, from which a job has its message. */
static void a_failure_names_the_field(void **state)
{
    (void)state;
    char path[PATH_SIZE];
    struct run_result result;
    struct error err;
    size_t size;
    snprintf(path, sizeof path, "%.3000s/t.csv", run_kit_root);
    test_write_file(path, "label,a\n1,x\n0,y\n", 16);
    assert_true(run_kit_run(&world_real, "{'dataset': {'uri': '%s/t.csv', 'format': 'csv', 'weight': 'w'}, 'model': {'kind': 'lr'}}", "named", 1,
                            &result, &err) < 0);
    assert_error(&err, ERROR_DATA, "/dataset/weight: ");
    assert_non_null(strstr(err.msg, "t.csv:1: no column \"w\""));
    snprintf(path, sizeof path, "%.3000s/named/" RUNDIR_EVENTS, run_kit_root);
    char *events = test_read_file(path, &size);
    assert_non_null(strstr(events, "/dataset/weight: "));
    mem_free(events);
}

static void early_stopping_needs_a_validation_side(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_true(run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'train': {'early_stopping': {'patience': 1}}"), "early", 1,
                            &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "validation");
}

/* max_rows ends training in the middle of a batch, and the last state event tells how it ended. */
static void max_rows_is_exact(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    assert_ok(run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'train': {'max_rows': 1111, 'batch_size': 100, 'epochs': 9}"),
                          "max", 2, &result, &err),
              &err);
    assert_int_equal(result.rows, 1111);
    assert_int_equal(result.steps, 12);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(job_learns_and_is_evaluated),
                                          cmocka_unit_test(the_bias_is_penalised_on_request_only),
                                          cmocka_unit_test(files_can_be_sides),
                                          cmocka_unit_test(shards_share_the_rows),
                                          cmocka_unit_test(coin_labels_teach_nothing),
                                          cmocka_unit_test(sorted_file_is_as_good),
                                          cmocka_unit_test(bits_do_not_depend_on_workers),
                                          cmocka_unit_test(bits_survive_stops),
                                          cmocka_unit_test(stop_file_is_obeyed),
                                          cmocka_unit_test(disk_may_be_full_at_any_write),
                                          cmocka_unit_test(a_step_written_anew_is_not_taken_for_damaged),
                                          cmocka_unit_test(two_runs_do_not_share_a_directory),
                                          cmocka_unit_test(another_spec_does_not_resume),
                                          cmocka_unit_test(changed_data_does_not_resume),
                                          cmocka_unit_test(damaged_checkpoint_falls_back),
                                          cmocka_unit_test(a_damaged_final_is_made_anew),
                                          cmocka_unit_test(a_damaged_best_is_not_published),
                                          cmocka_unit_test(divergence_is_named),
                                          cmocka_unit_test(model_that_cannot_fit_says_so),
                                          cmocka_unit_test(pairs_of_fields_are_learnt),
                                          cmocka_unit_test(models_of_fields_refuse_data_without),
                                          cmocka_unit_test(tables_that_grow_with_fields_say_the_sum),
                                          cmocka_unit_test(a_failure_names_the_field),
                                          cmocka_unit_test(early_stopping_needs_a_validation_side),
                                          cmocka_unit_test(max_rows_is_exact)};

int main(int argc, char **argv)
{
    if (path_exists(&world_real, "/dev/shm")) setenv("TMPDIR", "/dev/shm", 0);
    setup(NULL);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

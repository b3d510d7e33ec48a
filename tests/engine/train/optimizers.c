/* test: threads */
/* Whole jobs with every optimiser: the same bits for 1, 2 and 4 workers and across a stop, on a model with tables and dense tensors, through a codec
 * and without; groups; schedules; and what keeps rows small. */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract/rundir.h"
#include "contract/safetensors.h"
#include "engine/optim/optimizer.h"
#include "lib/job_kit.h"
#include "lib/run_kit.h"

#define FM "'kind': 'fm', 'embedding_dim': 3"

static void same_bits(const char *name, const char *model, const char *train, const char *rest)
{
    char spec[2048], dir[96];
    struct run_result one, other;
    struct error err = {0};
    snprintf(
        spec, sizeof spec,
        "{'dataset': {'uri': '%s/a.ffm', 'format': 'libffm'}, 'model': {'hash_bits': 12, %s}, 'train': {'epochs': 2, 'batch_size': 300, 'shards': "
        "5%s}, %s}",
        "%s", model, train, rest);
    snprintf(dir, sizeof dir, "%s-1", name);
    assert_ok(run_kit_run(&world_real, spec, dir, 1, &one, &err), &err);
    for (unsigned workers = 2; workers <= 4; workers *= 2) {
        snprintf(dir, sizeof dir, "%s-%u", name, workers);
        assert_ok(run_kit_run(&world_real, spec, dir, workers, &other, &err), &err);
        if (strcmp(one.sha256, other.sha256) != 0) fail_msg("%s: %u workers give other bits than 1", name, workers);
    }
    snprintf(dir, sizeof dir, "%s-stopped", name);
    job_kit_stops = 1;
    run_kit_progress = job_kit_stop;
    assert_int_equal(run_kit_run(&world_real, spec, dir, 2, &other, &err), -ERROR_STOPPED);
    run_kit_progress = NULL;
    memset(&err, 0, sizeof err);
    assert_ok(run_kit_run(&world_real, spec, dir, 2, &other, &err), &err);
    if (strcmp(one.sha256, other.sha256) != 0) fail_msg("%s: a stop and a resume give other bits", name);
}

static void every_optimizer_gives_the_same_bits(void **state)
{
    (void)state;
    char rest[256], name[64];
    for (const struct optimizer *const *o = optimizers; *o; o++)
        for (int codec = 0; codec < 2 && !(*o)->whole; codec++) { /* the others have tests of their own: lbfgs.c */
            snprintf(rest, sizeof rest, "'optimizer': {'kind': '%s', 'l2': 1e-6}, 'compression': {'codec': '%s'}", (*o)->kind.name,
                     codec ? "topk" : "none");
            snprintf(name, sizeof name, "%s-%d", (*o)->kind.name, codec);
            same_bits(name, FM, "", rest);
        }
}

/* ... also where weights are rounded at random, in a window of rows, rows fall asleep, or are factors. */
static void every_optimizer_gives_the_same_bits_in_other_tables(void **state)
{
    (void)state;
    char model[96], rest[128], name[64];
    for (const struct optimizer *const *o = optimizers; *o; o++) {
        if ((*o)->whole) continue;
        const char *dtype = (o - optimizers) % 2 ? "fp16" : "bf16";
        snprintf(name, sizeof name, "%s-%s", (*o)->kind.name, dtype);
        snprintf(model, sizeof model, FM ", 'table_dtype': '%s'", dtype);
        snprintf(rest, sizeof rest, "'optimizer': {'kind': '%s', 'l2': 1e-6}", (*o)->kind.name);
        same_bits(name, model, "", rest);
    }
    for (int codec = 0; codec < 2; codec++) { /* rows of factors, which are merged a lot */
        snprintf(name, sizeof name, "factors-%d", codec);
        snprintf(rest, sizeof rest, "'optimizer': {'kind': 'adam'}, 'compression': {'codec': '%s'}", codec ? "topk" : "none");
        same_bits(name, FM ", 'embedding': {'kind': 'qr', 'remainder_bits': 3}, 'table_dtype': 'bf16'", ", 'clip_norm': 0.05", rest);
    }
    same_bits("lasso-bf16", "'kind': 'lr', 'table_dtype': 'bf16'", ", 'clip_norm': 0.05",
              "'optimizer': {'kind': 'adafactor', 'clip_row': 0.01, 'group_lasso': 0.01}");
}

/* Every optimiser learns: better than the base rate by far, at its default rate times ten where that is low. */
static void every_optimizer_learns(void **state)
{
    (void)state;
    for (const struct optimizer *const *o = optimizers; *o; o++) {
        if ((*o)->whole) continue;
        char spec[512];
        struct run_result result;
        struct error err = {0};
        snprintf(spec, sizeof spec,
                 RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 12}, 'train': {'epochs': 20, 'batch_size': 256}, "
                                       "'optimizer': {'kind': '%s', 'lr': %s}"),
                 "%s", (*o)->kind.name,
                 strcmp((*o)->kind.name, "sgd") == 0    ? "1"
                 : strcmp((*o)->kind.name, "lamb") == 0 ? "0.05"
                                                        : "0.1");
        assert_ok(run_kit_run(&world_real, spec, (*o)->kind.name, 1, &result, &err), &err);
        if (!(run_kit_metric((*o)->kind.name, "auc") > 0.8))
            fail_msg("%s learns nothing: AUC %g", (*o)->kind.name, run_kit_metric((*o)->kind.name, "auc"));
    }
}

static void groups_clips_and_schedules_give_the_same_bits(void **state)
{
    (void)state;
    same_bits("groups", "'kind': 'wide_deep', 'embedding_dim': 3, 'hidden': [10, 7], 'batch_norm': true, 'dropout': 0.2", "",
              "'optimizer': {'kind': 'lamb', 'schedule': {'kind': 'cosine', 'warmup_steps': 3}}, 'optimizer_wide': {'kind': 'ftrl', 'l1': 0.001}, "
              "'optimizer_deep': {'kind': 'adafactor'}");
    same_bits("clipped", FM, ", 'clip_norm': 0.05, 'nonfinite': 'skip', 'spike_factor': 1.01",
              "'optimizer': {'kind': 'adafactor', 'clip_row': 0.01, 'group_lasso': 0.01, 'schedule': 'poly'}, 'compression': {'codec': 'topk'}");
}

static bool has_tensor(const char *dir, const char *name, uint64_t *rows)
{
    char path[PATH_SIZE];
    struct safetensors st;
    struct error err = {0};
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_FINAL, 3000, run_kit_root, dir);
    assert_ok(safetensors_open(&st, &world_real, path, &err), &err);
    const struct tensor *t = safetensors_find(&st, name);
    bool found = t != NULL;
    if (t && rows) *rows = t->shape[0];
    safetensors_close(&st);
    return found;
}

/* Wide FTRL beside the embeddings' Adam: each tensor has its own optimiser's states, no other. */
static void groups_have_their_own_states(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    assert_ok(run_kit_run(&world_real,
                          RUN_KIT_SPEC("a.svm",
                                       "'model': {'kind': 'fm', 'hash_bits': 12}, 'optimizer': {'kind': 'adam'}, 'optimizer_wide': {'kind': 'ftrl'}"),
                          "wide", 1, &result, &err),
              &err);
    assert_true(has_tensor("wide", "linear.z", NULL) && has_tensor("wide", "bias.n", NULL) && has_tensor("wide", "embedding.m", NULL));
    assert_false(has_tensor("wide", "linear.m", NULL) || has_tensor("wide", "embedding.z", NULL));
}

/* Rows that group lasso brings to zero are exact zeros, leave the file, and the more the stronger it is. */
static void group_lasso_empties_rows(void **state)
{
    (void)state;
    uint64_t rows[3];
    for (int i = 0; i < 3; i++) {
        char spec[512], dir[24];
        struct run_result result;
        struct error err = {0};
        snprintf(spec, sizeof spec,
                 RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 12}, 'train': {'epochs': 5, 'batch_size': 256}, "
                                       "'optimizer': {'kind': 'sgd', 'lr': 0.5, 'group_lasso': %s}"),
                 "%s",
                 i == 0   ? "0"
                 : i == 1 ? "0.006"
                          : "10");
        snprintf(dir, sizeof dir, "lasso%d", i);
        assert_ok(run_kit_run(&world_real, spec, dir, 2, &result, &err), &err);
        assert_true(has_tensor(dir, "slots", &rows[i]));
    }
    if (rows[0] < 40 || rows[1] >= rows[0] || rows[1] == 0 || rows[2] != 0)
        fail_msg("live rows at rising strengths: %u, %u, %u", (unsigned)rows[0], (unsigned)rows[1], (unsigned)rows[2]);
}

static json_t *metrics_of(const char *dir)
{
    char path[PATH_SIZE];
    json_t *all = json_array();
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_EVENTS, 3000, run_kit_root, dir);
    FILE *f = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    assert_non_null(f);
    while (getline(&line, &room, f) > 0) {
        json_t *event = json_loads(line, 0, NULL);
        const char *type = json_string_value(json_object_get(event, "type"));
        if (type && strcmp(type, "metric") == 0 && json_object_get(event, "lr")) json_array_append(all, event);
        json_decref(event);
    }
    free(line), fclose(f);
    return all;
}

/* A metric event says the rate of its step and the norm of the gradient; a clipped run moves no further than the norm allows. */
static void metrics_tell_rate_and_norm(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    assert_ok(run_kit_run(&world_real,
                          RUN_KIT_SPEC("a.svm",
                                       "'model': {'kind': 'lr', 'hash_bits': 12}, 'optimizer': {'kind': 'sgd', 'lr': 1, 'schedule': {'kind': 'poly', "
                                       "'warmup_steps': 4}}, 'train': {'batch_size': 100, 'log_every_steps': 1, 'clip_norm': 0.001}"),
                          "told", 1, &result, &err),
              &err);
    json_t *metrics = metrics_of("told");
    size_t n = json_array_size(metrics);
    assert_true(n >= 20);
    assert_close(json_number_value(json_object_get(json_array_get(metrics, 0), "lr")), 0.25, 1e-12, 0);
    assert_close(json_number_value(json_object_get(json_array_get(metrics, 3), "lr")), 1, 1e-12, 0);
    assert_close(json_number_value(json_object_get(json_array_get(metrics, n - 1), "lr")), 0, 0, 0);
    for (size_t i = 0; i < n; i++) assert_true(json_number_value(json_object_get(json_array_get(metrics, i), "grad_norm")) > 0.001);
    json_decref(metrics);
    assert_close(run_kit_metric("told", "logloss"), 0.6931, 0, 0.01); /* nowhere to go by steps that short */
}

/* Groups with an optimiser of their own tell its rate, others do not. */
static void metrics_tell_the_rate_of_each_group(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    assert_ok(
        run_kit_run(&world_real,
                    RUN_KIT_SPEC("a.svm", "'model': {'kind': 'fm', 'hash_bits': 12}, 'optimizer': {'kind': 'adam', 'lr': 0.25}, 'optimizer_wide': "
                                          "{'kind': 'sgd', 'lr': 0.5, 'schedule': {'kind': 'poly', 'warmup_steps': 2}}, "
                                          "'train': {'batch_size': 100, 'log_every_steps': 1}"),
                    "rates", 1, &result, &err),
        &err);
    json_t *metrics = metrics_of("rates"), *first = json_array_get(metrics, 0);
    assert_close(json_number_value(json_object_get(first, "lr")), 0.25, 1e-12, 0);
    assert_close(json_number_value(json_object_get(first, "lr_wide")), 0.25, 1e-12, 0);
    assert_close(json_number_value(json_object_get(json_array_get(metrics, 1), "lr_wide")), 0.5, 1e-12, 0);
    assert_null(json_object_get(first, "lr_deep"));
    json_decref(metrics);
}

static void ftrl_takes_no_group_lasso(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
    assert_true(run_kit_run(&world_real, RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr'}, 'optimizer_wide': {'kind': 'ftrl', 'group_lasso': 1}"), "no",
                            1, &result, &err) < 0);
    assert_error(&err, ERROR_INVALID, "/optimizer_wide/group_lasso cannot stand beside ftrl");
}

/* Smoothed labels keep scores away from 0 and 1. */
static void smoothed_labels_temper_scores(void **state)
{
    (void)state;
    struct run_result result;
    struct error err = {0};
#define SMOOTH(s) \
    RUN_KIT_SPEC("a.svm", "'model': {'kind': 'lr', 'hash_bits': 12}, 'optimizer': {'kind': 'adam', 'lr': 0.1}, 'train': {'epochs': 30, " \
                          "'batch_size': 256, 'label_smoothing': " s "}")
    assert_ok(run_kit_run(&world_real, SMOOTH("0"), "sharp", 1, &result, &err), &err);
    assert_ok(run_kit_run(&world_real, SMOOTH("0.999"), "blunt", 1, &result, &err), &err);
    assert_close(run_kit_metric("blunt", "logloss"), 0.6931, 0, 0.01);
    assert_true(run_kit_metric("sharp", "logloss") < run_kit_metric("blunt", "logloss") - 0.05);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(every_optimizer_gives_the_same_bits),
                                          cmocka_unit_test(every_optimizer_gives_the_same_bits_in_other_tables),
                                          cmocka_unit_test(every_optimizer_learns),
                                          cmocka_unit_test(groups_clips_and_schedules_give_the_same_bits),
                                          cmocka_unit_test(groups_have_their_own_states),
                                          cmocka_unit_test(group_lasso_empties_rows),
                                          cmocka_unit_test(metrics_tell_rate_and_norm),
                                          cmocka_unit_test(metrics_tell_the_rate_of_each_group),
                                          cmocka_unit_test(ftrl_takes_no_group_lasso),
                                          cmocka_unit_test(smoothed_labels_temper_scores)};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    run_kit_fields(4);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

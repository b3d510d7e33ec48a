/* test: threads */
/* Strategy online: what it learns does not depend on workers, stops and resumes; it is what batches of one row teach, to the bit; and a resume knows
 * the text that it has learnt from. */
#include "lib/test.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "contract/rundir.h"
#include "lib/job_kit.h"
#include "lib/run_kit.h"

#define SPLIT "'split': {'kind': 'sequential', 'test_from': 2500}"
#define MODEL(kind, bits) "'model': {'kind': '" kind "', 'hash_bits': " #bits "}"
#define ADAGRAD "'optimizer': {'kind': 'adagrad', 'lr': 0.1, 'initial_accumulator': 1}"
#define ONLINE "'train': {'strategy': 'online', 'batch_size': 50, 'log_every_steps': 10}"
#define SPEC(rest) RUN_KIT_SPEC("a.svm", SPLIT ", " rest)

static const struct job_kit *kit(void)
{
    static struct job_kit k;
    k = (struct job_kit){.root = run_kit_root, .world = &world_real, .workers = 2};
    return &k;
}

static void the_same_bits_for_any_workers_and_stops(void **state)
{
    (void)state;
    job_kit_same_bits(kit(), SPEC(MODEL("lr", 12) ", " ADAGRAD ", " ONLINE ", 'checkpoint': {'every_steps': 3, 'incremental': true}"), "lr");
    job_kit_same_bits(
        kit(), SPEC(MODEL("lr", 12) ", 'optimizer': {'kind': 'ftrl', 'l1': 0.2, 'schedule': {'kind': 'step', 'every_steps': 7}}, " ONLINE), "ftrl");
}

static void tensors_equal(const char *name, const char *a_dir, const char *b_dir)
{
    struct safetensors a, b;
    uint64_t counts[2];
    job_kit_final(kit(), a_dir, &a), job_kit_final(kit(), b_dir, &b);
    void *of[2] = {job_kit_tensor(&a, name, &counts[0]), job_kit_tensor(&b, name, &counts[1])};
    assert_int_equal(counts[0], counts[1]);
    assert_true(counts[0] > 0);
    if (memcmp(of[0], of[1], (size_t)counts[0] * 4) != 0) fail_msg("%s of %s is not that of %s", name, a_dir, b_dir);
    mem_free(of[0]), mem_free(of[1]);
    safetensors_close(&a), safetensors_close(&b);
}

static void same_file(const char *a_dir, const char *b_dir, const char *name)
{
    char path[PATH_SIZE];
    size_t a_size, b_size;
    snprintf(path, sizeof path, "%.*s/%s/%s", 3000, run_kit_root, a_dir, name);
    char *a = test_read_file(path, &a_size);
    snprintf(path, sizeof path, "%.*s/%s/%s", 3000, run_kit_root, b_dir, name);
    char *b = test_read_file(path, &b_size);
    assert_int_equal(a_size, b_size);
    assert_memory_equal(a, b, a_size);
    mem_free(a), mem_free(b);
}

/* 2^24 slots, so that no two of the features share one. */
static void it_learns_what_batches_of_one_row_teach(void **state)
{
    (void)state;
    static const struct {
        const char *model, *optimizer, *train, *states[2];
    } tries[] = {
        {"lr", "'kind': 'adagrad', 'lr': 0.1, 'l2': 0.01, 'l1': 0.001, 'penalise_bias': true", "", {"linear.n"}},
        {"lr", "'kind': 'sgd', 'lr': 0.05", ", 'label_smoothing': 0.1", {NULL}},
        {"lr", "'kind': 'ftrl', 'lr': 0.1, 'l1': 0.3, 'l2': 0.1", "", {"linear.z", "linear.n"}},
        {"linear", "'kind': 'adagrad', 'lr': 0.1", "", {"linear.n"}},
        {"poisson", "'kind': 'adagrad', 'lr': 0.02", "", {"linear.n"}},
    };
    static const char *const strategies[] = {"'strategy': 'online', 'batch_size': 64", "'batch_size': 1, 'shards': 1, 'shuffle': false"};
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        char spec[1024], dir[2][32];
        struct run_result result;
        struct error err;
        for (int s = 0; s < 2; s++) {
            snprintf(dir[s], sizeof dir[s], "one-%zu-%d", i, s);
            snprintf(spec, sizeof spec,
                     SPEC("'model': {'kind': '%s', 'hash_bits': 24}, 'optimizer': {%s}, 'train': {%s%s}, 'evaluate': {'scores': true}"), "%s",
                     tries[i].model, tries[i].optimizer, strategies[s], tries[i].train);
            assert_ok(run_kit_run(&world_real, spec, dir[s], 2, &result, &err), &err);
            assert_int_equal(result.rows, 2500);
        }
        tensors_equal("slots", dir[0], dir[1]);
        tensors_equal("linear", dir[0], dir[1]);
        tensors_equal("bias", dir[0], dir[1]);
        for (int k = 0; k < 2 && tries[i].states[k]; k++) tensors_equal(tries[i].states[k], dir[0], dir[1]);
        same_file(dir[0], dir[1], RUNDIR_SCORES);
    }
}

static void copy_part(const char *to, size_t rows, bool flip_first)
{
    char path[PATH_SIZE];
    size_t size, used = 0;
    snprintf(path, sizeof path, "%.*s/a.svm", 3000, run_kit_root);
    char *text = test_read_file(path, &size);
    for (size_t r = 0; r < rows; r++) used = (size_t)(strchr(text + used, '\n') + 1 - text);
    if (flip_first) text[0] = (char)('0' + '1' - text[0]);
    snprintf(path, sizeof path, "%.*s/%s", 3000, run_kit_root, to);
    test_write_file(path, text, used);
    mem_free(text);
}

static int run_stopped(const char *dir, bool stop, struct run_result *result, struct error *err)
{
    struct job_kit k = *kit();
    job_kit_stops = stop;
    if (stop) k.progress.progress = job_kit_stop;
    return job_kit_run(&k, RUN_KIT_SPEC("b.svm", "'split': {'kind': 'sequential', 'test_from': 1900}, " MODEL("lr", 12) ", " ADAGRAD ", " ONLINE),
                       dir, result, err);
}

/* The text before the checkpoint must be what it was; what comes behind it may have grown. */
static void a_resume_knows_its_text(void **state)
{
    (void)state;
    struct run_result grown, want, result;
    struct error err;
    copy_part("b.svm", 2500, false);
    assert_ok(run_stopped("whole", false, &want, &err), &err);
    assert_int_equal(run_stopped("text", true, &result, &err), -ERROR_STOPPED);
    copy_part("b.svm", 2500, true);
    assert_int_equal(run_stopped("text", false, &result, &err), -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "are not those that the checkpoint has seen");
    copy_part("b.svm", 20, false);
    assert_int_equal(run_stopped("text", false, &result, &err), -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "are not those that the checkpoint has seen");
    copy_part("b.svm", 2500, false);
    assert_ok(run_stopped("text", false, &grown, &err), &err);
    assert_string_equal(grown.sha256, want.sha256);
    copy_part("b.svm", 2500, true); /* a run that is done asks as well, before it judges */
    assert_int_equal(run_stopped("text", false, &result, &err), -ERROR_INVALID);
}

static void stop_judging(void *context, const struct progress *p)
{
    (void)context;
    if (p->phase == PROGRESS_EVALUATING) raise(SIGTERM);
}

/* What is left of the work is little then, and would be done anew. */
static void a_stop_lets_the_judgement_end(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    struct job_kit k = *kit();
    k.progress.progress = stop_judging;
    assert_ok(job_kit_run(&k, SPEC(MODEL("lr", 12) ", " ADAGRAD ", " ONLINE), "judged", &result, &err), &err);
}

static void progress_comes_to_its_end(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    char path[PATH_SIZE];
    size_t size;
    assert_ok(run_kit_run(&world_real, SPEC(MODEL("lr", 12) ", " ADAGRAD ", " ONLINE), "progress", 2, &result, &err), &err);
    snprintf(path, sizeof path, "%.*s/progress/" RUNDIR_EVENTS, 3000, run_kit_root);
    char *events = test_read_file(path, &size), *last = NULL;
    for (char *at = events; (at = strstr(at, "\"progress\": ")); at++) last = at;
    assert_non_null(last);
    assert_memory_equal(last, "\"progress\": 1.0,", 16);
    mem_free(events);
}

struct piped { /* text that goes into standard input: the first so many bytes, then perhaps a stop is asked for */
    const char *text;
    size_t size, first;
    int end;
    bool stop;
};

static void *pipe_in(void *context)
{
    struct piped *p = context;
    assert_int_equal(write(p->end, p->text, p->first), p->first);
    if (p->stop) raise(SIGTERM);
    if (p->first == p->size) close(p->end);
    return NULL;
}

static int run_piped(const char *dir, struct piped p, const char *optimizer, struct run_result *result, struct error *err)
{
    int ends[2], input = dup(0);
    pthread_t writer;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(dup2(ends[0], 0), 0);
    close(ends[0]);
    p.end = ends[1];
    assert_int_equal(pthread_create(&writer, NULL, pipe_in, &p), 0);
    char spec[1024];
    snprintf(spec, sizeof spec,
             "{'dataset': {'uri': '-', 'format': 'libsvm'}, 'split': {'kind': 'sequential', 'test_from': 55000}, " MODEL(
                 "linear", 12) ", 'optimizer': {%s}, "
                               "'train': {'strategy': 'online', 'batch_size': %d}, 'checkpoint': {'every_steps': 1, 'keep': 9}}",
             optimizer, p.stop || p.first == p.size ? 30000 : 100);
    int rc = run_kit_run(&world_real, spec, dir, 2, result, err);
    assert_int_equal(pthread_join(writer, NULL), 0);
    if (p.first < p.size) close(ends[1]);
    assert_int_equal(dup2(input, 0), 0);
    close(input);
    return rc;
}

static struct bytes piped_text; /* 20 times a.svm, since pieces are of 1 MiB */

static void piped_make(void)
{
    char path[PATH_SIZE];
    size_t size;
    snprintf(path, sizeof path, "%.*s/a.svm", 3000, run_kit_root);
    char *once = test_read_file(path, &size);
    bytes_init(&piped_text, 64 << 20);
    for (int copy = 0; copy < 20; copy++) assert_int_equal(bytes_add(&piped_text, once, size, NULL), 0);
    mem_free(once);
}

#define SLOW "'kind': 'adagrad', 'lr': 0.1, 'initial_accumulator': 1"

/* A pipe that brings nothing more is left in the middle of a step, whose rows are learnt anew by the next attempt. */
static void a_stop_within_a_step_saves_nothing(void **state)
{
    (void)state;
    struct run_result want, result;
    struct error err;
    struct piped p = {.text = (const char *)piped_text.data, .size = piped_text.size, .first = piped_text.size};
    assert_ok(run_piped("pipe-whole", p, SLOW, &want, &err), &err);
    p.first = p.size / 2, p.stop = true;
    assert_int_equal(run_piped("pipe", p, SLOW, &result, &err), -ERROR_STOPPED);
    assert_error(&err, ERROR_STOPPED, "stopped at step 0;");
    p.first = p.size, p.stop = false;
    assert_ok(run_piped("pipe", p, SLOW, &result, &err), &err);
    assert_string_equal(result.sha256, want.sha256);
}

/* Nor does a run that has failed wait for a pipe that is open and brings nothing. */
static void a_failure_does_not_wait_for_more(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    struct piped p = {.text = (const char *)piped_text.data, .size = piped_text.size, .first = piped_text.size / 2};
    assert_int_equal(run_piped("pipe-away", p, "'kind': 'sgd', 'lr': 1000000", &result, &err), -ERROR_DIVERGED);
}

static void rows_to_judge_by_must_come(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    copy_part("b.svm", 1500, false);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(run_stopped("none", false, &result, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "no row is on the test side: the text ends after 1500 rows");
    }
}

/* Files of the test side are read behind the others, and begin where they begin; and max_rows ends training, not the text. */
static void files_may_test(void **state)
{
    (void)state;
    struct run_result result, sync;
    struct error err;
    copy_part("b.svm", 700, false);
#define FILES(train) \
    "{" RUN_KIT_DATA("a.svm") ", 'split': {'kind': 'predefined', 'test_uri': '%1$s/b.svm'}, " MODEL("lr", 24) ", " ADAGRAD ", 'train': {" train "}}"
    static const char online[] = FILES("'strategy': 'online', 'batch_size': 64, 'max_rows': 1001");
    static const char one_by_one[] = FILES("'batch_size': 1, 'shards': 1, 'shuffle': false, 'max_rows': 1001");
    assert_ok(run_kit_run(&world_real, online, "files", 2, &result, &err), &err);
    assert_ok(run_kit_run(&world_real, one_by_one, "files-sync", 2, &sync, &err), &err);
    assert_int_equal(result.rows, 1001);
    assert_int_equal(result.steps, 16); /* of 64 rows, and one of 41 */
    assert_int_equal(sync.rows, 1001);
    tensors_equal("linear", "files", "files-sync");
    assert_true(run_kit_metric("files", "logloss") == run_kit_metric("files-sync", "logloss"));
    for (int again = 0; again < 2; again++) { /* a run that is done judges once more, and passes over the rows that train */
        json_t *json = run_kit_evaluation("files");
        assert_int_equal(json_integer_value(json_object_get(json, "rows")), 700);
        json_decref(json);
        assert_ok(run_kit_run(&world_real, online, "files", 2, &sync, &err), &err);
        assert_string_equal(sync.sha256, result.sha256);
    }
}

/* Yesterday's model learns today's rows. */
static void it_goes_on_from_another_model(void **state)
{
    (void)state;
    struct run_result first, second;
    struct error err;
    assert_ok(run_kit_run(&world_real, SPEC(MODEL("lr", 12) ", " ADAGRAD ", " ONLINE), "day-1", 2, &first, &err), &err);
    assert_ok(run_kit_run(&world_real,
                          SPEC(MODEL("lr", 12) ", " ADAGRAD ", " ONLINE
                                               ", 'warm_start': {'checkpoint': '%1$s/day-1/final.safetensors', 'optimizer_state': true}"),
                          "day-2", 2, &second, &err),
              &err);
    assert_string_not_equal(first.sha256, second.sha256);
    assert_true(run_kit_metric("day-2", "logloss") < run_kit_metric("day-1", "logloss"));
}

static void what_runs_away_is_named(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    int rc = run_kit_run(&world_real, SPEC("'model': {'kind': 'poisson', 'hash_bits': 12}, 'optimizer': {'kind': 'sgd', 'lr': 1000}, " ONLINE),
                         "away", 2, &result, &err);
    assert_int_equal(rc, -ERROR_DIVERGED);
    assert_error(&err, ERROR_DIVERGED, "lower optimizer.lr");
}

/* A column that wants statistics is found when its header has been read. */
static void what_wants_all_rows_first_is_refused(void **state)
{
    (void)state;
    struct run_result result;
    struct error err;
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%.*s/q.csv", 3000, run_kit_root);
    test_write_file(path, "y,a\n1,2\n0,3\n", 12);
    int rc = run_kit_run(&world_real,
                         "{'dataset': {'uri': '%s/q.csv', 'format': 'csv', 'label': 'y', 'schema': {'a': 'quantile(4)'}}, "
                         "'split': {'kind': 'sequential', 'test_from': 1}, 'model': {'kind': 'lr'}, 'train': {'strategy': 'online'}}",
                         "quantile", 2, &result, &err);
    assert_int_equal(rc, -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "column \"a\" is made of the statistics of all training rows");
}

/* Said before anything is read, with the way out. */
static void what_it_cannot_do_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *part, *message; /* of a specification that is good but for this */
    } bad[] = {
        {"'model': {'kind': 'fm'}", "/model/kind under train.strategy \"online\" must be of the first order"},
        {"'optimizer': {'kind': 'adam'}", "/optimizer/kind under train.strategy \"online\" must be one whose rule is of a single weight"},
        {"'optimizer_wide': {'kind': 'nag'}", "/optimizer_wide/kind under"},
        {"'optimizer': {'kind': 'sgd', 'schedule': {'kind': 'cosine'}}", "/optimizer/schedule/kind under"},
        {"'optimizer': {'kind': 'sgd', 'group_lasso': 0.1}", "/optimizer/group_lasso under"},
        {"'optimizer': {'kind': 'sgd', 'clip_row': 1}", "/optimizer/clip_row under"},
        {"'train': {'strategy': 'online', 'clip_norm': 1}", "/train/clip_norm under"},
        {"'train': {'strategy': 'online', 'nonfinite': 'skip'}", "/train/nonfinite under"},
        {"'train': {'strategy': 'online', 'spike_factor': 3}", "/train/spike_factor under"},
        {"'train': {'strategy': 'online', 'epochs': 2}", "/train/epochs under train.strategy \"online\" must be 1"},
        {"'train': {'strategy': 'online', 'curriculum': {'start_fraction': 0.5}}", "/train/curriculum under"},
        {"'train': {'strategy': 'online', 'negative_rate': 0.5}", "/train/negative_rate under"},
        {"'train': {'strategy': 'online', 'early_stopping': {'patience': 2}}", "/train/early_stopping under"},
        {"'replay': {'uri': '%1$s/older.svm'}", "/replay under"},
        {"'features': {'min_count': 2}", "/features/min_count under"},
        {"'model': {'kind': 'lr', 'embedding': {'kind': 'vocabulary'}}", "/model/embedding/kind under"},
        {"'model': {'kind': 'lr', 'embedding': {'kind': 'qr'}}", "/model/embedding/kind under"},
        {"'model': {'kind': 'lr', 'table_dtype': 'bf16'}", "/model/table_dtype under"},
        {"'compression': {'codec': 'sign'}", "/compression/codec under"},
        {"'compression': {'aggregate': 'vote'}", "/compression/aggregate under"},
        {"'calibration': {'kind': 'platt'}", "/calibration/kind under"},
        {"'evaluate': {'sides': true}", "/evaluate/sides under"},
        {"'evaluate': {'slices': ['x']}", "/evaluate/slices under"},
        {"'split': {'kind': 'holdout'}", "/split/kind under"},
        {"'split': {'kind': 'none'}", "/split/kind under"},
        {"'split': {'kind': 'sequential', 'test_fraction': 0.1}", "/split/kind under"},
        {"'split': {'kind': 'sequential', 'test_from': 9, 'validation_from': 5}", "/split/kind under"},
        {"'split': {'kind': 'predefined', 'validation_uri': '%1$s/other.svm'}", "/split/test_uri under"},
    };
    static const struct {
        const char *name, *text;
    } parts[] = {{"'model'", "'model': {'kind': 'lr'}"}, {"'split'", SPLIT}, {"'train'", "'train': {'strategy': 'online'}"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct run_result result;
        struct error err;
        char spec[1024];
        int n = snprintf(spec, sizeof spec, "{" RUN_KIT_DATA("a.svm") ", %s", "%1$s", bad[i].part);
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            if (strncmp(bad[i].part, parts[k].name, strlen(parts[k].name)) != 0)
                n += snprintf(spec + n, sizeof spec - (size_t)n, ", %s", parts[k].text);
        snprintf(spec + n, sizeof spec - (size_t)n, "}");
        assert_int_equal(run_kit_run(&world_real, spec, "refused", 1, &result, &err), -ERROR_INVALID);
        assert_error(&err, ERROR_INVALID, bad[i].message);
    }
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(the_same_bits_for_any_workers_and_stops),
                                          cmocka_unit_test(it_learns_what_batches_of_one_row_teach),
                                          cmocka_unit_test(a_resume_knows_its_text),
                                          cmocka_unit_test(a_stop_within_a_step_saves_nothing),
                                          cmocka_unit_test(a_failure_does_not_wait_for_more),
                                          cmocka_unit_test(a_stop_lets_the_judgement_end),
                                          cmocka_unit_test(progress_comes_to_its_end),
                                          cmocka_unit_test(rows_to_judge_by_must_come),
                                          cmocka_unit_test(files_may_test),
                                          cmocka_unit_test(it_goes_on_from_another_model),
                                          cmocka_unit_test(what_runs_away_is_named),
                                          cmocka_unit_test(what_wants_all_rows_first_is_refused),
                                          cmocka_unit_test(what_it_cannot_do_is_refused)};

int main(int argc, char **argv)
{
    test_dir(run_kit_root);
    run_kit_data("a.svm", false, false);
    piped_make();
    int rc = test_main(argc, argv, tests, sizeof tests / sizeof *tests);
    bytes_close(&piped_text);
    return rc;
}

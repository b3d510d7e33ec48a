/* test: threads */
/* The log that `data gen` writes: the same bytes for any threads and any cut, lines of the promised form, an optimum that the truth file proves,
 * and nothing left behind by a run that failed. */
#include "lib/test.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/draft.h"
#include "base/mem.h"
#include "cli/datagen.h"
#include "lib/scores.h"
#include "lib/world_sim.h"

enum { ROWS = 10000 };

struct thread_task { /* a struct parallel over plain threads */
    parallel_task task;
    void *context;
    unsigned index;
    int rc;
};

static void *thread_run(void *argument)
{
    struct thread_task *t = argument;
    t->rc = t->task(t->context, t->index, NULL);
    return NULL;
}

static int threads_run(void *impl, parallel_task task, void *context, unsigned count, struct error *err)
{
    pthread_t threads[64];
    struct thread_task tasks[64];
    int rc = 0;
    (void)impl;
    (void)err;
    assert_in_range(count, 1, 64);
    for (unsigned i = 0; i < count; i++) {
        tasks[i] = (struct thread_task){task, context, i, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, thread_run, &tasks[i]), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i], NULL);
        if (rc == 0) rc = tasks[i].rc;
    }
    return rc;
}

static void every_fourth(const void *params, const struct split_context *context, const struct split_rows *rows, uint8_t *sides)
{
    (void)params, (void)context;
    for (size_t i = 0; i < rows->count; i++) sides[i] = (rows->first + i) % 4 == 3 ? SIDE_TEST : SIDE_TRAIN;
}
static const struct split fourth = {.kind = {.name = "fourth"}, .sides = every_fourth};
static const struct splitter fourth_splitter = {.split = &fourth};

static char dir[PATH_SIZE];
static char *path_of(const char *name)
{
    static char paths[4][PATH_SIZE];
    static unsigned next;
    char *path = paths[next++ % 4];
    struct error err = {0};
    assert_ok(path_join(path, dir, name, &err), &err);
    return path;
}

static char *generate(struct datagen_config config, struct datagen_summary *summary, size_t *size)
{
    struct error err = {0};
    config.world = &world_real;
    config.path = path_of("log.tsv");
    assert_ok(datagen_run(&config, summary, &err), &err);
    char *text = test_read_file(config.path, size);
    assert_int_equal(*size, summary->bytes);
    return text;
}

static void same_bytes_for_any_threads(void **state)
{
    (void)state;
    struct datagen_summary one, many;
    size_t size, other_size;
    char *want = generate((struct datagen_config){.rows = ROWS, .seed = 9}, &one, &size);
    for (unsigned workers = 1; workers <= 5; workers += 2) {
        const struct parallel parallel = {.workers = workers, .run = threads_run};
        char *got = generate((struct datagen_config){.rows = ROWS, .seed = 9, .parallel = &parallel}, &many, &other_size);
        assert_int_equal(size, other_size);
        assert_memory_equal(want, got, size);
        assert_memory_equal(&one.all, &many.all, sizeof one.all);
        assert_int_equal(one.missing, many.missing);
        mem_free(got);
    }
    mem_free(want);
}

static void parts_make_the_whole(void **state)
{
    (void)state;
    const uint64_t cuts[] = {0, 1, 2047, 4100, ROWS}; /* uneven against the blocks of 2,048 */
    struct datagen_summary summary;
    size_t size, part_size, at = 0;
    char *whole = generate((struct datagen_config){.rows = ROWS, .seed = 9}, &summary, &size);
    for (int i = 0; i < 4; i++) {
        char *part = generate((struct datagen_config){.rows = cuts[i + 1] - cuts[i], .first_row = cuts[i], .seed = 9}, &summary, &part_size);
        assert_true(at + part_size <= size);
        assert_memory_equal(whole + at, part, part_size);
        at += part_size;
        mem_free(part);
    }
    assert_int_equal(at, size);
    char *other = generate((struct datagen_config){.rows = ROWS, .seed = 10}, &summary, &part_size);
    assert_true(part_size != size || memcmp(other, whole, size) != 0);
    mem_free(other);
    mem_free(whole);
}

static void check_field(const char *field, size_t size, unsigned column)
{
    if (column == 0) assert_true(size == 1 && (*field == '0' || *field == '1'));
    else if (column > 13 && size) {
        assert_int_equal(size, 8);
        for (size_t i = 0; i < size; i++) assert_true(isdigit((unsigned char)field[i]) || (field[i] >= 'a' && field[i] <= 'f'));
    } else
        for (size_t i = 0; i < size; i++) assert_true(isdigit((unsigned char)field[i]) || (i == 0 && field[i] == '-' && size > 1));
}

static void lines_have_the_form(void **state)
{
    (void)state;
    struct datagen_summary summary;
    size_t size, rows = 0, missing = 0, clicks = 0;
    char *text = generate((struct datagen_config){.rows = ROWS, .seed = 4}, &summary, &size);
    for (char *line = text; line < text + size; rows++) {
        char *end = strchr(line, '\n');
        unsigned column = 0;
        assert_non_null(end);
        clicks += *line == '1';
        for (char *field = line; column < 40; column++) {
            char *stop = field;
            while (*stop != '\t' && *stop != '\n') stop++;
            check_field(field, (size_t)(stop - field), column);
            missing += stop == field;
            assert_true((*stop == '\n') == (column == 39));
            field = stop + 1;
        }
        line = end + 1;
    }
    assert_int_equal(rows, ROWS);
    assert_int_equal(clicks, summary.positives);
    assert_int_equal(missing, summary.missing);
    assert_close((double)clicks / ROWS, 0.25, 0, 0.02);
    mem_free(text);
}

/* The truth file's rows, scored by themselves, give the optimum that was told; its labels are the log's. */
static void truth_proves_the_optimum(void **state)
{
    (void)state;
    static float logits[ROWS], labels[ROWS], test_logits[ROWS], test_labels[ROWS];
    struct datagen_summary summary;
    size_t size, truth_size, n = 0, tests = 0;
    char *truth_path = path_of("truth.tsv");
    char *log = generate((struct datagen_config){.rows = ROWS, .first_row = 77, .seed = 4, .truth_path = truth_path, .split = &fourth_splitter},
                         &summary, &size);
    char *truth = test_read_file(truth_path, &truth_size), *line = log;
    assert_int_equal(strncmp(truth, "row\tlabel\tprobability\tlogit\n", 28), 0);
    for (char *at = truth + 28; *at; n++) {
        uint64_t row = strtoull(at, &at, 10);
        long label = strtol(at, &at, 10);
        double probability = strtod(at, &at), logit = strtod(at, &at);
        assert_int_equal(*at++, '\n');
        assert_int_equal(row, 77 + n);
        assert_int_equal(label, *line - '0');
        assert_close(probability, 1 / (1 + exp(-logit)), 1e-6, 0);
        line = strchr(line, '\n') + 1;
        logits[n] = (float)logit, labels[n] = (float)label;
        if (row % 4 == 3) test_logits[tests] = logits[n], test_labels[tests++] = labels[n];
    }
    assert_int_equal(n, ROWS);
    struct evaluation all = scores_judge(logits, labels, n, 0), test = scores_judge(test_logits, test_labels, tests, 0);
    assert_true(summary.all.auc == scores_value(&all, "auc") && summary.all.logloss == scores_value(&all, "logloss"));
    assert_true(summary.test.auc == scores_value(&test, "auc") && summary.test.logloss == scores_value(&test, "logloss"));
    assert_int_equal(summary.all.rows, ROWS);
    assert_int_equal(summary.test.rows, tests);
    assert_close(summary.all.auc, 0.896, 0, 0.02);
    double calibration = scores_value(&all, "calibration");
    assert_close(calibration, 1, 0, 5 * scores_se(&all, "calibration"));
    assert_close(summary.all.auc_linear, 0.735, 0, 0.03);
    assert_close(summary.all.auc_pairs, summary.all.auc, 0, 1e-6); /* there is nothing beyond pairs */
    mem_free(log);
    mem_free(truth);
}

/* With terms of three fields each order is worth something that the one before has not, on every side. */
static void orders_are_worth_more_each(void **state)
{
    (void)state;
    struct datagen_summary summary;
    size_t size;
    mem_free(generate((struct datagen_config){.rows = ROWS, .seed = 4, .third_sd = 1.5, .split = &fourth_splitter}, &summary, &size));
    const struct datagen_optimum *sides[] = {&summary.all, &summary.test};
    for (int i = 0; i < 2; i++) {
        assert_true(sides[i]->auc_pairs > sides[i]->auc_linear + 0.08);
        assert_true(sides[i]->auc > sides[i]->auc_pairs + 0.02);
    }
}

/* Other labels: the same fields behind them, labels that the loss may have, and a best possible figure that such labels must come to. */
static void other_labels_of_the_same_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum label_range range;
        double low, high; /* of the best figure: noise of deviation 1, a deviance near 1 a row, less than an even guess among classes */
    } cases[] = {{"real", LABELS_REAL, 0.97, 1.03}, {"count", LABELS_COUNT, 0.8, 1.2}, {"class:3", LABELS_CLASS, 0.2, 1.05}};
    struct datagen_summary summary;
    struct error err = {0};
    size_t size;
    char *clicks = generate((struct datagen_config){.rows = ROWS, .seed = 4}, &summary, &size);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        struct datagen_config config = {.rows = ROWS, .seed = 4};
        assert_ok(datagen_labels_read(&config.labels, cases[c].text, &err), &err);
        const struct label_rule rule = {cases[c].range, (uint32_t)(cases[c].range == LABELS_CLASS ? config.labels.outputs : 0)};
        char *log = generate(config, &summary, &size), *other = clicks;
        double sum = 0;
        for (char *line = log; *line; line = strchr(line, '\n') + 1, other = strchr(other, '\n') + 1) {
            char *behind;
            double label = strtod(line, &behind);
            size_t rest = (size_t)(strchr(behind, '\n') - behind);
            assert_null(label_refuse(&rule, label));
            assert_memory_equal(behind, strchr(other, '\t'), rest);
            sum += label;
        }
        assert_true(summary.all.value > cases[c].low && summary.all.value < cases[c].high);
        assert_true(isnan(summary.all.auc_linear) && isnan(summary.all.auc_pairs));
        if (cases[c].range != LABELS_CLASS) assert_close(summary.all.mean_label, sum / ROWS, 1e-5, 1e-5);
        mem_free(log);
    }
    mem_free(clicks);
    assert_int_equal(datagen_labels_read(&(struct datagen_labels){0}, "class:17", &err), -ERROR_USAGE);
    assert_error(&err, ERROR_USAGE, "--labels must be binary, real, count or class:C with 2 to 16 classes, got \"class:17\"");
}

static void refuse(struct datagen_config config, enum error_code code, const char *part)
{
    struct error err = {0};
    struct datagen_summary summary;
    config.world = &world_real;
    assert_int_equal(datagen_run(&config, &summary, &err), -(int)code);
    assert_error(&err, code, part);
}

static void odd_wishes_are_refused(void **state)
{
    (void)state;
    char *log = path_of("x.tsv"), *nowhere = path_of("missing/x.tsv");
    refuse((struct datagen_config){.path = log, .rows = 0}, ERROR_USAGE, "rows must be");
    refuse((struct datagen_config){.path = log, .rows = UINT64_MAX}, ERROR_USAGE, "rows must be");
    refuse((struct datagen_config){.path = log, .rows = 10, .first_row = UINT64_MAX}, ERROR_USAGE, "first row");
    refuse((struct datagen_config){.path = "", .rows = 10}, ERROR_USAGE, "name a file");
    refuse((struct datagen_config){.path = NULL, .rows = 10}, ERROR_USAGE, "name a file");
    refuse((struct datagen_config){.path = log, .truth_path = "-", .rows = 10}, ERROR_USAGE, "truth needs a file");
    refuse((struct datagen_config){.path = log, .truth_path = log, .rows = 10}, ERROR_USAGE, "two files");
    refuse((struct datagen_config){.path = nowhere, .rows = 10}, ERROR_NOTFOUND, "missing/x.tsv");
    refuse((struct datagen_config){.path = log, .truth_path = nowhere, .rows = 10}, ERROR_NOTFOUND, "missing/x.tsv");
    assert_false(path_exists(&world_real, log)); /* the log of a failed run does not appear */
}

static void what_another_writes_is_left_to_it(void **state)
{
    (void)state;
    char *log = path_of("held.tsv"), *truth = path_of("held-truth.tsv");
    struct draft held = {0};
    struct error err = {0};
    char *const paths[] = {log, truth};
    for (int i = 0; i < 2; i++) {
        assert_ok(draft_open(&held, &world_real, paths[i], &err), &err);
        refuse((struct datagen_config){.path = log, .truth_path = truth, .rows = 10}, ERROR_CONFLICT, "another command is writing");
        assert_true(path_exists(&world_real, held.tmp));
        draft_drop(&held);
        assert_false(path_exists(&world_real, log) || path_exists(&world_real, path_of("held.tsv.tmp")));
    }
}

static void every_file_call_may_fail(void **state)
{
    (void)state;
    for (unsigned k = 1; k < 100; k++) {
        struct world_sim sim;
        struct error err = {0};
        struct datagen_summary summary;
        world_sim_init(&sim);
        assert_ok(path_mkdirs(&sim.world, "/d", &err), &err);
        assert_ok(file_publish(&sim.world, "/d/log", "old", 3, &err), &err);
        world_sim_fail(&sim, k, ERROR_NOSPACE, 100, false);
        struct datagen_config config = {.world = &sim.world, .path = "/d/log", .truth_path = "/d/truth", .rows = 2500, .seed = 1};
        int rc = datagen_run(&config, &summary, &err);
        bool failed = sim.failed;
        struct file_stat stat;
        struct error none = {0};
        sim.fail_at = 0;
        assert_ok(path_stat(&sim.world, "/d/log", &stat, &none), &none);
        if (rc < 0) {
            assert_error(&err, ERROR_NOSPACE, "data gen: ");
            assert_true(stat.size_bytes == 3 || stat.size_bytes == summary.bytes); /* the old log stands, or the new one does, whole */
        } else assert_int_equal(stat.size_bytes, summary.bytes);
        if (rc < 0 || !failed) assert_false(path_exists(&sim.world, "/d/log.tmp") || path_exists(&sim.world, "/d/truth.tmp"));
        world_sim_close(&sim);
        if (!failed) {
            assert_true(k > 5 && rc == 0);
            return;
        }
    }
    fail_msg("the countdown never ran out");
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (unsigned k = 1; k < 100; k++) {
        struct error err = {0};
        struct datagen_summary summary;
        char *log = path_of("nomem.tsv"), *draft = path_of("nomem.tsv.tmp");
        mem_fail_after(k);
        int rc = datagen_run(&(struct datagen_config){.world = &world_real, .path = log, .rows = 100, .seed = 1}, &summary, &err);
        bool fired = mem_fail_after(0);
        assert_false(path_exists(&world_real, draft));
        if (!fired) {
            assert_ok(rc, &err);
            assert_true(k > 5);
            return;
        }
        assert_error(&err, ERROR_NOMEM, "data gen: ");
        assert_false(path_exists(&world_real, log));
    }
    fail_msg("the countdown never ran out");
}

static void special_files_are_written_in_place(void **state)
{
    (void)state;
    struct error err = {0};
    struct datagen_summary summary;
    struct file_stat stat;
    assert_ok(datagen_run(&(struct datagen_config){.world = &world_real, .path = "/dev/null", .rows = 10, .seed = 1}, &summary, &err), &err);
    assert_ok(path_stat(&world_real, "/dev/null", &stat, &err), &err);
    assert_false(stat.is_regular);
    assert_false(path_exists(&world_real, "/dev/null.tmp"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(other_labels_of_the_same_rows),
    cmocka_unit_test(same_bytes_for_any_threads),
    cmocka_unit_test(parts_make_the_whole),
    cmocka_unit_test(lines_have_the_form),
    cmocka_unit_test(truth_proves_the_optimum),
    cmocka_unit_test(orders_are_worth_more_each),
    cmocka_unit_test(odd_wishes_are_refused),
    cmocka_unit_test(what_another_writes_is_left_to_it),
    cmocka_unit_test(every_file_call_may_fail),
    cmocka_unit_test(every_allocation_may_fail),
    cmocka_unit_test(special_files_are_written_in_place),
};

int main(int argc, char **argv)
{
    test_dir(dir);
    return test_main(argc, argv, tests, sizeof tests / sizeof *tests);
}

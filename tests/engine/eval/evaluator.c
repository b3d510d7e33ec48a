/* test: threads */
/* The evaluator: the same bits however rows are cut and who brings them, exact or binned; reasons where nothing can be said. */
#include "lib/test.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "lib/scores.h"

enum { ROWS = 20000, LANES_MAX = 4, SLICES = 2 };
static float logits[ROWS], labels[ROWS], weights[ROWS];
static uint64_t groups[ROWS], ordinals[ROWS];
static uint32_t slices[ROWS * SLICES];

static void draw_rows(uint64_t seed)
{
    struct rng rng = rng_at(seed, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -1, 1.5, 50);
    for (size_t i = 0; i < ROWS; i++) {
        weights[i] = i % 17 ? (float)exp(rng_normal(&rng)) : 0;
        groups[i] = hash_mix(rng_below(&rng, 900));
        ordinals[i] = 1000 + i;
        slices[i * SLICES] = (uint32_t)rng_below(&rng, 5);
        slices[i * SLICES + 1] = (uint32_t)(rng_below(&rng, 100) * rng_below(&rng, 100));
    }
}

static struct eval_rows rows_part(size_t first, size_t n, bool everything)
{
    struct eval_rows rows = {.n = n, .logits = logits + first, .labels = labels + first};
    if (everything) rows.weights = weights + first, rows.groups = groups + first, rows.rows = ordinals + first, rows.slices = slices + first * SLICES;
    return rows;
}

struct part { /* what one thread brings: chunks `lane`, `lane + step`, ... of `chunk` rows, in falling order when `backwards` */
    struct evaluator *evaluator;
    unsigned lane, step;
    size_t chunk;
    bool backwards, everything;
    int rc;
};

static void *part_run(void *context)
{
    struct part *p = context;
    size_t chunks = (ROWS + p->chunk - 1) / p->chunk;
    for (size_t i = p->lane; i < chunks; i += p->step) {
        size_t c = p->backwards ? chunks - 1 - i : i, first = c * p->chunk, n = ROWS - first < p->chunk ? ROWS - first : p->chunk;
        struct error err = {0};
        struct eval_rows rows = rows_part(first, n, p->everything);
        if (evaluator_add(p->evaluator, p->lane, &rows, &err) < 0) p->rc = -1;
    }
    return NULL;
}

static struct evaluation judge_by(const struct evaluator_config *config, size_t chunk, bool backwards)
{
    struct error err = {0};
    struct evaluation out;
    struct evaluator *e = evaluator_new(config, &err);
    assert_ok(e ? 0 : -1, &err);
    struct part parts[LANES_MAX];
    pthread_t threads[LANES_MAX];
    for (unsigned i = 0; i < config->lanes; i++) {
        parts[i] = (struct part){
            .evaluator = e, .lane = i, .step = config->lanes, .chunk = chunk, .backwards = backwards, .everything = config->weighted};
        assert_int_equal(pthread_create(&threads[i], NULL, part_run, &parts[i]), 0);
    }
    for (unsigned i = 0; i < config->lanes; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(parts[i].rc, 0);
    }
    assert_ok(evaluator_finish(e, &out, &err), &err);
    evaluator_free(e);
    return out;
}

/* Doubles are written in the shortest form that reads back to the same bits, so equal texts are equal bits. */
static void assert_same_bits(const struct evaluation *a, const struct evaluation *b)
{
    struct error err = {0};
    struct bytes texts[2];
    for (int i = 0; i < 2; i++) {
        bytes_init(&texts[i], 1 << 20);
        json_t *json = evaluation_json(i ? b : a, "test", NULL, &err);
        assert_ok(json ? json_write_pretty(json, &texts[i], &err) : -1, &err);
        json_decref(json);
    }
    assert_string_equal(bytes_text(&texts[0]), bytes_text(&texts[1]));
    for (size_t i = 0; metrics[i]; i++) assert_memory_equal(&a->measures[i].error_bound, &b->measures[i].error_bound, sizeof(double));
    bytes_close(&texts[0]);
    bytes_close(&texts[1]);
}

static void same_bits_for_any_workers_and_chunks(void **state)
{
    (void)state;
    draw_rows(23);
    const uint64_t caps[] = {ROWS, ROWS - 1, ROWS / 2, 1}; /* exact; binned, the switch at the last row, midway, at once */
    for (size_t cap = 0; cap < 4; cap++) {
        struct evaluation want = judge_by(&(struct evaluator_config){.lanes = 1, .exact_rows_max = caps[cap]}, ROWS, false);
        assert_int_equal(want.exact_ranks, cap == 0);
        for (unsigned lanes = 1; lanes <= LANES_MAX; lanes++)
            for (size_t chunk = 61; chunk < ROWS; chunk *= 9) {
                struct evaluation got = judge_by(&(struct evaluator_config){.lanes = lanes, .exact_rows_max = caps[cap]}, chunk, lanes % 2 == 0);
                assert_same_bits(&want, &got);
            }
    }
}

/* With weights, groups, slices and bootstrap; sorted in memory, and on disk in many runs. */
static void same_bits_with_everything_asked_for(void **state)
{
    (void)state;
    char dir[PATH_SIZE];
    const char *names[SLICES] = {"few", "many"};
    test_dir(dir);
    draw_rows(24);
    for (int binned = 0; binned < 2; binned++) {
        struct evaluator_config config = {.lanes = 1,
                                          .exact_rows_max = binned ? ROWS / 3 : ROWS,
                                          .weighted = true,
                                          .bootstrap = {.replicates = 23, .seed = 5},
                                          .groups = {.wanted = true, .k = 4},
                                          .slice_count = SLICES,
                                          .slice_names = names};
        struct evaluation want = judge_by(&config, ROWS, false);
        assert_true(want.slices[0].values == 5 && want.slices[1].count == SLICE_VALUES_MAX && want.slices[1].has_other);
        assert_true(scores_value(&want, "gauc") > 0.5 && want.groups.count == 900);
        config.world = &world_real, config.folder = dir, config.memory_bytes = 1; /* the least: runs of 4,096 rows */
        for (unsigned lanes = 1; lanes <= LANES_MAX; lanes += 3)
            for (size_t chunk = 61; chunk < ROWS; chunk *= 17) {
                config.lanes = lanes;
                struct evaluation got = judge_by(&config, chunk, lanes % 2 == 0);
                assert_same_bits(&want, &got);
            }
    }
}

static void binned_is_near_exact(void **state)
{
    (void)state;
    for (int weighted = 0; weighted < 2; weighted++) {
        draw_rows(29);
        struct evaluator_config config = {.lanes = 1, .weighted = weighted};
        struct eval_rows rows = {.n = ROWS, .logits = logits, .labels = labels, .weights = weighted ? weights : NULL};
        struct evaluation exact = scores_judge_rows(&config, &rows);
        config.exact_rows_max = 1;
        struct evaluation binned = scores_judge_rows(&config, &rows);
        for (size_t i = 0; metrics[i]; i++) {
            const struct measure *a = &exact.measures[i], *b = &binned.measures[i];
            if (!a->wanted) continue;
            assert_true(fabs(a->value - b->value) <= b->error_bound + 1e-15 * fabs(a->value)); /* sums have bound 0: equal */
            if (!isnan(a->se)) assert_close(b->se, a->se, 1e-3, 0);
            assert_true(a->error_bound == 0);
            if (strcmp(metrics[i]->kind.name, "ece") != 0) assert_true(b->error_bound < 1e-2); /* rows are tied in 1/50 logits: whole ties move */
        }
    }
}

static void more_rows_after_a_finish(void **state)
{
    (void)state;
    struct error err = {0};
    char dir[PATH_SIZE];
    const char *names[SLICES] = {"few", "many"};
    test_dir(dir);
    draw_rows(31);
    for (int mode = 0; mode < 4; mode++) {
        bool exact = mode % 2, everything = mode > 1;
        struct evaluator_config config = {.lanes = 1, .exact_rows_max = exact ? ROWS : ROWS / 2};
        if (everything) {
            config.weighted = config.groups.wanted = true;
            config.slice_count = SLICES, config.slice_names = names;
            config.bootstrap.replicates = 20;
            config.world = &world_real, config.folder = dir, config.memory_bytes = 1;
        }
        struct eval_rows all = rows_part(0, ROWS, everything), start = rows_part(0, ROWS / 3, everything),
                         rest = rows_part(ROWS / 3, ROWS - ROWS / 3, everything);
        struct evaluator *e = evaluator_new(&config, &err);
        struct evaluation first, both, want = scores_judge_rows(&config, &all);
        assert_ok(evaluator_add(e, 0, &start, &err), &err);
        assert_ok(evaluator_finish(e, &first, &err), &err);
        assert_true(everything ? first.rows < ROWS / 3 : first.rows == ROWS / 3);
        assert_ok(evaluator_add(e, 0, &rest, &err), &err);
        assert_ok(evaluator_finish(e, &both, &err), &err);
        assert_same_bits(&both, &want);
        evaluator_free(e);
    }
}

static void assert_undefined(const struct evaluation *e, const char *name, const char *reason)
{
    const struct measure *m = evaluation_measure(e, name);
    assert_true(isnan(m->value) && isnan(m->se) && isnan(m->low) && isnan(m->high));
    assert_non_null(strstr(m->reason, reason));
}

static void one_class_has_reasons(void **state)
{
    (void)state;
    float z[4] = {-1, 0, 1, 2}, zeros[4] = {0}, ones[4] = {1, 1, 1, 1};
    struct evaluation e = scores_judge(z, zeros, 4, 0);
    assert_undefined(&e, "auc", "all 4 labels are 0");
    assert_undefined(&e, "ne", "all 4 labels are 0");
    assert_undefined(&e, "pr_auc", "all 4 labels are 0");
    assert_undefined(&e, "calibration", "all 4 labels are 0");
    assert_true(isfinite(scores_value(&e, "logloss")) && isfinite(scores_value(&e, "accuracy")));
    e = scores_judge(z, ones, 4, 0);
    assert_undefined(&e, "auc", "all 4 labels are 1");
    assert_undefined(&e, "ne", "all 4 labels are 1");
    assert_true(scores_value(&e, "pr_auc") == 1 && isfinite(scores_value(&e, "calibration")));
}

static void no_rows_and_one_row(void **state)
{
    (void)state;
    float z = 1, y = 1;
    struct evaluation e = scores_judge(&z, &y, 0, 0);
    for (size_t i = 0; metrics[i]; i++) assert_undefined(&e, metrics[i]->kind.name, "no rows");
    assert_int_equal(e.decile_count, 0);
    e = scores_judge(&z, &y, 1, 0);
    assert_close(scores_value(&e, "logloss"), log1p(exp(-1)), 1e-11, 0);
    assert_true(isnan(scores_se(&e, "logloss")));
    assert_non_null(strstr(evaluation_measure(&e, "logloss")->reason, "at least 2 rows"));
}

static void scores_that_are_not_finite(void **state)
{
    (void)state;
    const float bad[] = {NAN, INFINITY, -INFINITY, 2e9f, -3e38f};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        float z[3] = {0, bad[i], 1}, y[3] = {0, 1, 1};
        for (int exact = 0; exact < 2; exact++) {
            struct evaluation e = scores_judge(z, y, 3, exact ? 0 : 1);
            assert_int_equal(e.bad_scores, 1);
            assert_int_equal(e.rows, 3);
            for (size_t m = 0; metrics[m]; m++) assert_undefined(&e, metrics[m]->kind.name, "1 of 3 scores are not finite or beyond +-1e9");
        }
    }
}

static void huge_scores_keep_their_loss(void **state)
{
    (void)state;
    float z[2] = {1e9f, -1e9f}, y[2] = {0, 1}; /* as wrong as can be */
    struct evaluation e = scores_judge(z, y, 2, 0);
    assert_close(scores_value(&e, "logloss"), 1e9, 1e-12, 0);
    assert_true(scores_value(&e, "auc") == 0);
}

static void weights_of_zero_count_nowhere(void **state)
{
    (void)state;
    const char *names[1] = {"field"};
    float z[5] = {NAN, 0, 1, -1, 2}, y[5] = {1, 0, 1, 1, 0}, w[5] = {0, 2, 3, 0, 1};
    float kept_z[3] = {0, 1, 2}, kept_y[3] = {0, 1, 0}, kept_w[3] = {2, 3, 1};
    uint64_t group[5] = {7, 7, 7, 8, 7}, kept_group[3] = {7, 7, 7}, row[5] = {0, 1, 2, 3, 4}, kept_row[3] = {1, 2, 4};
    uint32_t slice[5] = {9, 9, 9, 9, 8}, kept_slice[3] = {9, 9, 8};
    struct evaluator_config config = {
        .lanes = 1, .weighted = true, .groups.wanted = true, .slice_count = 1, .slice_names = names, .bootstrap = {.replicates = 20}};
    struct evaluation all = scores_judge_rows(&config, &(struct eval_rows){5, z, y, w, group, row, slice, NULL});
    struct evaluation kept = scores_judge_rows(&config, &(struct eval_rows){3, kept_z, kept_y, kept_w, kept_group, kept_row, kept_slice, NULL});
    assert_int_equal(all.rows, 3);
    assert_int_equal(all.bad_scores, 0);
    assert_same_bits(&all, &kept);
    float none[3] = {0, 0, 0};
    all = scores_judge_rows(&config, &(struct eval_rows){3, kept_z, kept_y, none, kept_group, kept_row, kept_slice, NULL});
    for (size_t i = 0; metrics[i]; i++) assert_undefined(&all, metrics[i]->kind.name, "no rows of a weight above 0");
    assert_string_equal(all.slices[0].reason, "no rows of a weight above 0");
}

/* Whole weights are repeated rows, and a common factor changes nothing, not even an error. */
static void weights_are_repetitions(void **state)
{
    (void)state;
    enum { N = 300 };
    static float z[N], y[N], w[N], scaled[N], many_z[N * 4], many_y[N * 4];
    struct rng rng = rng_at(37, RNG_TEST, 1, 0);
    size_t many = 0;
    scores_draw(&rng, z, y, N, 0, 1, 4);
    for (size_t i = 0; i < N; i++) {
        w[i] = (float)rng_below(&rng, 5), scaled[i] = w[i] * 0.125f;
        for (int k = 0; k < (int)w[i]; k++) many_z[many] = z[i], many_y[many++] = y[i];
    }
    struct evaluator_config config = {.lanes = 1, .weighted = true};
    struct evaluation weighted = scores_judge_rows(&config, &(struct eval_rows){.n = N, .logits = z, .labels = y, .weights = w});
    struct evaluation repeated = scores_judge(many_z, many_y, many, 0);
    struct evaluation smaller = scores_judge_rows(&config, &(struct eval_rows){.n = N, .logits = z, .labels = y, .weights = scaled});
    for (size_t i = 0; metrics[i]; i++) {
        if (!weighted.measures[i].wanted) continue;
        assert_close(weighted.measures[i].value, repeated.measures[i].value, 1e-12, 0);
        assert_close(smaller.measures[i].value, weighted.measures[i].value, 1e-12, 0);
        if (isnan(weighted.measures[i].se)) continue;
        assert_close(smaller.measures[i].se, weighted.measures[i].se, 1e-9, 0);
        assert_true(weighted.measures[i].se > repeated.measures[i].se); /* repetitions are not new rows, and weights know it */
    }
    for (size_t i = 0; i < N; i++) w[i] = 4;
    weighted = scores_judge_rows(&config, &(struct eval_rows){.n = N, .logits = z, .labels = y, .weights = w});
    repeated = scores_judge(z, y, N, 0);
    for (size_t i = 0; metrics[i]; i++)
        if (weighted.measures[i].wanted && !isnan(weighted.measures[i].se)) assert_close(weighted.measures[i].se, repeated.measures[i].se, 1e-9, 0);
}

static void bad_weights_and_missing_arrays_are_refused(void **state)
{
    (void)state;
    const float bad[] = {-1, NAN, INFINITY, 1e-7f, 1.1e6f};
    float z[2] = {0, 1}, y[2] = {0, 1}, w[2] = {1, 1};
    struct error err = {0};
    struct evaluator *e = evaluator_new(&(struct evaluator_config){.lanes = 1, .weighted = true}, &err);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        w[1] = bad[i];
        assert_int_equal(evaluator_add(e, 0, &(struct eval_rows){.n = 2, .logits = z, .labels = y, .weights = w}, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "a weight is 0 or from 1e-06 to 1e+06. Scale them");
        error_clear(&err);
    }
    assert_int_equal(evaluator_add(e, 0, &(struct eval_rows){.n = 2, .logits = z, .labels = y}, &err), -ERROR_USAGE);
    assert_error(&err, ERROR_USAGE, "needs weights");
    error_clear(&err);
    evaluator_free(e);
    const struct {
        struct evaluator_config config;
        const char *what;
    } asked[] = {{{.lanes = 1, .groups.wanted = true}, "needs groups"},
                 {{.lanes = 1, .bootstrap.replicates = 20}, "needs row ordinals"},
                 {{.lanes = 1, .slice_count = 1}, "needs slices"}};
    for (size_t i = 0; i < 3; i++) {
        assert_non_null(e = evaluator_new(&asked[i].config, &err));
        assert_int_equal(evaluator_add(e, 0, &(struct eval_rows){.n = 2, .logits = z, .labels = y}, &err), -ERROR_USAGE);
        assert_error(&err, ERROR_USAGE, asked[i].what);
        error_clear(&err);
        evaluator_free(e);
    }
    w[1] = 1;
    assert_non_null(e = evaluator_new(&(struct evaluator_config){.lanes = 1}, &err));
    assert_int_equal(evaluator_add(e, 0, &(struct eval_rows){.n = 2, .logits = z, .labels = y, .weights = w}, &err), -ERROR_USAGE);
    evaluator_free(e);
}

/* Without a folder the memory's end is an answer with a reason, not an error. */
static void rows_beyond_the_memory_have_a_reason(void **state)
{
    (void)state;
    const char *names[SLICES] = {"few", "many"};
    draw_rows(41);
    struct eval_rows rows = rows_part(0, ROWS, true);
    struct evaluation e = scores_judge_rows(
        &(struct evaluator_config){
            .lanes = 1, .weighted = true, .groups.wanted = true, .slice_count = SLICES, .slice_names = names, .memory_bytes = 1},
        &rows);
    assert_undefined(&e, "gauc", "no folder to sort them in");
    assert_undefined(&e, "ndcg", "no folder to sort them in");
    assert_non_null(strstr(e.slices[1].reason, "no folder"));
    assert_int_equal(e.slices[1].count, 0);
    assert_true(isfinite(scores_value(&e, "auc")));
}

static void bad_labels_are_refused_whole(void **state)
{
    (void)state;
    const float bad[] = {2, -1, 0.5f, NAN};
    for (size_t i = 0; i < 4; i++) {
        struct error err = {0};
        struct evaluation out;
        float z[3] = {0, 1, 2}, y[3] = {0, 1, bad[i]};
        struct evaluator *e = evaluator_new(&(struct evaluator_config){.lanes = 1}, &err);
        assert_int_equal(evaluator_add(e, 0, &(struct eval_rows){.n = 3, .logits = z, .labels = y}, &err), -ERROR_DATA);
        assert_error(&err, ERROR_DATA, "only 0 and 1");
        error_clear(&err);
        assert_ok(evaluator_finish(e, &out, &err), &err);
        assert_int_equal(out.rows, 0);
        evaluator_free(e);
    }
}

static void lanes_are_checked(void **state)
{
    (void)state;
    struct error err = {0};
    assert_null(evaluator_new(&(struct evaluator_config){.lanes = 0}, &err));
    assert_error(&err, ERROR_USAGE, "lanes");
    const struct evaluator_config bad[] = {{.lanes = 1, .bootstrap.replicates = 5},
                                           {.lanes = 1, .bootstrap.replicates = 1001},
                                           {.lanes = 1, .slice_count = EVALUATION_SLICES_MAX + 1},
                                           {.lanes = 1, .groups = {true, 1001}},
                                           {.lanes = 1, .folder = "."}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        error_clear(&err);
        assert_null(evaluator_new(&bad[i], &err));
        assert_int_equal(err.code, ERROR_USAGE);
    }
    evaluator_free(NULL);
}

/* Each allocation fails once: an error, no leak (ASan's word), and a later try works. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    const char *names[1] = {"field"};
    float z[6] = {0, 1, 2, 3, 4, 5}, y[6] = {0, 1, 0, 1, 1, 0}, w[6] = {1, 2, 3, 4, 5, 6};
    uint64_t group[6] = {1, 1, 1, 2, 2, 2}, row[6] = {0};
    uint32_t slice[6] = {0};
    const struct evaluator_config plain = {.lanes = 2}, full = {.lanes = 2,
                                                                .weighted = true,
                                                                .groups.wanted = true,
                                                                .bootstrap.replicates = 20,
                                                                .slice_count = 1,
                                                                .slice_names = names};
    for (int everything = 0; everything < 2; everything++) {
        struct eval_rows rows = {6, z, y, everything ? w : NULL, group, row, slice, NULL};
        bool fired = true;
        unsigned k;
        for (k = 1; fired && k < 100; k++) {
            struct error err = {0};
            struct evaluation out;
            mem_fail_after(k);
            struct evaluator *e = evaluator_new(everything ? &full : &plain, &err);
            int rc = e ? evaluator_add(e, 1, &rows, &err) : -1;
            if (rc == 0) rc = evaluator_finish(e, &out, &err);
            fired = mem_fail_after(0);
            assert_true(fired == (rc < 0));
            if (e && rc < 0) {
                assert_error(&err, ERROR_NOMEM, "");
                error_clear(&err);
                assert_ok(evaluator_finish(e, &out, &err), &err);
                assert_true(out.rows == 0 || out.rows == 6);
            }
            evaluator_free(e);
        }
        assert_true(!fired && k > (everything ? 20 : 6));
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(same_bits_for_any_workers_and_chunks),
    cmocka_unit_test(same_bits_with_everything_asked_for),
    cmocka_unit_test(binned_is_near_exact),
    cmocka_unit_test(more_rows_after_a_finish),
    cmocka_unit_test(one_class_has_reasons),
    cmocka_unit_test(no_rows_and_one_row),
    cmocka_unit_test(scores_that_are_not_finite),
    cmocka_unit_test(huge_scores_keep_their_loss),
    cmocka_unit_test(weights_of_zero_count_nowhere),
    cmocka_unit_test(weights_are_repetitions),
    cmocka_unit_test(bad_weights_and_missing_arrays_are_refused),
    cmocka_unit_test(rows_beyond_the_memory_have_a_reason),
    cmocka_unit_test(bad_labels_are_refused_whole),
    cmocka_unit_test(lanes_are_checked),
    cmocka_unit_test(every_allocation_may_fail),
};
TEST_MAIN(tests)

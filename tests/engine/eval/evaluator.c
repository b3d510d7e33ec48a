/* test: threads */
/* The evaluator: the same bits however rows are cut and who brings them, exact or binned; reasons where nothing can be said. */
#include "lib/test.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/mem.h"
#include "lib/scores.h"

enum { ROWS = 20000, LANES_MAX = 4 };
static float logits[ROWS], labels[ROWS];

struct part { /* what one thread brings: chunks `lane`, `lane + step`, ... of `chunk` rows, in falling order when `backwards` */
    struct evaluator *evaluator;
    unsigned lane, step;
    size_t chunk;
    bool backwards;
    int rc;
};

static void *part_run(void *context)
{
    struct part *p = context;
    size_t chunks = (ROWS + p->chunk - 1) / p->chunk;
    for (size_t i = p->lane; i < chunks; i += p->step) {
        size_t c = p->backwards ? chunks - 1 - i : i, first = c * p->chunk, n = ROWS - first < p->chunk ? ROWS - first : p->chunk;
        struct error err = {0};
        if (evaluator_add(p->evaluator, p->lane, &(struct eval_rows){.n = n, .logits = logits + first, .labels = labels + first}, &err) < 0)
            p->rc = -1;
    }
    return NULL;
}

static struct evaluation judge_by(unsigned lanes, size_t chunk, bool backwards, uint64_t exact_rows_max)
{
    struct error err = {0};
    struct evaluation out;
    struct evaluator *e = evaluator_new(&(struct evaluator_config){.lanes = lanes, .exact_rows_max = exact_rows_max}, &err);
    assert_ok(e ? 0 : -1, &err);
    struct part parts[LANES_MAX];
    pthread_t threads[LANES_MAX];
    for (unsigned i = 0; i < lanes; i++) {
        parts[i] = (struct part){.evaluator = e, .lane = i, .step = lanes, .chunk = chunk, .backwards = backwards};
        assert_int_equal(pthread_create(&threads[i], NULL, part_run, &parts[i]), 0);
    }
    for (unsigned i = 0; i < lanes; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(parts[i].rc, 0);
    }
    assert_ok(evaluator_finish(e, &out, &err), &err);
    evaluator_free(e);
    return out;
}

static void assert_same_bits(const struct evaluation *a, const struct evaluation *b)
{
    assert_int_equal(a->rows, b->rows);
    assert_int_equal(a->positives, b->positives);
    assert_int_equal(a->exact_ranks, b->exact_ranks);
    for (size_t i = 0; metrics[i]; i++) {
        const struct measure *x = &a->measures[i], *y = &b->measures[i];
        assert_memory_equal(&x->value, &y->value, sizeof x->value);
        assert_memory_equal(&x->se, &y->se, sizeof x->se);
        assert_memory_equal(&x->low, &y->low, sizeof x->low);
        assert_memory_equal(&x->high, &y->high, sizeof x->high);
        assert_memory_equal(&x->error_bound, &y->error_bound, sizeof x->error_bound);
    }
}

static void same_bits_for_any_workers_and_chunks(void **state)
{
    (void)state;
    struct rng rng = rng_at(23, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -1, 1.5, 0);
    const uint64_t caps[] = {ROWS, ROWS - 1, ROWS / 2, 1}; /* exact; binned, the switch at the last row, midway, at once */
    for (size_t cap = 0; cap < 4; cap++) {
        struct evaluation want = judge_by(1, ROWS, false, caps[cap]);
        assert_int_equal(want.exact_ranks, cap == 0);
        for (unsigned lanes = 1; lanes <= LANES_MAX; lanes++)
            for (size_t chunk = 61; chunk < ROWS; chunk *= 9) {
                struct evaluation got = judge_by(lanes, chunk, lanes % 2 == 0, caps[cap]);
                assert_same_bits(&want, &got);
            }
    }
}

static void binned_is_near_exact(void **state)
{
    (void)state;
    struct rng rng = rng_at(29, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -1, 1.5, 0);
    struct evaluation exact = judge_by(1, ROWS, false, 0), binned = judge_by(1, ROWS, false, 1);
    for (size_t i = 0; metrics[i]; i++) {
        const struct measure *a = &exact.measures[i], *b = &binned.measures[i];
        assert_true(fabs(a->value - b->value) <= b->error_bound); /* sums have bound 0: equal */
        assert_close(b->se, a->se, 1e-3, 0);
        assert_true(b->error_bound < 1e-3 && a->error_bound == 0);
    }
}

static void more_rows_after_a_finish(void **state)
{
    (void)state;
    struct error err = {0};
    struct rng rng = rng_at(31, RNG_TEST, 1, 0);
    scores_draw(&rng, logits, labels, ROWS, -1, 1.5, 0);
    for (int exact = 0; exact < 2; exact++) {
        struct evaluator *e = evaluator_new(&(struct evaluator_config){.lanes = 1, .exact_rows_max = exact ? ROWS : ROWS / 2}, &err);
        struct evaluation first, both, want = scores_judge(logits, labels, ROWS, exact ? ROWS : ROWS / 2);
        assert_ok(evaluator_add(e, 0, &(struct eval_rows){.n = ROWS / 3, .logits = logits, .labels = labels}, &err), &err);
        assert_ok(evaluator_finish(e, &first, &err), &err);
        assert_int_equal(first.rows, ROWS / 3);
        assert_ok(evaluator_add(e, 0, &(struct eval_rows){.n = ROWS - ROWS / 3, .logits = logits + ROWS / 3, .labels = labels + ROWS / 3}, &err),
                  &err);
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
            for (size_t m = 0; metrics[m]; m++) assert_undefined(&e, metrics[m]->kind.name, "1 of 3 scores are not finite");
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
    evaluator_free(NULL);
}

/* Each allocation fails once: an error, no leak (ASan's word), and a later try works. */
static void every_allocation_may_fail(void **state)
{
    (void)state;
    float z[6] = {0, 1, 2, 3, 4, 5}, y[6] = {0, 1, 0, 1, 1, 0};
    for (unsigned k = 1; k < 50; k++) {
        struct error err = {0};
        struct evaluation out;
        mem_fail_after(k);
        struct evaluator *e = evaluator_new(&(struct evaluator_config){.lanes = 2}, &err);
        int rc = e ? evaluator_add(e, 1, &(struct eval_rows){.n = 6, .logits = z, .labels = y}, &err) : -1;
        if (rc == 0) rc = evaluator_finish(e, &out, &err);
        bool fired = mem_fail_after(0);
        if (e && rc < 0) {
            assert_error(&err, ERROR_NOMEM, "");
            error_clear(&err);
            assert_ok(evaluator_finish(e, &out, &err), &err);
            assert_true(out.rows == 0 || out.rows == 6);
        }
        evaluator_free(e);
        if (!fired) {
            assert_true(k > 4);
            return;
        }
        assert_true(rc < 0);
    }
    fail_msg("the countdown never ran out");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(same_bits_for_any_workers_and_chunks),
    cmocka_unit_test(binned_is_near_exact),
    cmocka_unit_test(more_rows_after_a_finish),
    cmocka_unit_test(one_class_has_reasons),
    cmocka_unit_test(no_rows_and_one_row),
    cmocka_unit_test(scores_that_are_not_finite),
    cmocka_unit_test(huge_scores_keep_their_loss),
    cmocka_unit_test(bad_labels_are_refused_whole),
    cmocka_unit_test(lanes_are_checked),
    cmocka_unit_test(every_allocation_may_fail),
};
TEST_MAIN(tests)

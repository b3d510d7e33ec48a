/* Slice tables: each value's figures are those of its rows judged alone; the most frequent come first; the rest is one row. */
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "lib/scores.h"

enum { ROWS = 30000, VALUES = 400 };
static float logits[ROWS], labels[ROWS], weights[ROWS];
static uint32_t keys[ROWS];

static void draw(bool weighted)
{
    struct rng rng = rng_at(3, RNG_TEST, 1, weighted);
    scores_draw(&rng, logits, labels, ROWS, -1, 1, 30);
    for (size_t i = 0; i < ROWS; i++) {
        keys[i] = (uint32_t)rng_below(&rng, 1 + rng_below(&rng, VALUES)) * 2654435761u;
        weights[i] = weighted ? (float)(0.1 + rng_unit(&rng)) : 1;
        if (keys[i] == 0) labels[i] = 0; /* the most frequent value never clicks */
    }
}

static struct evaluation judge(const bool *kept, bool weighted, bool sliced)
{
    static float z[ROWS], y[ROWS], w[ROWS];
    static uint32_t k[ROWS];
    static const char *const names[] = {"C1"};
    size_t n = 0;
    for (size_t i = 0; i < ROWS; i++)
        if (!kept || kept[i]) z[n] = logits[i], y[n] = labels[i], w[n] = weights[i], k[n++] = keys[i];
    return scores_judge_rows(&(struct evaluator_config){.lanes = 1, .weighted = weighted, .slice_count = sliced, .slice_names = names},
                             &(struct eval_rows){.n = n, .logits = z, .labels = y, .weights = weighted ? w : NULL, .slices = k});
}

/* The same judgement by keys that stand behind each other, some rows having several. */
static struct evaluation judge_lists(const uint32_t *lists, const uint32_t *ends)
{
    static const char *const names[] = {"tags"};
    return scores_judge_rows(&(struct evaluator_config){.lanes = 1, .slice_count = 1, .slice_names = names},
                             &(struct eval_rows){.n = ROWS, .logits = logits, .labels = labels, .slices = lists, .slice_ends = ends});
}

static void assert_figure(struct figure got, const struct evaluation *want, const char *name, double tolerance)
{
    const struct measure *m = evaluation_measure(want, name);
    if (isnan(m->value)) assert_true(isnan(got.value) && isnan(got.se));
    else {
        assert_close(got.value, m->value, 1e-9, tolerance);
        assert_close(got.se, m->se, 1e-6, tolerance);
    }
}

static void slices_equal_their_rows_judged_alone(void **state)
{
    (void)state;
    static bool kept[ROWS], others[ROWS];
    for (int weighted = 0; weighted < 2; weighted++) {
        draw(weighted);
        struct evaluation e = judge(NULL, weighted, true);
        const struct slice_table *t = &e.slices[0];
        assert_string_equal(t->field, "C1");
        assert_int_equal(t->count, SLICE_VALUES_MAX);
        assert_true(t->has_other && t->values > 100 && t->values <= VALUES && !t->reason[0]);
        for (size_t i = 0; i < ROWS; i++) others[i] = true;
        uint64_t rows = t->other.rows;
        for (unsigned s = 0; s < t->count; s++) {
            size_t n = 0;
            for (size_t i = 0; i < ROWS; i++) {
                kept[i] = keys[i] == t->slices[s].key;
                n += kept[i];
                if (kept[i]) others[i] = false;
            }
            struct evaluation want = judge(kept, weighted, false);
            assert_true(n > 0 && t->slices[s].rows == n && t->slices[s].positives == want.positives);
            assert_close(t->slices[s].weight, want.weight, 1e-12, 0);
            if (s) assert_true(t->slices[s - 1].rows > n || (t->slices[s - 1].rows == n && t->slices[s - 1].key < t->slices[s].key));
            assert_figure(t->slices[s].auc, &want, "auc", 1e-12);
            assert_figure(t->slices[s].logloss, &want, "logloss", 1e-12);
            assert_figure(t->slices[s].calibration, &want, "calibration", 1e-12);
            rows += n;
        }
        assert_int_equal(rows, ROWS);
        assert_int_equal(t->slices[0].key, 0);
        assert_true(t->slices[0].positives == 0 && isnan(t->slices[0].auc.value) && isnan(t->slices[0].calibration.value));
        struct evaluation want = judge(others, weighted, false);
        assert_int_equal(t->other.positives, want.positives);
        assert_figure(t->other.auc, &want, "auc", 1e-12); /* scores are steps of 1/30, apart in its bins */
        assert_figure(t->other.logloss, &want, "logloss", 1e-12);
        for (size_t i = 0; i < ROWS; i++)
            if (others[i]) assert_true(keys[i] != t->slices[0].key);
    }
}

/* A row with several values counts in the slice of each. */
static void rows_of_several_values_count_in_each(void **state)
{
    (void)state;
    enum { TAGS = 9 };
    static uint32_t lists[ROWS * TAGS], ends[ROWS];
    static bool kept[ROWS];
    uint32_t used = 0;
    draw(false);
    for (size_t i = 0; i < ROWS; i++) {
        struct rng rng = rng_at(4, RNG_TEST, 0, i);
        for (uint32_t tag = 1; tag <= TAGS; tag++)
            if (rng_below(&rng, 1 + tag) == 0) lists[used++] = tag;
        if (used == (i ? ends[i - 1] : 0)) lists[used++] = 0;
        ends[i] = used;
    }
    struct evaluation e = judge_lists(lists, ends);
    const struct slice_table *t = &e.slices[0];
    assert_true(t->values == TAGS + 1 && t->count == TAGS + 1 && !t->has_other);
    for (unsigned s = 0; s < t->count; s++) {
        uint64_t n = 0;
        for (size_t i = 0; i < ROWS; i++) {
            kept[i] = false;
            for (uint32_t k = i ? ends[i - 1] : 0; k < ends[i]; k++) kept[i] |= lists[k] == t->slices[s].key;
            n += kept[i];
        }
        struct evaluation want = judge(kept, false, false);
        assert_true(n > 0 && t->slices[s].rows == n);
        assert_figure(t->slices[s].auc, &want, "auc", 1e-12);
        assert_figure(t->slices[s].logloss, &want, "logloss", 1e-12);
    }
}

static void few_values_have_no_rest(void **state)
{
    (void)state;
    draw(false);
    for (size_t i = 0; i < ROWS; i++) keys[i] = (uint32_t)(i % SLICE_VALUES_MAX);
    struct evaluation e = judge(NULL, false, true);
    assert_true(e.slices[0].values == SLICE_VALUES_MAX && !e.slices[0].has_other);
    for (unsigned s = 0; s < SLICE_VALUES_MAX; s++) assert_int_equal(e.slices[0].slices[s].key, s); /* equal rows: by key */
}

static void slices_without_an_answer_say_why(void **state)
{
    (void)state;
    float z[2] = {0, NAN}, y[2] = {0, 1};
    uint32_t key[2] = {1, 1};
    struct evaluator_config config = {.lanes = 1, .slice_count = 1};
    struct evaluation e = scores_judge_rows(&config, &(struct eval_rows){.n = 2, .logits = z, .labels = y, .slices = key});
    assert_string_equal(e.slices[0].reason, "1 of 2 scores are not finite or beyond +-1e9");
    e = scores_judge_rows(&config, &(struct eval_rows){.n = 0, .logits = z, .labels = y, .slices = key});
    assert_string_equal(e.slices[0].reason, "no rows");
    e = scores_judge_rows(&config, &(struct eval_rows){.n = 1, .logits = z, .labels = y, .slices = key});
    assert_true(e.slices[0].count == 1 && !e.slices[0].reason[0] && isnan(e.slices[0].slices[0].logloss.se));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(slices_equal_their_rows_judged_alone),
    cmocka_unit_test(rows_of_several_values_count_in_each),
    cmocka_unit_test(few_values_have_no_rest),
    cmocka_unit_test(slices_without_an_answer_say_why),
};
TEST_MAIN(tests)

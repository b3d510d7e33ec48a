/* The bootstrap: its weights are Poisson(1) and a function of the row; its intervals are about as wide as the analytic ones where both are right, and
 * cover as often. */
#include "engine/eval/bootstrap.h"
#include "lib/test.h"

#include <math.h>
#include <string.h>

#include "lib/scores.h"

enum { ROWS = 40000, SMALL = 500 };
static float logits[ROWS], labels[ROWS], weights[ROWS];
static uint64_t ordinals[ROWS];

static struct evaluation judge(size_t n, unsigned replicates, uint64_t seed, bool weighted)
{
    return scores_judge_rows(&(struct evaluator_config){.lanes = 1, .weighted = weighted, .bootstrap = {.replicates = replicates, .seed = seed}},
                             &(struct eval_rows){.n = n, .logits = logits, .labels = labels, .weights = weighted ? weights : NULL, .rows = ordinals});
}

static void draw(unsigned set, size_t n)
{
    struct rng rng = rng_at(3, RNG_TEST, 1, set);
    scores_draw(&rng, logits, labels, n, -1, 1.3, 0);
    for (size_t i = 0; i < n; i++) {
        weights[i] = (float)exp(0.8 * rng_normal(&rng));
        ordinals[i] = ((uint64_t)set << 32) + i; /* other rows, other draws */
    }
}

/* On a large set both intervals are right: the same width within what 400 replicates tell (5 % of a deviation, 3 sigma), around the same place. */
static void widths_are_those_of_the_analytic_intervals(void **state)
{
    (void)state;
    for (int weighted = 0; weighted < 2; weighted++) {
        draw(1000 + (unsigned)weighted, ROWS);
        struct evaluation e = judge(ROWS, 400, 7, weighted);
        for (size_t i = 0; metrics[i]; i++) {
            const struct measure *m = &e.measures[i];
            if (!m->wanted) continue;
            assert_true(m->bootstrap_low < m->value || strcmp(metrics[i]->kind.name, "ece") == 0);
            assert_true(m->bootstrap_high > m->value);
            if (isnan(m->se)) continue;
            assert_close((m->bootstrap_high - m->bootstrap_low) / (m->high - m->low), 1, 0, 0.15);
            assert_close((m->bootstrap_high + m->bootstrap_low) / 2, m->value, 0, m->se / 2);
        }
    }
}

static void intervals_cover(void **state)
{
    (void)state;
    enum { SETS = 250 };
    draw(1, ROWS);
    struct evaluation truth = judge(ROWS, 0, 0, false); /* its errors are a ninth of a small set's */
    unsigned held[2] = {0};
    for (unsigned set = 0; set < SETS; set++) {
        draw(2 + set, SMALL);
        struct evaluation e = judge(SMALL, 200, 11, false);
        const struct measure *auc = evaluation_measure(&e, "auc"), *logloss = evaluation_measure(&e, "logloss");
        held[0] += auc->bootstrap_low <= scores_value(&truth, "auc") && scores_value(&truth, "auc") <= auc->bootstrap_high;
        held[1] += logloss->bootstrap_low <= scores_value(&truth, "logloss") && scores_value(&truth, "logloss") <= logloss->bootstrap_high;
    }
    for (int i = 0; i < 2; i++) assert_close(held[i] / (double)SETS, 0.95, 0, 0.041); /* 3 sigma of 250 sets */
}

static void draws_belong_to_seed_and_row(void **state)
{
    (void)state;
    draw(5, SMALL);
    struct evaluation first = judge(SMALL, 50, 1, false), same = judge(SMALL, 50, 1, false), other = judge(SMALL, 50, 2, false);
    for (size_t i = 0; i < SMALL; i++) ordinals[i] += SMALL;
    struct evaluation moved = judge(SMALL, 50, 1, false);
    const struct measure *a = evaluation_measure(&first, "auc");
    assert_true(a->bootstrap_low == evaluation_measure(&same, "auc")->bootstrap_low);
    assert_true(a->bootstrap_low != evaluation_measure(&other, "auc")->bootstrap_low);
    assert_true(a->bootstrap_low != evaluation_measure(&moved, "auc")->bootstrap_low);
}

/* The share of clicks is a mean of Bernoulli draws, so its spread over replicates is known exactly: with Poisson(1) counts, var = q (1 - q) / n. */
static void counts_are_poisson(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS; i++) logits[i] = 1, labels[i] = i % 4 == 0, ordinals[i] = i;
    struct evaluation e = judge(ROWS, 1000, 3, false);
    const struct measure *m = evaluation_measure(&e, "accuracy");
    assert_close(m->value, 0.25, 1e-12, 0);
    assert_close((m->bootstrap_high - m->bootstrap_low) / (2 * 1.96), sqrt(0.25 * 0.75 / ROWS), 0.1, 0);
}

static void too_few_rows_have_none(void **state)
{
    (void)state;
    float z[3] = {0, 1, 2}, y[3] = {0, 0, 1};
    uint64_t row[3] = {0, 1, 2};
    struct evaluation e = scores_judge_rows(&(struct evaluator_config){.lanes = 1, .bootstrap = {.replicates = 100, .seed = 1}},
                                            &(struct eval_rows){.n = 3, .logits = z, .labels = y, .rows = row});
    assert_true(isnan(evaluation_measure(&e, "auc")->bootstrap_low)); /* a third of the replicates have no positive */
    assert_true(isfinite(evaluation_measure(&e, "logloss")->bootstrap_low));
    e = scores_judge_rows(&(struct evaluator_config){.lanes = 1, .bootstrap = {.replicates = 100, .seed = 1}},
                          &(struct eval_rows){.n = 0, .logits = z, .labels = y, .rows = row});
    assert_true(isnan(evaluation_measure(&e, "logloss")->bootstrap_low));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(widths_are_those_of_the_analytic_intervals),
    cmocka_unit_test(intervals_cover),
    cmocka_unit_test(draws_belong_to_seed_and_row),
    cmocka_unit_test(counts_are_poisson),
    cmocka_unit_test(too_few_rows_have_none),
};
TEST_MAIN(tests)

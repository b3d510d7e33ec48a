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

/* ---- by group ---- */

enum { USERS = 400, USER_ROWS = 12, CLICKS_MAX = USERS * USER_ROWS };
static uint64_t users[CLICKS_MAX];

/* Rows of a user have the same leaning, so they are not independent; how well the scores rank them differs from user to user. */
static void users_draw(unsigned set, size_t count)
{
    struct rng rng = rng_at(9, RNG_TEST, 2, set);
    for (size_t u = 0; u < count; u++) {
        double leaning = rng_normal(&rng) - 1, skill = 1 + rng_normal(&rng);
        for (size_t i = u * USER_ROWS; i < (u + 1) * USER_ROWS; i++) {
            double z = rng_normal(&rng);
            users[i] = ((uint64_t)set << 32) + u * 7919 + 1;
            ordinals[i] = ((uint64_t)set << 32) + i;
            logits[i] = (float)z;
            labels[i] = (float)rng_normal(&rng) < leaning + skill * z;
            weights[i] = (float)exp(0.5 * rng_normal(&rng));
        }
    }
}

static struct evaluation judge_users(size_t count, unsigned replicates, bool weighted, unsigned lanes)
{
    struct evaluator_config config = {
        .lanes = lanes, .weighted = weighted, .bootstrap = {.replicates = replicates, .seed = 5}, .groups = {.wanted = true, .k = 3}};
    return scores_judge_rows(
        &config,
        &(struct eval_rows){
            .n = count * USER_ROWS, .logits = logits, .labels = labels, .weights = weighted ? weights : NULL, .groups = users, .rows = ordinals});
}

/* Whole groups are drawn, and the analytic errors take groups as the unit, too: both intervals are as wide. */
static void groups_are_drawn_whole(void **state)
{
    (void)state;
    static const char *const names[] = {"gauc", "ndcg", "hit_rate"};
    for (int weighted = 0; weighted < 2; weighted++) {
        users_draw(77 + (unsigned)weighted, USERS);
        struct evaluation e = judge_users(USERS, 400, weighted, 1);
        for (size_t i = 0; i < 3; i++) {
            const struct measure *m = evaluation_measure(&e, names[i]);
            assert_true(m->bootstrap_low < m->value && m->value < m->bootstrap_high);
            assert_null(m->bootstrap_reason);
            assert_close((m->bootstrap_high - m->bootstrap_low) / (m->high - m->low), 1, 0, 0.15);
            assert_close((m->bootstrap_high + m->bootstrap_low) / 2, m->value, 0, m->se / 2);
        }
    }
}

static void group_intervals_cover(void **state)
{
    (void)state;
    enum { SETS = 250, FEW = 60 };
    static const char *const names[] = {"gauc", "ndcg", "hit_rate"};
    double truth[3] = {0};
    unsigned held[3] = {0};
    for (unsigned set = 0; set < 100; set++) { /* 40000 users: errors of a 26th of a small set's */
        users_draw(5000 + set, USERS);
        struct evaluation e = judge_users(USERS, 0, false, 1);
        for (size_t i = 0; i < 3; i++) truth[i] += scores_value(&e, names[i]) / 100;
    }
    for (unsigned set = 0; set < SETS; set++) {
        users_draw(100 + set, FEW);
        struct evaluation e = judge_users(FEW, 200, false, 1);
        for (size_t i = 0; i < 3; i++) {
            const struct measure *m = evaluation_measure(&e, names[i]);
            held[i] += m->bootstrap_low <= truth[i] && truth[i] <= m->bootstrap_high;
        }
    }
    for (int i = 0; i < 3; i++)
        assert_close(held[i] / (double)SETS, 0.945, 0, 0.047); /* 3 sigma of 250 sets; of 60 groups a percentile is a little narrow */
}

/* A group's draws are its own: the order of the rows, and who brings them, do not show. */
static void groups_have_the_same_bits_in_any_order(void **state)
{
    (void)state;
    users_draw(3, USERS);
    struct evaluation a = judge_users(USERS, 100, true, 1);
    for (size_t i = 0, j = CLICKS_MAX - 1; i < j; i++, j--) {
        float f;
        uint64_t o;
        f = logits[i], logits[i] = logits[j], logits[j] = f;
        f = labels[i], labels[i] = labels[j], labels[j] = f;
        f = weights[i], weights[i] = weights[j], weights[j] = f;
        o = users[i], users[i] = users[j], users[j] = o;
        o = ordinals[i], ordinals[i] = ordinals[j], ordinals[j] = o;
    }
    struct evaluation b = judge_users(USERS, 100, true, 2);
    for (size_t i = 0; metrics[i]; i++) {
        const struct measure *x = &a.measures[i], *y = &b.measures[i];
        assert_memory_equal(&x->bootstrap_low, &y->bootstrap_low, 2 * sizeof x->bootstrap_low);
    }
}

/* Where there is none that is said, in evaluation.json, too. */
static void an_interval_that_is_missing_has_a_reason(void **state)
{
    (void)state;
    struct error err = {0};
    users_draw(1, 2);
    for (size_t i = 0; i < USER_ROWS; i++) labels[i] = i == 0, labels[USER_ROWS + i] = 0; /* one group of both classes: absent from a third */
    struct evaluation e = judge_users(2, 100, false, 1);
    json_t *json = evaluation_json(&e, "test", NULL, &err), *bootstrap = json_object_get(json, "bootstrap");
    for (size_t i = 0; metrics[i]; i++) {
        const struct measure *m = &e.measures[i];
        const char *name = metrics[i]->kind.name;
        if (!m->wanted || isnan(m->value)) continue;
        assert_int_equal(isnan(m->bootstrap_low), m->bootstrap_reason != NULL);
        assert_int_equal(json_object_get(json_object_get(bootstrap, "intervals"), name) == NULL,
                         json_object_get(json_object_get(bootstrap, "reasons"), name) != NULL);
    }
    assert_non_null(strstr(evaluation_measure(&e, "gauc")->bootstrap_reason, "too few groups"));
    assert_non_null(strstr(evaluation_measure(&e, "auc")->bootstrap_reason, "too few rows"));
    json_decref(json);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(widths_are_those_of_the_analytic_intervals),
    cmocka_unit_test(intervals_cover),
    cmocka_unit_test(draws_belong_to_seed_and_row),
    cmocka_unit_test(counts_are_poisson),
    cmocka_unit_test(too_few_rows_have_none),
    cmocka_unit_test(groups_are_drawn_whole),
    cmocka_unit_test(group_intervals_cover),
    cmocka_unit_test(groups_have_the_same_bits_in_any_order),
    cmocka_unit_test(an_interval_that_is_missing_has_a_reason),
};
TEST_MAIN(tests)

/* GAUC, NDCG and hit rate against their definitions: ties by trying every order of small groups. (scikit-learn's figures: metrics.c.) */
#include "engine/eval/groups.h"
#include "lib/test.h"

#include <math.h>

#include "base/hash.h"
#include "lib/scores.h"

enum { GROUPS = 40, SIZE_MAX_ = 6 };

struct group {
    size_t n;
    float logits[SIZE_MAX_], labels[SIZE_MAX_], weights[SIZE_MAX_];
};

/* Means over all orders that respect the scores. */
static void by_permutations(const struct group *g, unsigned k, double *ndcg, double *hit)
{
    size_t order[SIZE_MAX_], orders = 0, positives = 0;
    double best = 0;
    *ndcg = *hit = 0;
    for (size_t i = 0; i < g->n; i++) order[i] = i, positives += g->labels[i] == 1;
    for (size_t i = 0; i < positives && i < k; i++) best += 1 / log2((double)i + 2);
    for (size_t code = 0, codes = 1; code < codes; code++) {
        codes = 1;
        for (size_t i = 1; i <= g->n; i++) codes *= i;
        size_t left[SIZE_MAX_], rest = code;
        for (size_t i = 0; i < g->n; i++) left[i] = i;
        for (size_t i = 0; i < g->n; i++) { /* the code-th permutation */
            size_t m = g->n - i, at = rest % m;
            rest /= m;
            order[i] = left[at];
            left[at] = left[m - 1];
        }
        bool respects = true;
        for (size_t i = 1; i < g->n; i++) respects = respects && g->logits[order[i - 1]] >= g->logits[order[i]];
        if (!respects) continue;
        double dcg = 0, any = 0;
        for (size_t i = 0; i < g->n && i < k; i++)
            if (g->labels[order[i]] == 1) dcg += 1 / log2((double)i + 2), any = 1;
        *ndcg += dcg / best, *hit += any;
        orders++;
    }
    *ndcg /= (double)orders, *hit /= (double)orders;
}

static double auc_of(const struct group *g)
{
    double won = 0, pairs = 0;
    for (size_t i = 0; i < g->n; i++)
        for (size_t j = 0; j < g->n; j++) {
            double w = (double)g->weights[i] * (double)g->weights[j];
            if (g->labels[i] != 1 || g->labels[j] != 0) continue;
            pairs += w;
            won += g->logits[i] > g->logits[j] ? w : g->logits[i] == g->logits[j] ? w / 2 : 0;
        }
    return won / pairs;
}

static void equal_their_definitions(void **state)
{
    (void)state;
    for (unsigned set = 0; set < 30; set++) {
        static float logits[GROUPS * SIZE_MAX_], labels[GROUPS * SIZE_MAX_], weights[GROUPS * SIZE_MAX_];
        static uint64_t groups[GROUPS * SIZE_MAX_];
        struct rng rng = rng_at(5, RNG_TEST, 1, set);
        unsigned k = 1 + set % 7;
        size_t n = 0, judged = 0, both = 0, left_out_groups = 0;
        double ndcg = 0, hit = 0, gauc = 0, impressions = 0, left_out = 0, squares[2] = {0};
        for (size_t g = 0; g < GROUPS; g++) {
            struct group group = {.n = 1 + rng_below(&rng, SIZE_MAX_)};
            double one_ndcg, one_hit, weight = 0;
            size_t positives = 0;
            for (size_t i = 0; i < group.n; i++, n++) {
                logits[n] = group.logits[i] = (float)rng_below(&rng, 3);
                labels[n] = group.labels[i] = rng_unit(&rng) < 0.4;
                weights[n] = group.weights[i] = set % 2 ? (float)(1 + rng_below(&rng, 3)) : 1;
                groups[n] = hash_mix(g);
                positives += group.labels[i] == 1;
                weight += (double)group.weights[i];
            }
            if (positives) {
                by_permutations(&group, k, &one_ndcg, &one_hit);
                ndcg += one_ndcg, hit += one_hit, judged++;
                squares[0] += one_ndcg * one_ndcg, squares[1] += one_hit * one_hit;
            }
            if (positives && positives < group.n) gauc += weight * auc_of(&group), impressions += weight, both++;
            else left_out += weight, left_out_groups++;
        }
        struct evaluation e = scores_judge_rows(
            &(struct evaluator_config){.lanes = 1, .weighted = true, .groups = {true, k}},
            &(struct eval_rows){.n = n, .logits = logits, .labels = labels, .weights = weights, .groups = groups});
        double m = (double)judged;
        assert_close(scores_value(&e, "ndcg"), ndcg / m, 1e-12, 0);
        assert_close(scores_value(&e, "hit_rate"), hit / m, 1e-12, 0);
        assert_close(scores_value(&e, "gauc"), gauc / impressions, 1e-12, 0);
        assert_close(scores_se(&e, "ndcg"), sqrt((squares[0] - ndcg * ndcg / m) / (m - 1) / m), 1e-9, 1e-12);
        assert_close(scores_se(&e, "hit_rate"), sqrt((squares[1] - hit * hit / m) / (m - 1) / m), 1e-9, 1e-12);
        assert_int_equal(e.groups.count, GROUPS);
        assert_int_equal(e.groups.both_classes, both);
        assert_int_equal(e.groups.k, k);
        assert_close(e.groups.left_out, left_out / (left_out + impressions), 1e-12, 1e-15);
        assert_int_equal(both + left_out_groups, GROUPS);
    }
}

static void nothing_to_judge_has_a_reason(void **state)
{
    (void)state;
    float z[4] = {0, 1, 2, 3}, negative[4] = {0, 0, 0, 0}, apart[4] = {0, 0, 1, 1};
    uint64_t group[4] = {7, 7, 8, 8};
    struct evaluator_config config = {.lanes = 1, .groups = {true, 3}};
    struct evaluation e = scores_judge_rows(&config, &(struct eval_rows){.n = 4, .logits = z, .labels = negative, .groups = group});
    assert_string_equal(evaluation_measure(&e, "gauc")->reason, "no group has rows of both classes");
    assert_string_equal(evaluation_measure(&e, "ndcg")->reason, "no group has a positive row");
    assert_true(e.groups.left_out == 1);
    e = scores_judge_rows(&config, &(struct eval_rows){.n = 4, .logits = z, .labels = apart, .groups = group});
    assert_string_equal(evaluation_measure(&e, "gauc")->reason, "no group has rows of both classes");
    assert_true(scores_value(&e, "ndcg") == 1 && scores_value(&e, "hit_rate") == 1 && isnan(scores_se(&e, "ndcg")));
    group[2] = group[3] = 7; /* one group: a value without an error */
    e = scores_judge_rows(&config, &(struct eval_rows){.n = 4, .logits = z, .labels = apart, .groups = group});
    assert_true(scores_value(&e, "gauc") == 1 && isnan(scores_se(&e, "gauc")));
    assert_true(evaluation_measure(&e, "gauc")->reason[0]);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(equal_their_definitions),
    cmocka_unit_test(nothing_to_judge_has_a_reason),
};
TEST_MAIN(tests)

/* The hidden model: pure rows, the promised base rate and missing share, calibrated labels, and pairs that no sum of single fields can see. */
#include "lib/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/datagen_model.h"

static struct datagen_model *model_with(uint64_t seed, double third_sd)
{
    struct error err = {0};
    struct datagen_model *m = datagen_model_new(seed, third_sd, &err);
    assert_ok(m ? 0 : -1, &err);
    return m;
}

static struct datagen_model *model_of(uint64_t seed) { return model_with(seed, 0); }

static bool same_row(const struct datagen_row *a, const struct datagen_row *b)
{
    return !memcmp(a->counts, b->counts, sizeof a->counts) && !memcmp(a->ranks, b->ranks, sizeof a->ranks) && a->logit == b->logit &&
           a->label == b->label;
}

static void rows_are_pure(void **state)
{
    (void)state;
    struct datagen_model *a = model_of(5), *b = model_of(5), *other = model_of(6);
    struct datagen_row x, y;
    unsigned differ = 0;
    for (uint64_t row = 0; row < 2000; row++) {
        datagen_model_row(a, row, &x);
        datagen_model_row(b, 1999 - row, &y); /* another order, another model of the same seed */
        datagen_model_row(b, row, &y);
        assert_true(same_row(&x, &y));
        datagen_model_row(other, row, &y);
        differ += !same_row(&x, &y);
        datagen_model_row(a, row + ((uint64_t)1 << 40), &y);
        differ += !same_row(&x, &y);
    }
    assert_int_equal(differ, 4000);
    datagen_model_free(a);
    datagen_model_free(b);
    datagen_model_free(other);
}

static void rates_are_as_promised(void **state)
{
    (void)state;
    enum { ROWS = 40000 };
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct datagen_model *m = model_of(seed * 0x123456789ABCDEF);
        double expected = 0, variance = 0, clicks = 0, missing = 0;
        for (uint64_t row = 0; row < ROWS; row++) {
            struct datagen_row r;
            datagen_model_row(m, row, &r);
            assert_close(r.probability, 1 / (1 + exp(-r.logit)), 1e-12, 0);
            expected += r.probability, variance += r.probability * (1 - r.probability), clicks += r.label;
            for (unsigned i = 0; i < DATAGEN_COUNTS; i++) missing += r.counts[i] == DATAGEN_MISSING;
            for (unsigned i = 0; i < DATAGEN_CATEGORIES; i++) missing += r.ranks[i] == 0;
        }
        assert_close(clicks / ROWS, 0.25, 0, 0.01);
        assert_true(fabs(clicks - expected) < 5 * sqrt(variance)); /* labels are drawn with the probabilities told */
        assert_in_range((uint64_t)(1000 * missing / ROWS / DATAGEN_FIELDS), 100, 150);
        datagen_model_free(m);
    }
}

static void categories_are_zipf(void **state)
{
    (void)state;
    enum { ROWS = 20000 };
    struct datagen_model *m = model_of(3);
    unsigned first[DATAGEN_CATEGORIES] = {0}, second[DATAGEN_CATEGORIES] = {0}, largest = 0;
    for (uint64_t row = 0; row < ROWS; row++) {
        struct datagen_row r;
        datagen_model_row(m, row, &r);
        for (unsigned i = 0; i < DATAGEN_CATEGORIES; i++) {
            first[i] += r.ranks[i] == 1, second[i] += r.ranks[i] == 2;
            largest = r.ranks[i] > largest ? r.ranks[i] : largest;
        }
    }
    for (unsigned i = 0; i < DATAGEN_CATEGORIES; i++) assert_true(first[i] > second[i] && second[i] > 0);
    assert_in_range(largest, 100000, 1000000);
    datagen_model_free(m);
}

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

static void tokens_never_collide(void **state)
{
    (void)state;
    enum { RANKS = 1000000 };
    struct error err = {0};
    struct datagen_model *m = model_of(3);
    uint32_t *tokens = mem_array(RANKS, 1, sizeof *tokens, &err);
    assert_non_null(tokens);
    for (uint32_t i = 0; i < RANKS; i++) tokens[i] = datagen_token(m, 2, i + 1);
    qsort(tokens, RANKS, sizeof *tokens, compare);
    for (uint32_t i = 1; i < RANKS; i++) assert_true(tokens[i - 1] != tokens[i]);
    assert_true(datagen_token(m, 2, 1) != datagen_token(m, 3, 1));
    mem_free(tokens);
    datagen_model_free(m);
}

/* Fields are independent, so the best sum of single-field terms explains sum_f var(E[logit | v_f]): the linear share of the variance, which is
 * 1.5^2 / (1.5^2 + 1.85^2) = .40. The rest is pairs. */
static void pairs_are_hidden_from_single_fields(void **state)
{
    (void)state;
    enum { ROWS = 100000, GROUPS = 512 };
    struct error err = {0};
    struct datagen_model *m = model_of(1);
    double(*sum)[GROUPS] = mem_array(DATAGEN_FIELDS, GROUPS, sizeof(double), &err);
    double(*count)[GROUPS] = mem_array(DATAGEN_FIELDS, GROUPS, sizeof(double), &err);
    double total = 0, squares = 0, explained = 0, groups = 0;
    assert_true(sum && count);
    for (uint64_t row = 0; row < ROWS; row++) {
        struct datagen_row r;
        datagen_model_row(m, row, &r);
        for (unsigned f = 0; f < DATAGEN_FIELDS; f++) {
            unsigned group;
            if (f >= DATAGEN_COUNTS) group = r.ranks[f - DATAGEN_COUNTS] <= DATAGEN_HEAD ? r.ranks[f - DATAGEN_COUNTS] : 0;
            else if (r.counts[f] == DATAGEN_MISSING) group = 0;
            else group = r.counts[f] <= 2 ? (unsigned)(r.counts[f] + 4) : 4 + (unsigned)pow(log(r.counts[f]), 2);
            sum[f][group] += r.logit, count[f][group]++;
        }
        total += r.logit, squares += r.logit * r.logit;
    }
    double mean = total / ROWS, variance = squares / ROWS - mean * mean;
    for (unsigned f = 0; f < DATAGEN_FIELDS; f++)
        for (unsigned g = 0; g < GROUPS; g++)
            if (count[f][g] > 0) explained += count[f][g] * pow(sum[f][g] / count[f][g] - mean, 2) / ROWS, groups++;
    explained -= (groups - DATAGEN_FIELDS) * variance / ROWS; /* what noise alone would explain */
    assert_close(sqrt(variance), sqrt(1.5 * 1.5 + 1.85 * 1.85), 0.05, 0);
    assert_close(explained / variance, 0.40, 0, 0.03);
    mem_free(sum);
    mem_free(count);
    datagen_model_free(m);
}

/* Terms of three fields: the rows' fields are the same, the logit differs by a sum of the standard deviation asked for, not correlated
 * with what was there. */
static void third_order_is_added_to_what_was(void **state)
{
    (void)state;
    enum { ROWS = 60000 };
    struct datagen_model *plain = model_of(4), *more = model_with(4, 1.5);
    double sum[2] = {0}, squares[2] = {0}, product = 0;
    for (uint64_t row = 0; row < ROWS; row++) {
        struct datagen_row x, y;
        datagen_model_row(plain, row, &x);
        datagen_model_row(more, row, &y);
        assert_memory_equal(x.counts, y.counts, sizeof x.counts);
        assert_memory_equal(x.ranks, y.ranks, sizeof x.ranks);
        double third = y.logit - x.logit;
        sum[0] += x.logit, sum[1] += third, squares[0] += x.logit * x.logit, squares[1] += third * third, product += x.logit * third;
    }
    double sd[2];
    for (int i = 0; i < 2; i++) sd[i] = sqrt(squares[i] / ROWS - pow(sum[i] / ROWS, 2));
    assert_close(sd[1], 1.5, 0.05, 0);
    assert_close((product / ROWS - sum[0] / ROWS * sum[1] / ROWS) / (sd[0] * sd[1]), 0, 0, 0.05);
    datagen_model_free(plain);
    datagen_model_free(more);
}

/* What the best table over a pair of fields, single ones included, would explain of the added sum: next to nothing. */
static void third_order_is_hidden_from_pairs(void **state)
{
    (void)state;
    enum { ROWS = 200000, A = 8, B = 16, VALUES = 11 }; /* categories of 4 and 10 values */
    struct datagen_model *plain = model_of(4), *more = model_with(4, 1.5);
    static double sum[VALUES][VALUES], count[VALUES][VALUES];
    double squares = 0, explained = 0, groups = 0;
    for (uint64_t row = 0; row < ROWS; row++) {
        struct datagen_row x, y;
        datagen_model_row(plain, row, &x);
        datagen_model_row(more, row, &y);
        double third = y.logit - x.logit;
        squares += third * third;
        sum[y.ranks[A]][y.ranks[B]] += third, count[y.ranks[A]][y.ranks[B]]++;
    }
    double mean = 0;
    for (unsigned a = 0; a < VALUES; a++)
        for (unsigned b = 0; b < VALUES; b++) mean += sum[a][b] / ROWS;
    for (unsigned a = 0; a < VALUES; a++)
        for (unsigned b = 0; b < VALUES; b++)
            if (count[a][b] > 0) explained += count[a][b] * pow(sum[a][b] / count[a][b] - mean, 2) / ROWS, groups++;
    double variance = squares / ROWS - mean * mean;
    assert_true(explained - groups * variance / ROWS < 0.01 * variance);
    datagen_model_free(plain);
    datagen_model_free(more);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(rows_are_pure),
    cmocka_unit_test(rates_are_as_promised),
    cmocka_unit_test(categories_are_zipf),
    cmocka_unit_test(tokens_never_collide),
    cmocka_unit_test(pairs_are_hidden_from_single_fields),
    cmocka_unit_test(third_order_is_added_to_what_was),
    cmocka_unit_test(third_order_is_hidden_from_pairs),
};
TEST_MAIN(tests)

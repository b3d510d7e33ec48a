/* Majority vote: for, against and abstained, ties, absent shards, and the scaled form. */
#include "lib/test.h"

#include "engine/compress/aggregate.h"

enum { SHARDS = 5, ROWS = 3, WIDTH = 2 };

/* Each shard has two rows of its own; src (ROWS, SHARDS) says which, 1-based, 0 = not sent. Row 0 is sent by all, row 1 by shards 0 and 1, row 2 by
 * shard 4 alone. */
static const float shard_values[SHARDS][2 * WIDTH] = {
    {3, -1, 0.5f, 1}, {1, -2, -0.5f, 2}, {-9, -1, 0, 0}, {-8, 0, 0, 0}, {0, 1, -0.25f, 0},
};
static const uint32_t src[ROWS * SHARDS] = {1, 1, 1, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2};
static const uint32_t ids[ROWS] = {4, 9, 70};

static void vote(int scale, double examples, float out[ROWS * WIDTH])
{
    const float *values[SHARDS];
    for (size_t s = 0; s < SHARDS; s++) values[s] = shard_values[s];
    struct merged m = {.count = ROWS, .shards = SHARDS, .width = WIDTH, .ids = ids, .src = src, .values = values};
    assert_true(aggregate_vote.kind.params_size >= sizeof scale);
    aggregate_vote.combine(&scale, &m, examples, out);
}

static void the_majority_wins_and_a_tie_is_nothing(void **state)
{
    (void)state;
    float out[ROWS * WIDTH];
    vote(0, 100, out);
    assert_true(out[0] == 0);  /* two for, two against, one abstains: size does not matter */
    assert_true(out[1] == -1); /* one for, three against */
    assert_true(out[2] == 0);  /* one each */
    assert_true(out[3] == 1);  /* both for; who did not send the row has no vote */
    assert_true(out[4] == -1); /* one voter decides */
    assert_true(out[5] == 0);
}

static void the_scaled_form_has_the_mean_magnitude(void **state)
{
    (void)state;
    float out[ROWS * WIDTH];
    vote(1, 10, out);
    assert_true(out[0] == 0);
    assert_close(out[1], -(1 + 2 + 1 + 0 + 1) / 10.0, 1e-6, 0);
    assert_close(out[3], (1 + 2) / 10.0, 1e-6, 0);
    assert_close(out[4], -0.25 / 10, 1e-6, 0);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_majority_wins_and_a_tie_is_nothing),
    cmocka_unit_test(the_scaled_form_has_the_mean_magnitude),
};
TEST_MAIN(tests)

/* Sequential split: each bound is the first row of its side, and a bound of 0 means that there is no such side. */
#include "lib/test.h"

#include <string.h>

#include "engine/data/split/split.h"

static const struct kind *sequential(void) { return kind_find((const struct kind *const *)splits, "sequential"); }

/* The side of `row` under the options of a JSON object. */
static enum split_side side(const char *options, uint64_t row)
{
    int64_t params[8];
    struct error err = {0};
    struct faults faults = {0};
    const struct kind *kind = sequential();
    assert_non_null(kind);
    assert_true(kind->params_size <= sizeof params);
    json_t *json = json_read(options, strlen(options), "options", &err);
    assert_non_null(json);
    struct option_set set = {kind->options, params};
    options_read(&set, 1, json, "/split", NULL, &faults);
    assert_int_equal(faults.count, 0);
    json_decref(json);
    return splitter_side(&(struct splitter){.split = (const struct split *)kind, .params = params}, row);
}

static void bounds_are_the_first_row_of_their_side(void **state)
{
    (void)state;
    const char *both = "{\"validation_from\": 10, \"test_from\": 15}";
    assert_int_equal(side(both, 0), SIDE_TRAIN);
    assert_int_equal(side(both, 9), SIDE_TRAIN);
    assert_int_equal(side(both, 10), SIDE_VALIDATION);
    assert_int_equal(side(both, 14), SIDE_VALIDATION);
    assert_int_equal(side(both, 15), SIDE_TEST);
    assert_int_equal(side(both, UINT64_MAX), SIDE_TEST);
}

static void zero_means_no_such_side(void **state)
{
    (void)state;
    assert_int_equal(side("{}", 0), SIDE_TRAIN);
    assert_int_equal(side("{}", UINT64_MAX), SIDE_TRAIN);
    assert_int_equal(side("{\"test_from\": 1}", 0), SIDE_TRAIN);
    assert_int_equal(side("{\"test_from\": 1}", 1), SIDE_TEST);
    assert_int_equal(side("{\"validation_from\": 3}", 3), SIDE_VALIDATION);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bounds_are_the_first_row_of_their_side),
    cmocka_unit_test(zero_means_no_such_side),
};
TEST_MAIN(tests)

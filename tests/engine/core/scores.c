#include "engine/core/scores.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "lib/test.h"

static void lines_read_back(void **state)
{
    (void)state;
    const float logits[] = {0, -3.25f, 12.5f, -40, 1e9f, -1e9f, 0.1f, 88, -88, -3.4028235e38f};
    for (unsigned form = 0; form < SCORES_FORMS; form++)
        for (size_t i = 0; i < sizeof logits / sizeof *logits; i++) {
            const struct scores_style style = {form, &loss_logistic, 1};
            char line[SCORES_LINE_MAX + 1] = {0}, *at;
            size_t size = scores_line(line, &style, UINT64_MAX - i, (float)(i % 2), &logits[i]);
            assert_int_equal(strlen(line), size);
            assert_int_equal(strcspn(line, "\n"), size - 1);
            assert_true(strtoull(line, &at, 10) == UINT64_MAX - i);
            if (form & SCORES_LABEL) assert_true(strtod(at, &at) == (double)(i % 2));
            if (form & SCORES_LOGIT) assert_true(strtof(at, &at) == logits[i]);
            else assert_close(strtod(at, &at), 1 / (1 + exp(-(double)logits[i])), 1e-11, 0);
            assert_string_equal(at, "\n");
        }
}

/* The form is a promise to whoever reads scores.tsv: character by character what printf makes of it. */
static void lines_are_printfs(void **state)
{
    (void)state;
    struct rng rng = rng_at(8, RNG_TEST, 0, 0);
    for (int i = 0; i < 100000; i++) {
        char got[SCORES_LINE_MAX + 1] = {0}, want[SCORES_LINE_MAX + 1];
        float logit = (float)(rng_unit(&rng) * 40 - 32);
        uint64_t row = rng_u32(&rng) >> rng_below(&rng, 32);
        scores_line(got, &(struct scores_style){SCORES_LABEL, &loss_logistic, 1}, row, 1, &logit);
        snprintf(want, sizeof want, "%" PRIu64 "\t1\t%.12g\n", row, 1 / (1 + exp(-(double)logit)));
        assert_string_equal(got, want);
    }
}

static void headers_name_the_columns(void **state)
{
    (void)state;
    assert_string_equal(scores_headers[SCORES_LABEL], "row\tlabel\tscore\n");
    assert_string_equal(scores_headers[0], "row\tscore\n");
    assert_string_equal(scores_headers[SCORES_LOGIT], "row\tlogit\n");
    assert_string_equal(scores_headers[SCORES_LABEL | SCORES_LOGIT], "row\tlabel\tlogit\n");
    for (unsigned form = 0; form < SCORES_FORMS; form++) {
        char got[SCORES_LINE_MAX + 1] = {0};
        scores_header(got, &(struct scores_style){form, &loss_logistic, 1});
        assert_string_equal(got, scores_headers[form]);
    }
}

/* Other losses tell means, and labels as they are. */
static void scores_of_numbers(void **state)
{
    char got[SCORES_LINE_MAX + 1] = {0};
    const float z = -2.25f, log_mean = 2;
    (void)state;
    scores_line(got, &(struct scores_style){SCORES_LABEL, &loss_squared, 1}, 7, 123456.789f, &z);
    assert_string_equal(got, "7\t123456.79\t-2.25\n");
    memset(got, 0, sizeof got);
    scores_line(got, &(struct scores_style){SCORES_LABEL, &loss_poisson, 1}, 0, 3, &log_mean);
    assert_string_equal(got, "0\t3\t7.38905609893\n");
    memset(got, 0, sizeof got);
    scores_line(got, &(struct scores_style){SCORES_LOGIT, &loss_poisson, 1}, 0, 3, &log_mean);
    assert_string_equal(got, "0\t2\n");
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(lines_read_back), cmocka_unit_test(lines_are_printfs),
                                          cmocka_unit_test(headers_name_the_columns), cmocka_unit_test(scores_of_numbers)};
TEST_MAIN(tests)

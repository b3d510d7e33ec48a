#include "engine/data/format/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "lib/test.h"

static bool real(const char *text, double *out) { return text_real(text, text + strlen(text), out); }

/* text_real gives strtod's bits for every text that is a plain decimal number. */
static void reals_are_rounded_as_strtod_does(void **state)
{
    (void)state;
    char text[64];
    double got;
    for (uint64_t i = 0; i < 200000; i++) {
        struct rng rng = rng_at(3, RNG_TEST, 0, i);
        int digits = 1 + (int)rng_below(&rng, 25), at = 0, point = (int)rng_below(&rng, 27);
        if (rng_below(&rng, 3) == 0) text[at++] = '-';
        for (int d = 0; d < digits; d++) {
            if (d == point) text[at++] = '.';
            text[at++] = (char)('0' + rng_below(&rng, 10));
        }
        text[at] = 0;
        if (rng_below(&rng, 2)) snprintf(text + at, sizeof text - (size_t)at, "e%d", (int)rng_below(&rng, 700) - 350);
        assert_true(real(text, &got));
        double want = strtod(text, NULL);
        if (memcmp(&got, &want, sizeof got) != 0) fail_msg("%s: got %.17g, want %.17g", text, got, want);
    }
}

static void what_is_no_number(void **state)
{
    (void)state;
    static const char *const none[] = {"",     "-",    "+",  ".",  "e5",  "1e",    "1e+", "nan", "NaN", "inf",
                                       "-inf", "0x10", " 1", "1 ", "1,5", "1.2.3", "--1", "1d",  "1_0"};
    static const char *const some[] = {"1", "+1", "-0", ".5", "5.", "1e5", "1E-5", "00012"};
    double out;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        if (real(none[i], &out)) fail_msg("\"%s\" was read as %g", none[i], out);
    for (size_t i = 0; i < sizeof some / sizeof *some; i++)
        if (!real(some[i], &out)) fail_msg("\"%s\" was not read", some[i]);
}

static void integers_at_the_edges(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } rows[] = {{"9223372036854775807", true, INT64_MAX},
                {"-9223372036854775808", true, INT64_MIN},
                {"9223372036854775808", false, 0},
                {"-9223372036854775809", false, 0},
                {"99999999999999999999", false, 0},
                {"+7", true, 7},
                {"-0", true, 0},
                {"", false, 0},
                {"-", false, 0},
                {"1.0", false, 0}};
    int64_t got;
    uint64_t wide;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        bool ok = text_i64(rows[i].text, rows[i].text + strlen(rows[i].text), &got);
        if (ok != rows[i].ok || (ok && got != rows[i].value)) fail_msg("\"%s\"", rows[i].text);
    }
    static const char greatest[] = "18446744073709551615";
    assert_true(text_u64(greatest, greatest + strlen(greatest), &wide));
}

static int label(const char *text) { return text_label(text, text + strlen(text)); }

static void labels(void **state)
{
    (void)state;
    static const char *const ones[] = {"1", "+1", "1.0", "1e0"}, *const zeros[] = {"0", "-1", "0.0", "-1.0", "+0"};
    static const char *const none[] = {"", "2", "-2", "0.5", "yes", "nan", "1 ", "11"};
    for (size_t i = 0; i < 4; i++) assert_int_equal(label(ones[i]), 1);
    for (size_t i = 0; i < 5; i++) assert_int_equal(label(zeros[i]), 0);
    for (size_t i = 0; i < 8; i++) assert_int_equal(label(none[i]), -1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(reals_are_rounded_as_strtod_does),
    cmocka_unit_test(what_is_no_number),
    cmocka_unit_test(integers_at_the_edges),
    cmocka_unit_test(labels),
};
TEST_MAIN(tests)

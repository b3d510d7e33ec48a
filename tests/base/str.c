#include "base/str.h"
#include "lib/test.h"

#include <string.h>

static void str_copy_cuts_and_says_so(void **state)
{
    (void)state;
    char buf[4];
    assert_true(str_copy(buf, sizeof buf, "abc"));
    assert_false(str_copy(buf, sizeof buf, "abcd"));
    assert_string_equal(buf, "abc");
    assert_true(str_starts("abc", "ab") && !str_starts("a", "ab") && str_starts("a", ""));
    assert_true(str_ends("abc", "bc") && !str_ends("c", "bc") && str_ends("a", ""));
}

static void str_distance_counts_edits(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        unsigned distance;
    } rows[] = {{"", "", 0},      {"", "abc", 3},     {"topk", "topkk", 1}, {"nmae", "name", 1}, {"kitten", "sitting", 3},
                {"ca", "abc", 3}, {"same", "same", 0}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(str_distance(rows[i].a, rows[i].b), rows[i].distance);
        assert_int_equal(str_distance(rows[i].b, rows[i].a), rows[i].distance);
    }
    char big[1000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_int_equal(str_distance(big, ""), 63); /* looks no further */
}

static void str_choices_guess_only_near_ones(void **state)
{
    (void)state;
    static const char *const names[] = {"none", "sign", "topk", NULL};
    char buf[128], small[16];
    assert_string_equal(str_choices(buf, sizeof buf, "topkk", names), "did you mean \"topk\"? one of none, sign, topk");
    assert_string_equal(str_choices(buf, sizeof buf, "powersgd", names), "one of none, sign, topk");
    assert_null(str_nearest("powersgd", names));
    assert_int_equal(strlen(str_choices(small, sizeof small, "topkk", names)), sizeof small - 1);
}

static void str_shown_keeps_hostile_bytes_out(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
        size_t max;
    } rows[] = {
        {"plain", "plain", 99},
        {"a\nb\x1b[31m", "a\\x0ab\\x1b[31m", 99},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f", 99},
        {"cut here", "cut...", 3},
        {"\xc3\xbc\xc3\xbc\xc3\xbc", "\xc3\xbc\xc3\xbc...", 3}, /* never in the middle of a character */
        {"\xff\xfe", "\\xff\\xfe", 99},
        {"\xc3", "\\xc3", 99},
        {"\xc2\x9b"
         "2J",
         "\\xc2\\x9b"
         "2J",
         99},                                    /* C1 controls steer terminals, too */
        {"\xed\xa0\x80", "\\xed\\xa0\\x80", 99}, /* a surrogate */
        {"\xc0\xaf", "\\xc0\\xaf", 99},          /* overlong */
        {"\xf0\x9f\x9a\x82", "\xf0\x9f\x9a\x82", 99},
    };
    char buf[64], tiny[9];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(str_shown(buf, sizeof buf, rows[i].text, strlen(rows[i].text), rows[i].max), rows[i].shown);
    assert_string_equal(str_shown(buf, sizeof buf, "a\0b", 3, 99), "a\\x00b");
    assert_true(strlen(str_shown(tiny, sizeof tiny, "aaaaaaaaaaaaaaaa", 16, 99)) < sizeof tiny);
}

static void str_clean_leaves_valid_text_alone(void **state)
{
    (void)state;
    char text[] = "ok \xc3\xbc\n\tbad \xff\x1b\xe2\x82 \xe2\x82\xac";
    str_clean(text);
    assert_string_equal(text, "ok \xc3\xbc\n\tbad ???? \xe2\x82\xac");
    for (unsigned a = 0; a < 256; a++)
        for (unsigned b = 0; b < 256; b++) { /* whatever comes in, what comes out is characters */
            char two[] = {(char)a, (char)b, 'x', 0};
            str_clean(two);
            for (size_t i = 0, n; two[i]; i += n) assert_true((n = str_utf8(two + i, strlen(two + i))) > 0);
        }
}

static void str_numbers_are_strict(void **state)
{
    (void)state;
    int64_t i;
    double d;
    assert_true(str_to_int64("-9223372036854775808", &i) && i == INT64_MIN);
    assert_true(str_to_int64("42", &i) && i == 42);
    static const char *const bad_ints[] = {"", " 1", "1 ", "+1", "0x10", "9223372036854775808", "-", "1.0"};
    for (size_t k = 0; k < sizeof bad_ints / sizeof *bad_ints; k++) assert_false(str_to_int64(bad_ints[k], &i));
    assert_true(str_to_double("-1.5e3", &d));
    assert_close(d, -1500, 0, 0);
    static const char *const bad_reals[] = {"", " 1", "1 ", "nan", "inf", "0x1p3", "1e999", ".", "1.2.3", "e5"};
    for (size_t k = 0; k < sizeof bad_reals / sizeof *bad_reals; k++) assert_false(str_to_double(bad_reals[k], &d));
}

static void str_figures_for_people(void **state)
{
    (void)state;
    char buf[32];
    assert_string_equal(str_bytes(buf, sizeof buf, 1023), "1023 B");
    assert_string_equal(str_bytes(buf, sizeof buf, 1536), "1.5 KiB");
    assert_string_equal(str_bytes(buf, sizeof buf, UINT64_MAX), "16.0 EiB");
    assert_string_equal(str_count(buf, sizeof buf, 1.2e6), "1.20 M");
    assert_string_equal(str_count(buf, sizeof buf, 9999), "9999");
}

static void nouns_end_in_s_but_behind_one(void **state)
{
    (void)state;
    assert_string_equal(str_s(1), "");
    assert_string_equal(str_s(0), "s");
    assert_string_equal(str_s(2), "s");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(nouns_end_in_s_but_behind_one),
    cmocka_unit_test(str_copy_cuts_and_says_so),
    cmocka_unit_test(str_distance_counts_edits),
    cmocka_unit_test(str_choices_guess_only_near_ones),
    cmocka_unit_test(str_shown_keeps_hostile_bytes_out),
    cmocka_unit_test(str_clean_leaves_valid_text_alone),
    cmocka_unit_test(str_numbers_are_strict),
    cmocka_unit_test(str_figures_for_people),
};
TEST_MAIN(tests)

/* Words of digits against the plain readers of text.h: whatever both take, to the bit. */
#include "engine/data/format/digits.h"

#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "engine/data/format/text.h"
#include "lib/test.h"

enum { ROOM = 128 }; /* a text with the slack that may be read */

static void check(const char *text)
{
    char buf[ROOM] = {0};
    uint64_t whole, want_whole;
    double real, want_real;
    snprintf(buf, sizeof buf - 32, "%s", text);
    const char *end = digits_u64(buf, &whole);
    if (end && end > buf) {
        assert_true(text_u64(buf, end, &want_whole));
        assert_true(whole == want_whole);
        assert_false(*end >= '0' && *end <= '9');
    }
    end = digits_real(buf, &real);
    if (!end) return;
    assert_true(text_real(buf, end, &want_real));
    if (memcmp(&real, &want_real, sizeof real) != 0) fail_msg("%s: %.17g, want %.17g", text, real, want_real);
}

static void numbers_as_text_reads_them(void **state)
{
    (void)state;
    static const char *const texts[] = {"",
                                        "-",
                                        ".",
                                        "1.",
                                        "-.5",
                                        "0",
                                        "-0",
                                        "00000000",
                                        "123456789012345",
                                        "1234567890123456",
                                        "0.000000000000001",
                                        "0.1e5",
                                        "9.99999999999999",
                                        "99999999.9999999",
                                        "999999999.9999999",
                                        "1/2",
                                        "1:2",
                                        "12a",
                                        "0x1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) check(texts[i]);
    for (uint64_t i = 0; i < 300000; i++) {
        struct rng rng = rng_at(41, RNG_TEST, 0, i);
        char text[64];
        size_t n = 0, whole = rng_below(&rng, 18), places = rng_below(&rng, 18);
        if (rng_below(&rng, 4) == 0) text[n++] = '-';
        for (size_t d = 0; d < whole; d++) text[n++] = (char)('0' + rng_below(&rng, 10));
        if (rng_below(&rng, 3)) text[n++] = '.';
        for (size_t d = 0; d < places; d++) text[n++] = (char)('0' + rng_below(&rng, 10));
        text[n++] = " :\n\t/;,e-"[rng_below(&rng, 9)];
        text[n] = 0;
        check(text);
    }
}

static void usual_numbers_are_taken(void **state)
{
    (void)state;
    static const char *const texts[] = {"1 ", "0.18257 ", "-3.25\n", "12345678.1234567\t", "123456789012345 ", "0.00001:"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        char buf[ROOM] = {0};
        double real;
        snprintf(buf, sizeof buf, "%s", texts[i]);
        assert_ptr_equal(digits_real(buf, &real), buf + strlen(texts[i]) - 1);
    }
}

static void every_byte_that_is_no_digit_ends_the_number(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++)
        for (size_t place = 0; place < 8; place++)
            for (int after = 0; after < 256; after += 5) { /* what follows must not matter */
                char text[8];
                memset(text, '5', sizeof text);
                text[place] = (char)byte;
                if (place < 7) text[place + 1] = (char)after;
                size_t digits = place + (byte >= '0' && byte <= '9');
                if (byte >= '0' && byte <= '9')
                    while (digits < 8 && text[digits] >= '0' && text[digits] <= '9') digits++;
                assert_int_equal(digits_count(digits_load(text)), digits);
            }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(numbers_as_text_reads_them),
    cmocka_unit_test(usual_numbers_are_taken),
    cmocka_unit_test(every_byte_that_is_no_digit_ends_the_number),
};
TEST_MAIN(tests)

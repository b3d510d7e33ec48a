/* Range by table: what RFC 9110 says of each form. */
#include "lib/test.h"

#include "service/http/range.h"

static void by_table(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        enum range_kind kind;
        uint64_t offset, size;
    } cases[] = {
        {"bytes=0-0", RANGE_PART, 0, 1},
        {"bytes=0-99", RANGE_PART, 0, 100},
        {"bytes=10-19", RANGE_PART, 10, 10},
        {"BYTES=10-", RANGE_PART, 10, 90},
        {"bytes= 10-19 ", RANGE_PART, 10, 10},
        {"bytes=99-", RANGE_PART, 99, 1},
        {"bytes=90-1000", RANGE_PART, 90, 10},
        {"bytes=0-99999999999999999999999", RANGE_PART, 0, 100},
        {"bytes=-10", RANGE_PART, 90, 10},
        {"bytes=-1000", RANGE_PART, 0, 100},
        {"bytes=-99999999999999999999999", RANGE_PART, 0, 100},
        {"bytes=100-", RANGE_UNSATISFIABLE, 0, 100},
        {"bytes=100-200", RANGE_UNSATISFIABLE, 0, 100},
        {"bytes=99999999999999999999999-", RANGE_UNSATISFIABLE, 0, 100},
        {"bytes=-0", RANGE_UNSATISFIABLE, 0, 100},
        {NULL, RANGE_WHOLE, 0, 100},
        {"", RANGE_WHOLE, 0, 100},
        {"bytes=", RANGE_WHOLE, 0, 100},
        {"bytes=-", RANGE_WHOLE, 0, 100},
        {"bytes=a-b", RANGE_WHOLE, 0, 100},
        {"bytes=20-10", RANGE_WHOLE, 0, 100},
        {"bytes=0-1,5-6", RANGE_WHOLE, 0, 100},
        {"bytes=1-2x", RANGE_WHOLE, 0, 100},
        {"bytes=--1", RANGE_WHOLE, 0, 100},
        {"items=0-1", RANGE_WHOLE, 0, 100},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t offset, size;
        enum range_kind kind = range_parse(cases[i].value, 100, &offset, &size);
        if (kind != cases[i].kind || (kind == RANGE_PART && (offset != cases[i].offset || size != cases[i].size)))
            fail_msg("%s: kind %d, %d bytes from %d", cases[i].value ? cases[i].value : "(none)", (int)kind, (int)size, (int)offset);
    }
}

static void an_empty_file_has_no_range(void **state)
{
    (void)state;
    uint64_t offset, size;
    assert_int_equal(range_parse("bytes=0-", 0, &offset, &size), RANGE_UNSATISFIABLE);
    assert_int_equal(range_parse("bytes=-5", 0, &offset, &size), RANGE_UNSATISFIABLE);
    assert_int_equal(range_parse(NULL, 0, &offset, &size), RANGE_WHOLE);
}

static const struct CMUnitTest tests[] = {cmocka_unit_test(by_table), cmocka_unit_test(an_empty_file_has_no_range)};
TEST_MAIN(tests)

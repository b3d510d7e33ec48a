#include "lib/test.h"

#include <errno.h>
#include <string.h>

static void error_first_wins(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set(&err, ERROR_NOSPACE, "/a", "disk %d", 1), -ERROR_NOSPACE);
    assert_int_equal(error_set(&err, ERROR_IO, NULL, "close failed"), -ERROR_NOSPACE);
    assert_int_equal(error_wrap(&err, "checkpoint of step %d", 7), -ERROR_NOSPACE);
    assert_string_equal(err.msg, "checkpoint of step 7: disk 1");
    assert_string_equal(err.field, "/a");
}

static void error_errno_maps(void **state)
{
    (void)state;
    struct error err = {0};
    assert_int_equal(error_set_errno(&err, ENOSPC, NULL, "cannot write x"), -ERROR_NOSPACE);
    assert_error(&err, ERROR_NOSPACE, "cannot write x: No space left");
}

static void error_long_message_is_cut(void **state)
{
    (void)state;
    struct error err = {0};
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = 0;
    error_set(&err, ERROR_IO, NULL, "%s", text);
    assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
    assert_string_equal(err.msg + sizeof err.msg - 4, "...");
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(error_first_wins),
    cmocka_unit_test(error_errno_maps),
    cmocka_unit_test(error_long_message_is_cut),
};
TEST_MAIN(tests)

#include "base/mem.h"
#include "lib/test.h"

#include <string.h>

static void mem_is_zeroed_and_never_null(void **state)
{
    (void)state;
    struct error err = {0};
    char *p = mem_zero(0, &err), *q = mem_array(10, 10, 4, &err);
    assert_non_null(p);
    for (int i = 0; i < 400; i++) assert_int_equal(q[i], 0);
    mem_free(p), mem_free(q), mem_free(NULL);
}

static void mem_products_are_checked(void **state)
{
    (void)state;
    struct error err = {0};
    size_t out;
    assert_null(mem_array(SIZE_MAX / 2, 3, 1, &err));
    assert_error(&err, ERROR_NOMEM, "overflows");
    assert_null(mem_array(1 << 20, (size_t)1 << 40, (size_t)1 << 10, NULL));
    void *p = NULL;
    assert_int_equal(mem_grow(&p, SIZE_MAX, 2, NULL), -ERROR_NOMEM);
    assert_null(mem_huge(SIZE_MAX, 2, NULL));
    assert_null(mem_huge(SIZE_MAX, 1, NULL));
    assert_true(mem_product(3, 4, &out) && out == 12 && !mem_product(SIZE_MAX, 2, &out));
}

static void mem_grow_keeps_content(void **state)
{
    (void)state;
    struct error err = {0};
    void *p = NULL;
    assert_ok(mem_grow(&p, 4, 1, &err), &err);
    memcpy(p, "abc", 4);
    mem_fail_after(1);
    assert_int_equal(mem_grow(&p, 1000, 1, &err), -ERROR_NOMEM);
    assert_true(mem_fail_after(0));
    assert_string_equal(p, "abc");
    error_clear(&err);
    assert_ok(mem_grow(&p, 1000, 1, &err), &err);
    assert_string_equal(p, "abc");
    mem_free(p);
}

static void mem_huge_is_aligned_and_zeroed(void **state)
{
    (void)state;
    struct error err = {0};
    unsigned char *p = mem_huge(3, 1 << 20, &err);
    assert_non_null(p);
    assert_int_equal((uintptr_t)p % (2 << 20), 0);
    for (size_t i = 0; i < 3 << 20; i += 4096) assert_int_equal(p[i], 0);
    memset(p, 1, 3 << 20);
    mem_huge_free(p, 3, 1 << 20);
    mem_huge_free(NULL, 1, 1);
}

static void mem_fail_after_fails_once(void **state)
{
    (void)state;
    mem_fail_after(2);
    void *first = mem_zero(1, NULL), *second = mem_zero(1, NULL), *third = mem_zero(1, NULL);
    assert_true(first && !second && third);
    assert_true(mem_fail_after(0));
    assert_false(mem_fail_after(0));
    mem_free(first), mem_free(third);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(mem_is_zeroed_and_never_null),   cmocka_unit_test(mem_products_are_checked),  cmocka_unit_test(mem_grow_keeps_content),
    cmocka_unit_test(mem_huge_is_aligned_and_zeroed), cmocka_unit_test(mem_fail_after_fails_once),
};
TEST_MAIN(tests)

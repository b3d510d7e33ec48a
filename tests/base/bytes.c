#include "base/bytes.h"
#include "lib/test.h"

#include <string.h>

#include "base/mem.h"

static void bytes_hold_their_ceiling(void **state)
{
    (void)state;
    struct bytes b;
    struct error err = {0};
    bytes_init(&b, 10);
    assert_string_equal(bytes_text(&b), "");
    assert_ok(bytes_add(&b, "0123456789", 10, &err), &err);
    assert_int_equal(bytes_add(&b, "x", 1, &err), -ERROR_TOOLARGE);
    assert_error(&err, ERROR_TOOLARGE, "limit of 10 bytes");
    assert_string_equal(bytes_text(&b), "0123456789");
    assert_int_equal(bytes_reserve(&b, SIZE_MAX, NULL), -ERROR_TOOLARGE);
    bytes_clear(&b);
    error_clear(&err);
    assert_int_equal(bytes_printf(&b, &err, "%012d", 7), -ERROR_TOOLARGE);
    error_clear(&err);
    assert_ok(bytes_printf(&b, &err, "%s-%d", "ab", 7), &err);
    assert_string_equal(bytes_text(&b), "ab-7");
    bytes_close(&b);
    bytes_close(&b);
}

static void bytes_take_hands_over(void **state)
{
    (void)state;
    struct bytes b;
    struct error err = {0};
    size_t size;
    bytes_init(&b, 100);
    assert_ok(bytes_add_text(&b, "hello", &err), &err);
    char *text = bytes_take(&b, &size);
    assert_int_equal(size, 5);
    assert_string_equal(text, "hello");
    assert_int_equal(b.size, 0);
    assert_ok(bytes_add_text(&b, "again", &err), &err); /* the ceiling stayed */
    mem_free(text);
    bytes_close(&b);
}

static void bytes_survive_a_failed_allocation(void **state)
{
    (void)state;
    struct bytes b;
    struct error err = {0};
    bytes_init(&b, 1000);
    assert_ok(bytes_add_text(&b, "kept", &err), &err);
    char big[500] = {0};
    mem_fail_after(1);
    assert_int_equal(bytes_add(&b, big, sizeof big, &err), -ERROR_NOMEM);
    assert_true(mem_fail_after(0));
    assert_string_equal(bytes_text(&b), "kept");
    bytes_close(&b);
}

static void varints_round_trip(void **state)
{
    (void)state;
    struct error err = {0};
    for (unsigned bit = 0; bit <= 64; bit++)
        for (int delta = -1; delta <= 1; delta++) {
            uint64_t value = (bit < 64 ? UINT64_C(1) << bit : 0) + (uint64_t)(int64_t)delta, back = 0;
            struct bytes b;
            bytes_init(&b, 16);
            assert_ok(bytes_add_varint(&b, value, &err), &err);
            const uint8_t *at = b.data, *end = b.data + b.size;
            assert_int_equal(varint_read(&at, end, &back), 0);
            assert_true(back == value && at == end);
            for (size_t cut = 0; cut < b.size; cut++) { /* torn at any place */
                at = b.data;
                assert_int_equal(varint_read(&at, b.data + cut, &back), -1);
            }
            bytes_close(&b);
        }
    static const uint8_t longer[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00},
                         beyond[] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 2};
    uint64_t back;
    const uint8_t *at = longer;
    assert_int_equal(varint_read(&at, longer + sizeof longer, &back), -1);
    at = beyond;
    assert_int_equal(varint_read(&at, beyond + sizeof beyond, &back), -1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(bytes_hold_their_ceiling),
    cmocka_unit_test(bytes_take_hands_over),
    cmocka_unit_test(bytes_survive_a_failed_allocation),
    cmocka_unit_test(varints_round_trip),
};
TEST_MAIN(tests)

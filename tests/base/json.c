#include "base/json.h"
#include "lib/test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

static json_t *parse(const char *text, struct error *err) { return json_read(text, strlen(text), "body", err); }

static void json_read_names_the_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "body is empty"},
        {"{\"a\": 1,\n \"b\": }", "body is not valid JSON: line 2"},
        {"{\"a\": 1, \"a\": 2}", "duplicate object key"},
        {"{} {}", "end of file expected"},
        {"\"\xff\"", "not valid JSON"},
        {"\"a\\u0000b\"", "column 10: a text may not hold \\u0000"},
        {"1e999", "not valid JSON"},
        {"NaN", "not valid JSON"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct error err = {0};
        assert_null(parse(rows[i].text, &err));
        assert_error(&err, ERROR_MALFORMED, rows[i].part);
    }
}

static void json_read_bounds_depth(void **state)
{
    (void)state;
    char deep[2 * JSON_DEPTH_MAX + 3];
    struct error err = {0};
    memset(deep, '[', JSON_DEPTH_MAX), memset(deep + JSON_DEPTH_MAX, ']', JSON_DEPTH_MAX);
    deep[2 * JSON_DEPTH_MAX] = 0;
    json_t *value = parse(deep, &err);
    assert_non_null(value);
    json_decref(value);
    memset(deep, '[', JSON_DEPTH_MAX + 1), memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
    deep[2 * JSON_DEPTH_MAX + 2] = 0;
    assert_null(parse(deep, &err));
    assert_error(&err, ERROR_MALFORMED, "nested deeper than 64 levels");
    error_clear(&err);
    value = parse("{\"[[[\": \"]]]\\\"[\"}", &err); /* brackets in strings do not count */
    assert_non_null(value);
    json_decref(value);
}

static char *written(json_t *value, bool pretty)
{
    struct bytes text;
    struct error err = {0};
    bytes_init(&text, 1 << 20);
    assert_ok((pretty ? json_write_pretty : json_write)(value, &text, &err), &err);
    json_decref(value);
    return bytes_take(&text, NULL);
}

static void json_write_is_canonical(void **state)
{
    (void)state;
    struct error err = {0};
    char *text = written(parse("{\"b\": [1, 2.5, true, null, {}], \"a\": {\"z\": \"\\u00fc\\n\", \"y\": []}, \"B\": 0.1}", &err), false);
    assert_string_equal(text, "{\"B\": 0.1, \"a\": {\"y\": [], \"z\": \"\xc3\xbc\\n\"}, \"b\": [1, 2.5, true, null, {}]}");
    mem_free(text);
    text = written(parse("{\"b\": {}, \"a\": [1, 2]}", &err), true);
    assert_string_equal(text, "{\n  \"a\": [1, 2],\n  \"b\": {}\n}\n");
    mem_free(text);
    struct bytes none;
    bytes_init(&none, 10);
    assert_int_equal(json_write(NULL, &none, &err), -ERROR_NOMEM);
}

static void json_reals_come_back_to_the_bit(void **state)
{
    (void)state;
    struct rng rng = rng_at(11, RNG_TEST, 0, 0);
    struct error err = {0};
    static const double edges[] = {0.1, 1.0, -0.0, 1e22, 5e-324, 1.7976931348623157e308, 1.0 / 3, 100000000000000000.0};
    for (int i = 0; i < 5000; i++) {
        uint64_t bits = rng_u64(&rng);
        double value, back;
        memcpy(&value, &bits, sizeof value);
        if (i < (int)(sizeof edges / sizeof *edges)) value = edges[i];
        if (!isfinite(value)) continue;
        char *text = written(json_real(value), false);
        json_t *again = parse(text, &err);
        assert_true(json_is_real(again)); /* 1.0 must not turn into an integer */
        back = json_real_value(again);
        assert_memory_equal(&back, &value, sizeof value);
        json_decref(again);
        mem_free(text);
    }
    char *text = written(json_real(0.1), false);
    assert_string_equal(text, "0.1");
    mem_free(text);
    json_t *null = json_real_or_null(NAN);
    assert_true(json_is_null(null));
    json_decref(null);
}

static void json_brief_is_short_and_valid(void **state)
{
    (void)state;
    char buf[80], long_text[400];
    assert_string_equal(json_brief(buf, sizeof buf, NULL), "nothing");
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = 0;
    json_t *value = json_string(long_text);
    assert_true(strlen(json_brief(buf, sizeof buf, value)) < 70);
    json_decref(value);
    for (size_t i = 0; i + 2 < sizeof long_text; i += 2) memcpy(long_text + i, "\xc3\xbc", 2);
    value = json_string(long_text + 0);
    json_t *again = json_string(json_brief(buf, sizeof buf, value));
    assert_non_null(again); /* it was not cut inside a character */
    json_decref(value), json_decref(again);
}

static void json_pointers_are_escaped(void **state)
{
    (void)state;
    char out[JSON_POINTER_SIZE], big[300];
    assert_string_equal(json_pointer_add(out, "/a", "b/c~d"), "/a/b~1c~0d");
    memset(big, '~', sizeof big - 1);
    big[sizeof big - 1] = 0;
    assert_true(strlen(json_pointer_add(out, "", big)) < JSON_POINTER_SIZE);
    json_pointer_add(out, big, "x");
}

static void json_line_of_finds_values(void **state)
{
    (void)state;
    static const char text[] = "{\n"                            /* 1 */
                               "  \"a\": {\"x\": \"}{\\\"\",\n" /* 2 */
                               "    \"y\": [1,\n"               /* 3 */
                               "      {\"z\":\n"                /* 4 */
                               "         5}]},\n"               /* 5 */
                               "  \"b/c\": 1,\n"                /* 6 */
                               "  \"d\": 2}\n";                 /* 7 */
    static const struct {
        const char *pointer;
        size_t line;
    } rows[] = {{"", 1},      {"/a", 2}, {"/a/x", 2},    {"/a/y", 3},    {"/a/y/1", 4}, {"/a/y/1/z", 5},
                {"/b~1c", 6}, {"/d", 7}, {"/a/none", 2}, {"/none/x", 1}, {"/a/y/9", 3}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (json_line_of(text, sizeof text - 1, rows[i].pointer) != rows[i].line)
            fail_msg("%s is said to be in line %zu, want %zu", rows[i].pointer, json_line_of(text, sizeof text - 1, rows[i].pointer), rows[i].line);
    assert_int_equal(json_line_of("", 0, "/a"), 1);
}

static void json_write_survives_every_failed_allocation(void **state)
{
    (void)state;
    struct error err = {0};
    json_t *value = parse("{\"b\": [1, 2.5, {\"c\": {\"d\": 1}}], \"a\": \"a rather long text that makes the buffer grow more than once\"}", &err);
    for (unsigned k = 1;; k++) { /* reading: want of memory is never taken for a mistake in the text */
        error_clear(&err);
        mem_fail_after(k);
        json_t *again = parse("{\"b\": [1, 2.5, {\"c\": {\"d\": \"text\"}}]}", &err);
        bool fired = mem_fail_after(0);
        json_decref(again);
        if (fired ? again || err.code != ERROR_NOMEM : !again) fail_msg("allocation %u fails: %s", k, err.msg);
        if (!fired) break;
    }
    for (unsigned k = 1;; k++) {
        struct bytes text;
        error_clear(&err);
        bytes_init(&text, 1 << 20);
        mem_fail_after(k);
        int rc = json_write_pretty(value, &text, &err);
        bool fired = mem_fail_after(0);
        bytes_close(&text);
        if (!fired) {
            assert_ok(rc, &err);
            assert_true(k > 4);
            break;
        }
        assert_int_equal(rc, -ERROR_NOMEM);
    }
    json_decref(value);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(json_read_names_the_place),     cmocka_unit_test(json_read_bounds_depth),
    cmocka_unit_test(json_write_is_canonical),       cmocka_unit_test(json_reals_come_back_to_the_bit),
    cmocka_unit_test(json_brief_is_short_and_valid), cmocka_unit_test(json_pointers_are_escaped),
    cmocka_unit_test(json_line_of_finds_values),     cmocka_unit_test(json_write_survives_every_failed_allocation),
};
TEST_MAIN(tests)

/* Replies by hand: tags compared, headers kept clean, problems that hold every fault, whatever bytes the message has. */
#include "lib/test.h"

#include <string.h>

#include "service/http/reply.h"

static void tags_are_compared(void **state)
{
    (void)state;
    static const struct {
        const char *value, *etag;
        bool weak, strong;
    } cases[] = {
        {"\"a\"", "\"a\"", true, true},      {"W/\"a\"", "\"a\"", true, false},      {"\"a\"", "W/\"a\"", true, false},
        {"W/\"a\"", "W/\"a\"", true, false}, {"\"b\", \"a\"", "\"a\"", true, true},  {"\"b\",W/\"a\" ,\"c\"", "\"a\"", true, false},
        {"*", "\"a\"", true, false},         {"\"b\"", "\"a\"", false, false},       {"\"a", "\"a\"", false, false},
        {"\"ab\"", "\"a\"", false, false},   {"\"x,\"a\"\"", "\"a\"", false, false}, {"a", "\"a\"", false, false},
        {"", "\"a\"", false, false},         {",,\"", "\"a\"", false, false},        {NULL, "\"a\"", false, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool weak = etag_matches(cases[i].value, cases[i].etag, false), strong = etag_matches(cases[i].value, cases[i].etag, true);
        if (weak != cases[i].weak || strong != cases[i].strong)
            fail_msg("%s against %s: weak %d, strong %d", cases[i].value ? cases[i].value : "(none)", cases[i].etag, weak, strong);
    }
}

static void a_header_cannot_start_another(void **state)
{
    (void)state;
    struct reply rp;
    struct error err = {0};
    reply_init(&rp);
    assert_ok(reply_header(&rp, "Location", &err, "/v1/%s", "a\r\nSet-Cookie: x"), &err);
    assert_string_equal(reply_header_get(&rp, "Location"), "/v1/a  Set-Cookie: x");
    assert_ok(reply_header(&rp, "Location", &err, "again"), &err);
    assert_int_equal(rp.header_count, 1);
    reply_close(&rp);
    reply_close(&rp);
}

static void a_problem_has_all_faults_or_the_one_field(void **state)
{
    (void)state;
    struct request rq;
    struct reply rp;
    struct error err = {0};
    request_init(&rq);
    reply_init(&rp);
    error_set(&err, ERROR_INVALID, "/a", "bad \xff byte");
    reply_problem(&rp, &rq, &err);
    json_t *problem = json_read(rp.body.data, rp.body.size, "problem", NULL);
    assert_non_null(problem);
    assert_int_equal(rp.status, 422);
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(problem, "errors"), 0), "pointer")), "/a");
    json_decref(problem);

    struct faults *faults = request_faults(&rq, NULL);
    for (int i = 0; i < FAULTS_MAX + 5; i++) faults_add(faults, "/x", "fault %d", i);
    reply_problem(&rp, &rq, &err);
    problem = json_read(rp.body.data, rp.body.size, "problem", NULL);
    assert_int_equal(json_array_size(json_object_get(problem, "errors")), FAULTS_MAX);
    assert_int_equal(json_integer_value(json_object_get(problem, "errors_total")), FAULTS_MAX + 5);
    json_decref(problem);
    reply_close(&rp);
    request_close(&rq);
}

static void what_fails_for_now_says_when_to_try_again(void **state)
{
    (void)state;
    for (int code = 1; code < ERROR_CODES; code++) {
        struct request rq;
        struct reply rp;
        struct error err = {0};
        request_init(&rq);
        reply_init(&rp);
        error_set(&err, (enum error_code)code, NULL, "x");
        reply_problem(&rp, &rq, &err);
        assert_int_equal(reply_header_get(&rp, "Retry-After") != NULL, rp.status == 429 || rp.status == 503);
        assert_int_equal(reply_header_get(&rp, "WWW-Authenticate") != NULL, rp.status == 401);
        reply_close(&rp);
        request_close(&rq);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(tags_are_compared),
    cmocka_unit_test(a_header_cannot_start_another),
    cmocka_unit_test(a_problem_has_all_faults_or_the_one_field),
    cmocka_unit_test(what_fails_for_now_says_when_to_try_again),
};
TEST_MAIN(tests)

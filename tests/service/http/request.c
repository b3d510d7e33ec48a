/* Requests taken apart, by hand: targets, headers, preferences; and the tables that they are matched against. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "service/http/route.h"

static void target_is_cut_then_decoded(void **state)
{
    (void)state;
    struct request rq;
    struct error err = {0};
    request_init(&rq);
    assert_ok(request_parse_target(&rq, "/v1/jobs/a%2Fb%20c?limit=3&filter=state+%3D+running&flag#part", &err), &err);
    assert_int_equal(rq.segment_count, 3);
    assert_string_equal(rq.segments[2], "a/b c");
    assert_string_equal(rq.path, "/v1/jobs/a%2Fb%20c");
    assert_string_equal(request_query(&rq, "limit"), "3");
    assert_string_equal(request_query(&rq, "filter"), "state = running");
    assert_string_equal(request_query(&rq, "flag"), "");
    assert_null(request_query(&rq, "part"));
    request_close(&rq);
    request_close(&rq);
}

static void hostile_targets_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",        "v1/jobs", "http://x/v1", "*",         "/v1/../etc", "/v1/%2e%2e/etc",     "/v1/.",    "/v1/%00", "/v1/%0a", "/v1/%", "/v1/%4",
        "/v1/%zz", "/v1?a=%", "/v1?a=1&a=2", "/v1?a=%00", "/v1?%0d=1",  "/1/2/3/4/5/6/7/8/9", "/v1/\x7f",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct request rq;
        struct error err = {0};
        request_init(&rq);
        if (request_parse_target(&rq, bad[i], &err) >= 0) fail_msg("\"%s\" was taken", bad[i]);
        assert_true(err.code == ERROR_MALFORMED || err.code == ERROR_NOTFOUND);
        request_close(&rq);
    }
    static char many[REQUEST_TARGET_MAX + 8];
    memset(many, '/', sizeof many - 1);
    struct request rq;
    struct error err = {0};
    request_init(&rq);
    assert_true(request_parse_target(&rq, many, &err) < 0);
    request_close(&rq);
}

static int64_t wait_of(const char *prefer)
{
    struct request rq;
    request_init(&rq);
    assert_ok(request_add_header(&rq, "prefer", prefer, NULL), NULL);
    int64_t ms = request_wait_ms(&rq);
    request_close(&rq);
    return ms;
}

static void prefer_wait(void **state)
{
    (void)state;
    assert_int_equal(wait_of("wait=10"), 10000);
    assert_int_equal(wait_of("respond-async, wait=3"), 3000);
    assert_int_equal(wait_of("respond-async; x=1, WAIT = 4"), 4000);
    assert_int_equal(wait_of("wait=999999999999"), REQUEST_WAIT_MAX_S * 1000);
    assert_int_equal(wait_of("wait"), 0);
    assert_int_equal(wait_of("wait=x"), 0);
    assert_int_equal(wait_of("wait=-1"), 0);
    assert_int_equal(wait_of("waiting=10"), 0);
    assert_int_equal(wait_of(""), 0);
}

static void lists_with_weights(void **state)
{
    (void)state;
    assert_true(header_list_has("gzip, deflate", "gzip"));
    assert_true(header_list_has("deflate;q=0.5, GZIP;q=0.1", "gzip"));
    assert_false(header_list_has("gzip;q=0", "gzip"));
    assert_false(header_list_has("gzip; q=0.0, br", "gzip"));
    assert_false(header_list_has("xgzip, gzipx", "gzip"));
    assert_false(header_list_has("", "gzip"));
    assert_false(header_list_has(NULL, "gzip"));
    assert_false(header_list_has(", ,,", "gzip"));
}

static void headers_once_or_joined(void **state)
{
    (void)state;
    struct request rq;
    struct error err = {0};
    request_init(&rq);
    assert_ok(request_add_header(&rq, "Accept", "a", &err), &err);
    assert_ok(request_add_header(&rq, "accept", "b", &err), &err);
    assert_string_equal(request_header(&rq, HEADER_ACCEPT), "a, b");
    assert_ok(request_add_header(&rq, "Host", "x", &err), &err);
    assert_true(request_add_header(&rq, "HOST", "y", &err) < 0);
    assert_error(&err, ERROR_MALFORMED, "Host is sent twice");
    request_close(&rq);
}

static void numbers_in_the_query(void **state)
{
    (void)state;
    struct request rq;
    struct error err = {0};
    int64_t n;
    request_init(&rq);
    assert_ok(request_parse_target(&rq, "/?a=7&b=x&c=99999999999999999999", &err), &err);
    assert_ok(request_query_int(&rq, "a", 1, 0, 10, &n, &err), &err);
    assert_int_equal(n, 7);
    assert_ok(request_query_int(&rq, "none", 5, 0, 10, &n, &err), &err);
    assert_int_equal(n, 5);
    assert_true(request_query_int(&rq, "a", 1, 8, 10, &n, &err) < 0);
    assert_error(&err, ERROR_INVALID, "between 8 and 10, got 7");
    error_clear(&err);
    assert_true(request_query_int(&rq, "b", 1, 0, 10, &n, &err) < 0);
    assert_error(&err, ERROR_MALFORMED, "whole number");
    error_clear(&err);
    assert_true(request_query_int(&rq, "c", 1, 0, 10, &n, &err) < 0);
    request_close(&rq);
}

static const struct route *find(const char *method, const char *target, char *allow)
{
    static struct request rq;
    struct error err = {0};
    request_close(&rq);
    request_init(&rq);
    snprintf(rq.method, sizeof rq.method, "%s", method);
    rq.head = !strcmp(method, "HEAD");
    assert_ok(request_parse_target(&rq, target, &err), &err);
    const struct route *route = route_find(&rq, allow, 64, &err);
    if (route && strstr(route->path, "{id}")) assert_non_null(request_path(&rq, "id"));
    if (!route) request_close(&rq);
    return route;
}

static void rows_are_found(void **state)
{
    (void)state;
    char allow[64];
    assert_string_equal(find("GET", "/v1/jobs/job_1/metrics", allow)->path, "/v1/jobs/{id}/metrics");
    assert_string_equal(find("HEAD", "/v1/jobs", allow)->path, "/v1/jobs");
    assert_string_equal(find("POST", "/v1/jobs:validate", allow)->path, "/v1/jobs:validate");
    assert_null(find("PUT", "/v1/jobs/job_1", allow));
    assert_string_equal(allow, "GET, HEAD, DELETE");
}

/* Every row says who may, has a handler and a summary, and is found by its own path; no path and method stands twice. */
static void every_row_is_whole(void **state)
{
    (void)state;
    char allow[64];
    for (size_t i = 0; i < routes_count(); i++) {
        const struct route *route = route_at(i);
        assert_true(route->role != ROLE_NOBODY);
        assert_non_null(route->handler);
        assert_true(strlen(route->summary) > 5);
        assert_int_equal(route_index(route), i);
        assert_ptr_equal(find(route->method, route->path, allow), route);
        if (!strcmp(route->method, "GET")) assert_int_equal(route->body_max, 0);
        if (strcmp(route->method, "GET") != 0) assert_int_equal(route->role, strcmp(route->path, "/v1/jobs:validate") ? ROLE_SUBMITTER : ROLE_VIEWER);
    }
    assert_null(route_at(routes_count()));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(target_is_cut_then_decoded),
    cmocka_unit_test(hostile_targets_are_refused),
    cmocka_unit_test(prefer_wait),
    cmocka_unit_test(lists_with_weights),
    cmocka_unit_test(headers_once_or_joined),
    cmocka_unit_test(numbers_in_the_query),
    cmocka_unit_test(rows_are_found),
    cmocka_unit_test(every_row_is_whole),
};
TEST_MAIN(tests)

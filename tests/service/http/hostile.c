/* test: threads */
/* Requests that mean harm, or come from a client that is broken: each gets one clear answer or a closed connection, and the server
 * goes on serving. */
#include "lib/server.h"

#include "base/mem.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct server server;

static int up(void **state)
{
    (void)state;
    server_prepare(&server);
    server_up(&server);
    return 0;
}

static void assert_serves(void)
{
    struct answer a = {0};
    talk(&server, &a, "GET", "/healthz", NULL, NULL);
    assert_int_equal(a.status, 200);
    answer_close(&a);
}

static int down(void **state)
{
    (void)state;
    assert_serves();
    server_done(&server);
    return 0;
}

static void bodies_that_are_no_job(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int status;
        const char *part;
    } cases[] = {
        {"", 400, "empty"},
        {"{", 400, "line 1"},
        {"{\"name\": \"a\", \"name\": \"b\"}", 400, "duplicate"},
        {"{} trailing", 400, "end of file"},
        {"[]", 422, "object"},
        {"null", 422, "object"},
        {"\"text\"", 422, "object"},
        {"{\"name\": \"\xff\xfe\"}", 400, "byte 0xff"},
        {"{\"train\": {\"shards\": 1099511627776}}", 422, "/train/shards"},
        {"{\"dataset\": {\"uri\": \"file:../../etc/passwd\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}}", 422, "/dataset/uri"},
        {"{\"dataset\": {\"uri\": \"file:/etc/passwd\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}}", 422, "/dataset/uri"},
        {"{\"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"},"
         " \"split\": {\"kind\": \"predefined\", \"test_uri\": [\"file:/etc/passwd\"]}}",
         422, "/split/test_uri/0"},
    };
    struct answer a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talk_json(&server, &a, "POST", "/v1/jobs", cases[i].body);
        if (a.status != cases[i].status || !strstr(bytes_text(&a.body), cases[i].part))
            fail_msg("%s: %d %s", cases[i].body, a.status, bytes_text(&a.body));
    }
    answer_close(&a);
}

static void deep_nesting_is_refused(void **state)
{
    (void)state;
    enum { DEPTH = 200000 };
    struct answer a = {0};
    char *body = mem_zero(DEPTH + 1, NULL);
    memset(body, '[', DEPTH);
    talk_json(&server, &a, "POST", "/v1/jobs", body);
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(answer_text(&a, "detail"), "nested deeper"));
    mem_free(body);
    answer_close(&a);
}

static void only_json_is_taken(void **state)
{
    (void)state;
    static const char *const types[] = {NULL, "Content-Type: text/plain\r\n", "Content-Type: application/x-www-form-urlencoded\r\n",
                                        "Content-Type: application/jsonp\r\n", "Content-Type: multipart/form-data\r\n"};
    struct answer a = {0};
    char body[512];
    snprintf(body, sizeof body, job_body, "ok");
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        talk(&server, &a, "POST", "/v1/jobs", types[i], body);
        assert_int_equal(a.status, 415);
        assert_non_null(strstr(answer_text(&a, "detail"), "application/json"));
    }
    talk(&server, &a, "POST", "/v1/jobs", "Content-Type: application/json\r\nContent-Encoding: gzip\r\n", body);
    assert_int_equal(a.status, 415);
    assert_non_null(strstr(answer_text(&a, "detail"), "not packed with Content-Encoding: gzip"));
    talk(&server, &a, "POST", "/v1/jobs", "Content-Type: application/json\r\nTransfer-Encoding: gzip\r\n", body);
    assert_int_equal(a.status, 400);
    assert_non_null(strstr(answer_text(&a, "detail"), "Transfer-Encoding must be chunked"));
    talk(&server, &a, "POST", "/v1/jobs", "content-type: Application/JSON; charset=utf-8\r\n", body);
    assert_int_equal(a.status, 201);
    answer_close(&a);
}

static void a_body_of_2_mib_is_read_and_refused(void **state)
{
    (void)state;
    struct answer a = {0};
    char *body = mem_zero((2 << 20) + 1, NULL);
    memset(body, ' ', 2 << 20);
    talk_json(&server, &a, "POST", "/v1/jobs", body);
    assert_int_equal(a.status, 413);
    assert_string_equal(answer_text(&a, "type"), "/problems/toolarge");
    mem_free(body);
    answer_close(&a);
}

static void a_body_of_100_mb_is_refused_at_once(void **state)
{
    (void)state;
    static const char head[] = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n";
    struct answer a = {0};
    int fd = talk_open(&server);
    assert_true(talk_write(fd, head, strlen(head)));
    assert_int_equal(talk_read(fd, &a, false, TALK_DEADLINE_MS), 413); /* not a byte of the body was needed */
    assert_true(talk_closed(fd, TALK_DEADLINE_MS));
    close(fd);
    answer_close(&a);
}

static void who_expects_100_is_told_before_sending(void **state)
{
    (void)state;
    static const char head[] =
        "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n";
    struct answer a = {0};
    int fd = talk_open(&server);
    assert_true(talk_write(fd, head, strlen(head)));
    assert_int_equal(talk_read(fd, &a, false, TALK_DEADLINE_MS), 415);
    close(fd);
    answer_close(&a);
}

/* Chunks without end and without a length: refused as soon as the limit is passed, cut when it goes on. */
static void chunks_without_end(void **state)
{
    (void)state;
    static const char head[] = "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    static char chunk[65536 + 16];
    int fd = talk_open(&server);
    size_t sent = 0;
    memcpy(chunk, "10000\r\n", 7);
    memset(chunk + 7, ' ', 65536);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    assert_true(talk_write(fd, head, strlen(head)));
    while (sent < 400 && talk_write(fd, chunk, 7 + 65536 + 2)) sent++;
    assert_true(sent < 400);
    close(fd);
    struct answer a = {0};
    struct bytes text; /* one that ends is answered */
    bytes_init(&text, 4 << 20);
    bytes_add(&text, head, strlen(head), NULL);
    for (int i = 0; i < 20; i++) bytes_add(&text, chunk, 7 + 65536 + 2, NULL);
    bytes_add(&text, "0\r\n\r\n", 5, NULL);
    assert_int_equal(talk_try(server.port, &a, bytes_text(&text), text.size), 413);
    bytes_close(&text);
    answer_close(&a);
}

static void hosts_of_others_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *headers;
        int status;
    } cases[] = {
        {"Host: evil.example\r\n", 403},
        {"Host: evil.example:8080\r\n", 403},
        {"Host: localhost.evil.example\r\n", 403},
        {"Host: localhost:1@evil\r\n", 400},
        {"Host: \r\n", 400},
        {"Host: a/b\r\n", 400},
        {"Host: localhost:8080\r\n", 200},
        {"Host: 127.0.0.1\r\n", 200},
        {"Host: [::1]:8080\r\n", 200},
        {"Host: [::1\r\n", 400},
        {"Host: LOCALHOST\r\n", 200},
        {"Host: 192.168.7.7:80\r\n", 200},
        {"Host: a\r\nHost: localhost\r\n", 400},
    };
    struct answer a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talk(&server, &a, "GET", "/v1/jobs", cases[i].headers, NULL);
        if (a.status != cases[i].status) fail_msg("%s: %d %s", cases[i].headers, a.status, bytes_text(&a.body));
    }
    static const char none[] = "GET /v1/jobs HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_int_equal(talk_try(server.port, &a, none, strlen(none)), 400);
    answer_close(&a);
}

static void pages_of_others_change_nothing(void **state)
{
    (void)state;
    struct answer a = {0};
    char id[ID_SIZE], path[128];
    job_submit(&server, "hold", id);
    job_await(&server, id, "running");
    snprintf(path, sizeof path, "/v1/jobs/%s/cancel", id);
    talk(&server, &a, "POST", path, "Origin: https://evil.example\r\n", NULL);
    assert_int_equal(a.status, 403);
    talk(&server, &a, "POST", path, "Origin: null\r\n", NULL);
    assert_int_equal(a.status, 403);
    job_await(&server, id, "running");
    talk(&server, &a, "POST", path, "Origin: http://localhost\r\n", NULL);
    assert_int_equal(a.status, 202);
    answer_close(&a);
}

static void paths_that_try_to_get_out(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/../etc/passwd",
        "/%2e%2e/etc/passwd",
        "/v1/jobs/..%2f..%2fetc",
        "/v1/checkpoints/..%2f..%2fetc%2fpasswd/file",
        "//etc/passwd",
        "/v1/jobs/%00",
        "/v1//jobs",
        "/v1/jobs/",
        "/V1/jobs",
        "http://localhost/v1/jobs",
        "*",
        "/.git/config",
    };
    struct answer a = {0};
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        talk(&server, &a, "GET", targets[i], NULL, NULL);
        if (a.status != 404 && a.status != 400) fail_msg("%s: %d", targets[i], a.status);
        assert_null(strstr(bytes_text(&a.body), "root:"));
    }
    answer_close(&a);
}

static void methods(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        int status;
        const char *allow;
    } cases[] = {
        {"PUT", "/v1/jobs", 405, "POST, GET, HEAD"},       {"TRACE", "/v1/jobs", 405, "POST, GET, HEAD"},
        {"OPTIONS", "/v1/kinds", 405, "GET, HEAD"},        {"POST", "/healthz", 405, "GET, HEAD"},
        {"PATCH", "/v1/jobs/x", 405, "GET, HEAD, DELETE"}, {"POST", "/nothing", 404, ""},
        {"BREW", "/v1/jobs", 405, "POST, GET, HEAD"},      {"AVERYLONGMETHODTHATNOBODYKNOWS", "/v1/jobs", 405, ""},
    };
    struct answer a = {0};
    char allow[64];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talk(&server, &a, cases[i].method, cases[i].target, NULL, NULL);
        if (a.status != cases[i].status || strcmp(answer_header(&a, "Allow", allow, sizeof allow), cases[i].allow) != 0)
            fail_msg("%s %s: %d, Allow: %s", cases[i].method, cases[i].target, a.status, allow);
    }
    answer_close(&a);
}

static void headers_without_end(void **state)
{
    (void)state;
    struct bytes text;
    struct answer a = {0};
    int fd = talk_open(&server);
    bytes_init(&text, 4 << 20);
    bytes_add_text(&text, "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n", NULL);
    for (int i = 0; i < 20000; i++) bytes_printf(&text, NULL, "X-Flood-%d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", i);
    talk_write(fd, text.data, text.size);
    int status = talk_read(fd, &a, false, TALK_DEADLINE_MS);
    assert_true(status == 431 || status == -1); /* -1: closed with our bytes unread, so its answer was lost on the way */
    close(fd);
    bytes_clear(&text);
    bytes_add_text(&text, "GET /", NULL);
    for (int i = 0; i < 20000; i++) bytes_add_text(&text, "aaaaaaaaaa", NULL);
    bytes_add_text(&text, " HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL);
    fd = talk_open(&server);
    talk_write(fd, text.data, text.size);
    status = talk_read(fd, &a, false, TALK_DEADLINE_MS);
    assert_true(status == 414 || status == 431 || status == -1);
    close(fd);
    bytes_close(&text);
    answer_close(&a);
}

static void rubbish_instead_of_http(void **state)
{
    (void)state;
    unsigned seed = 7;
    for (int round = 0; round < 50; round++) {
        char text[512];
        for (size_t i = 0; i < sizeof text; i++) seed = seed * 1103515245 + 12345, text[i] = (char)(seed >> 16);
        memcpy(text + sizeof text - 4, "\r\n\r\n", 4);
        int fd = talk_open(&server);
        talk_write(fd, text, sizeof text);
        shutdown(fd, SHUT_WR);
        assert_true(talk_closed(fd, TALK_DEADLINE_MS));
        close(fd);
    }
}

/* A byte now and then keeps a connection alive in the eyes of most servers; here a whole request has a deadline. */
static void slow_senders_are_cut(void **state)
{
    (void)state;
    static const char *const starts[] = {
        "", "GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\nX-Slow: ",
        "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"};
    server_down(&server);
    server.config.request_timeout_ms = 400;
    server_up(&server);
    for (size_t i = 0; i < 3; i++) {
        int fd = talk_open(&server);
        int64_t begun = world_mono_ms(&world_real), took;
        struct pollfd p = {.fd = fd, .events = POLLIN};
        talk_write(fd, starts[i], strlen(starts[i]));
        while (poll(&p, 1, 50) == 0 && world_mono_ms(&world_real) - begun < TALK_DEADLINE_MS) talk_write(fd, "a", 1);
        took = world_mono_ms(&world_real) - begun;
        assert_true(talk_closed(fd, 1000));
        if (took < 390 || took > 5000) fail_msg("start %zu was cut after %d ms", i, (int)took);
        close(fd);
    }
    struct answer a = {0};
    talk(&server, &a, "GET", "/metrics", NULL, NULL);
    assert_non_null(strstr(bytes_text(&a.body), "\ntrainyard_http_slow_connections_total 3\n"));
    answer_close(&a);
}

static void more_connections_than_allowed(void **state)
{
    (void)state;
    enum { LIMIT = 8 };
    int fds[LIMIT * 2];
    server_down(&server);
    server.config.connections_max = LIMIT;
    server_up(&server);
    for (int i = 0; i < LIMIT * 2; i++) fds[i] = talk_open_port(server.port);
    for (int i = 0; i < LIMIT * 2; i++)
        if (fds[i] >= 0) close(fds[i]);
    int64_t until = world_mono_ms(&world_real) + TALK_DEADLINE_MS; /* and then it serves again */
    struct answer a = {0};
    static const char text[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    while (talk_try(server.port, &a, text, strlen(text)) != 200) assert_true(world_mono_ms(&world_real) < until);
    answer_close(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
static const struct CMUnitTest tests[] = {
    TEST(bodies_that_are_no_job),
    TEST(deep_nesting_is_refused),
    TEST(only_json_is_taken),
    TEST(a_body_of_2_mib_is_read_and_refused),
    TEST(a_body_of_100_mb_is_refused_at_once),
    TEST(who_expects_100_is_told_before_sending),
    TEST(chunks_without_end),
    TEST(hosts_of_others_are_refused),
    TEST(pages_of_others_change_nothing),
    TEST(paths_that_try_to_get_out),
    TEST(methods),
    TEST(headers_without_end),
    TEST(rubbish_instead_of_http),
    TEST(slow_senders_are_cut),
    TEST(more_connections_than_allowed),
};
TEST_MAIN(tests)

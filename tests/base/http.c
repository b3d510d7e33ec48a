/* The HTTP client against a server that says exactly what the test wants, over a loopback socket. The server is a thread: one
 * connection, one request, one scripted answer. */
/* test: threads */
#include "lib/test.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/http.h"
#include "base/str.h"

struct scripted {
    const char *answer; /* NULL: accept, read, then say nothing until the client goes */
    int listener, port;
    char request[8192]; /* what the client said; valid after script_end() */
    pthread_t thread;
};

static void *serve_once(void *context)
{
    struct scripted *s = context;
    size_t used = 0;
    int fd = accept(s->listener, NULL, NULL);
    if (fd < 0) return NULL;
    while (used + 1 < sizeof s->request && !strstr(s->request, "\r\n\r\n")) {
        ssize_t n = read(fd, s->request + used, sizeof s->request - 1 - used);
        if (n <= 0) break;
        used += (size_t)n;
        s->request[used] = 0;
    }
    if (s->answer) {
        for (size_t at = 0, size = strlen(s->answer); at < size;) {
            ssize_t n = send(fd, s->answer + at, size - at, MSG_NOSIGNAL);
            if (n <= 0) break;
            at += (size_t)n;
        }
    } else {
        char byte;
        while (read(fd, &byte, 1) > 0) continue;
    }
    close(fd);
    return NULL;
}

static const char *script_begin(struct scripted *s, const char *answer, char url[64])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    *s = (struct scripted){.answer = answer, .listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    assert_int_equal(bind(s->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(s->listener, 4), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&s->thread, NULL, serve_once, s), 0);
    snprintf(url, 64, "http://127.0.0.1:%d/v1/x", s->port);
    return url;
}

static void script_end(struct scripted *s)
{
    shutdown(s->listener, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    close(s->listener);
}

static int count_data(void *context, const void *data, size_t size, struct error *err)
{
    (void)data, (void)err;
    *(size_t *)context += size;
    return 0;
}

static int refuse_data(void *context, const void *data, size_t size, struct error *err)
{
    (void)context, (void)data, (void)size;
    return error_set(err, ERROR_DATA, NULL, "not to my taste");
}

static void test_answer(void **state)
{
    static const char answer[] = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nLog-Offset:  17 \r\nX-Empty:\r\n\r\nhello";
    struct scripted s;
    struct http_response response;
    struct error err = {0};
    char url[64], value[32];
    const char *const headers[] = {"Authorization: Bearer t0ken", NULL};
    (void)state;
    struct http_request request = {.url = script_begin(&s, answer, url), .headers = headers, .body = "{}", .body_size = 2};
    assert_ok(http_send(&request, &response, &err), &err);
    script_end(&s);
    assert_int_equal(response.status, 200);
    assert_string_equal(bytes_text(&response.body), "hello");
    assert_int_equal(strtol(http_header(&response, "log-offset", value, sizeof value), NULL, 10), 17);
    assert_string_equal(http_header(&response, "X-Empty", value, sizeof value), "");
    assert_string_equal(http_header(&response, "Log", value, sizeof value), ""); /* no prefix match */
    assert_true(str_starts(s.request, "POST /v1/x HTTP/1.1\r\n"));
    assert_non_null(strstr(s.request, "Authorization: Bearer t0ken\r\n"));
    assert_null(strstr(s.request, "Expect:"));
    http_response_close(&response);
    http_response_close(&response);
}

static void test_streamed_body(void **state)
{
    struct scripted s;
    struct http_response response;
    struct error err = {0};
    char url[64];
    size_t count = 0;
    (void)state;
    struct http_request request = {
        .url = script_begin(&s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", url), .context = &count, .on_data = count_data};
    assert_ok(http_send(&request, &response, &err), &err);
    script_end(&s);
    assert_int_equal(count, 5);
    assert_int_equal(response.body.size, 0);
    http_response_close(&response);

    count = 0; /* an answer that is no success is collected: it says why */
    request.url = script_begin(&s, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", url);
    assert_ok(http_send(&request, &response, &err), &err);
    script_end(&s);
    assert_int_equal(count, 0);
    assert_int_equal(response.status, 404);
    assert_string_equal(bytes_text(&response.body), "gone");
    http_response_close(&response);

    request.on_data = refuse_data;
    request.url = script_begin(&s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", url);
    assert_true(http_send(&request, &response, &err) < 0);
    script_end(&s);
    assert_error(&err, ERROR_DATA, "not to my taste");
    http_response_close(&response);
}

static void test_no_redirect(void **state)
{
    struct scripted s;
    struct http_response response;
    struct error err = {0};
    char url[64];
    (void)state;
    struct http_request request = {.url = script_begin(&s, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", url)};
    assert_ok(http_send(&request, &response, &err), &err);
    script_end(&s);
    assert_int_equal(response.status, 302);
    http_response_close(&response);
}

static void test_cut_and_ceiling(void **state)
{
    struct scripted s;
    struct http_response response;
    struct error err = {0};
    char url[64];
    (void)state;
    struct http_request request = {.url = script_begin(&s, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", url)};
    assert_true(http_send(&request, &response, &err) < 0);
    script_end(&s);
    assert_error(&err, ERROR_UNAVAILABLE, "talking to http://127.0.0.1:");
    http_response_close(&response);

    error_clear(&err);
    request.response_max = 3;
    request.url = script_begin(&s, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", url);
    assert_int_equal(http_send(&request, &response, &err), -ERROR_TOOLARGE);
    script_end(&s);
    http_response_close(&response);

    error_clear(&err);
    request.response_max = 0;
    request.url = script_begin(&s, "this is no HTTP\r\n\r\n", url);
    assert_true(http_send(&request, &response, &err) < 0);
    script_end(&s);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    http_response_close(&response);
}

static bool stop_now(void *context)
{
    ++*(size_t *)context;
    return true;
}

static void test_stop_and_silence(void **state)
{
    struct scripted s;
    struct http_response response;
    struct error err = {0};
    char url[64];
    size_t asked = 0;
    (void)state;
    struct http_request request = {.url = script_begin(&s, NULL, url), .context = &asked, .stop = stop_now};
    assert_int_equal(http_send(&request, &response, &err), -ERROR_STOPPED);
    script_end(&s);
    assert_true(asked > 0);
    http_response_close(&response);

    error_clear(&err);
    request = (struct http_request){.url = script_begin(&s, NULL, url), .timeout_ms = 50};
    assert_true(http_send(&request, &response, &err) < 0);
    script_end(&s);
    assert_error(&err, ERROR_UNAVAILABLE, "did not answer in time");
    http_response_close(&response);
}

/* A body piece by piece; what came before a cut is given before the cut is told. */
static void test_stream(void **state)
{
    struct scripted s;
    struct http_response response;
    struct http_stream *stream;
    struct error err = {0};
    char url[64], buf[4], value[32];
    size_t asked = 0;
    (void)state;
    struct http_request request = {.url = script_begin(&s, "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 5\r\n\r\nhello", url)};
    assert_ok(http_stream_open(&stream, &request, &world_real, &response, &err), &err);
    assert_int_equal(response.status, 200);
    assert_string_equal(http_header(&response, "etag", value, sizeof value), "\"e\"");
    assert_int_equal(http_stream_read(stream, buf, 4, &err), 4);
    assert_memory_equal(buf, "hell", 4);
    assert_int_equal(http_stream_read(stream, buf, 4, &err), 1);
    assert_int_equal(http_stream_read(stream, buf, 4, &err), 0);
    assert_int_equal(http_stream_read(stream, buf, 4, &err), 0);
    http_stream_close(stream);
    http_response_close(&response);
    script_end(&s);

    request.url = script_begin(&s, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", url);
    request.shown = "the log";
    assert_ok(http_stream_open(&stream, &request, &world_real, &response, &err), &err);
    assert_int_equal(http_stream_read(stream, buf, 4, &err), 3);
    assert_true(http_stream_read(stream, buf, 4, &err) < 0);
    assert_error(&err, ERROR_UNAVAILABLE, "talking to the log failed");
    http_stream_close(stream);
    http_response_close(&response);
    script_end(&s);

    error_clear(&err); /* not what was asked for: why */
    request.url = script_begin(&s, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone", url);
    assert_ok(http_stream_open(&stream, &request, &world_real, &response, &err), &err);
    assert_int_equal(response.status, 404);
    assert_string_equal(bytes_text(&response.body), "gone");
    assert_int_equal(http_stream_read(stream, buf, 4, &err), 0);
    http_stream_close(stream);
    http_response_close(&response);
    script_end(&s);

    request.url = script_begin(&s, NULL, url);
    request.idle_timeout_ms = 30;
    assert_true(http_stream_open(&stream, &request, &world_real, &response, &err) < 0);
    assert_error(&err, ERROR_UNAVAILABLE, "the log said nothing for 0.03 s");
    assert_null(stream);
    http_response_close(&response);
    script_end(&s);

    error_clear(&err);
    request = (struct http_request){.url = script_begin(&s, NULL, url), .context = &asked, .stop = stop_now};
    assert_int_equal(http_stream_open(&stream, &request, &world_real, &response, &err), -ERROR_STOPPED);
    http_response_close(&response);
    script_end(&s);
}

static void test_dates(void **state)
{
    (void)state;
    assert_int_equal(http_date("Thu, 01 Jan 1970 00:01:00 GMT"), 60);
    assert_int_equal(http_date("yesterday, as it were"), -1);
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *url, *header;
        enum error_code code;
        const char *part;
    } rows[] = {
        {"ftp://127.0.0.1/x", NULL, ERROR_USAGE, "only http and https"},
        {"file:///etc/passwd", NULL, ERROR_USAGE, "only http and https"},
        {"not an address", NULL, ERROR_USAGE, "is no address"},
        {"http://127.0.0.1:99999/", NULL, ERROR_USAGE, "is no address"},
        {"http://127.0.0.1/\r\nX: y", NULL, ERROR_USAGE, "control character"},
        {"http://127.0.0.1:1/", "A: b\r\nC: d", ERROR_USAGE, "control character"},
        {"http://127.0.0.1:1/", NULL, ERROR_UNAVAILABLE, "is the server running there?"},
        {"http://nowhere.invalid/", NULL, ERROR_UNAVAILABLE, "cannot reach http://nowhere.invalid/"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct http_response response;
        struct error err = {0};
        const char *const headers[] = {rows[i].header, NULL};
        assert_true(http_send(&(struct http_request){.url = rows[i].url, .headers = headers, .timeout_ms = 10000}, &response, &err) < 0);
        assert_error(&err, rows[i].code, rows[i].part);
        http_response_close(&response);
    }
}

static void test_escape(void **state)
{
    char buf[32];
    (void)state;
    assert_true(http_url_escape(buf, sizeof buf, "a-b_c.d~/ %\xc3\xa9"));
    assert_string_equal(buf, "a-b_c.d~%2F%20%25%C3%A9");
    assert_false(http_url_escape(buf, 6, "a///"));
    assert_true(http_url_escape(buf, 2, "a"));
    assert_false(http_url_escape(buf, 1, "a"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_answer),          cmocka_unit_test(test_streamed_body),    cmocka_unit_test(test_no_redirect),
    cmocka_unit_test(test_cut_and_ceiling), cmocka_unit_test(test_stop_and_silence), cmocka_unit_test(test_mistakes),
    cmocka_unit_test(test_escape),          cmocka_unit_test(test_stream),           cmocka_unit_test(test_dates),
};
TEST_MAIN(tests)

/* test: threads */
/* Starting, refusing to start, tokens, and what the server says of itself: probes, problems, metrics, description, dashboard. */
#include "lib/server.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "service/http/route.h"

static struct server server;

static int up(void **state)
{
    (void)state;
    server_prepare(&server);
    server_up(&server);
    return 0;
}

static int down(void **state)
{
    (void)state;
    server_done(&server);
    return 0;
}

/* ---- start ---- */

static void addresses_that_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *listen;
        enum error_code code;
        const char *part;
    } cases[] = {
        {"0.0.0.0:0", ERROR_USAGE, "token"},    {"[::]:0", ERROR_USAGE, "token"},      {"192.0.2.1:0", ERROR_USAGE, "token"},
        {"127.0.0.1", ERROR_USAGE, "port"},     {"127.0.0.1:", ERROR_USAGE, "port"},   {"127.0.0.1:65536", ERROR_USAGE, "65535"},
        {"127.0.0.1:-1", ERROR_USAGE, "65535"}, {"example.org:80", ERROR_USAGE, "IP"}, {":80", ERROR_USAGE, "HOST:PORT"},
        {"[::1", ERROR_USAGE, "HOST:PORT"},     {"[::1]", ERROR_USAGE, "HOST:PORT"},   {"127.0.0.1:8x", ERROR_USAGE, "port"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct http_config config = server.config;
        struct http_server *http = NULL;
        struct error err = {0};
        config.listen = cases[i].listen;
        assert_true(http_server_start(&http, &config, &err) < 0);
        if (err.code != cases[i].code || !strstr(err.msg, cases[i].part)) fail_msg("%s: %s %s", cases[i].listen, error_name(err.code), err.msg);
    }
}

static void a_port_that_is_taken(void **state)
{
    (void)state;
    struct http_config config = server.config;
    struct http_server *http = NULL;
    struct error err = {0};
    char listen[64];
    snprintf(listen, sizeof listen, "127.0.0.1:%d", server.port);
    config.listen = listen;
    assert_true(http_server_start(&http, &config, &err) < 0);
    assert_error(&err, ERROR_CONFLICT, "in use");
}

static void stopped_and_started_again(void **state)
{
    (void)state;
    struct answer a = {0};
    int idle = talk_open(&server); /* a connection that says nothing does not hold up the stop */
    for (int i = 0; i < 5; i++) {
        server_down(&server);
        server_up(&server);
        talk(&server, &a, "GET", "/readyz", NULL, NULL);
        assert_int_equal(a.status, 200);
    }
    close(idle);
    answer_close(&a);
}

/* ---- tokens ---- */

static void with_a_token(void **state)
{
    (void)state;
    struct answer a = {0};
    char text[128];
    server_down(&server);
    server.config.listen = "0.0.0.0:0";
    server.config.token = "swordfish";
    server_up(&server);
    for (size_t i = 0; i < routes_count(); i++) { /* every row: without the token only what is public */
        const struct route *route = route_at(i);
        char path[128];
        if (strstr(route->path, "{*}")) continue;
        snprintf(path, sizeof path, "%s", route->path);
        talk(&server, &a, route->method, path, NULL, NULL);
        if ((a.status == 401) != (route->role != ROLE_PUBLIC)) fail_msg("%s %s without a token: %d", route->method, path, a.status);
    }
    talk(&server, &a, "GET", "/v1/jobs", NULL, NULL);
    assert_int_equal(a.status, 401);
    assert_string_equal(answer_header(&a, "WWW-Authenticate", text, sizeof text), "Bearer realm=\"trainyard\"");
    static const char *const wrong[] = {"Authorization: Bearer swordfis\r\n", "Authorization: Bearer swordfishx\r\n", "Authorization: Bearer \r\n",
                                        "Authorization: Basic swordfish\r\n", "Authorization: swordfish\r\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        talk(&server, &a, "GET", "/v1/jobs", wrong[i], NULL);
        assert_int_equal(a.status, 401);
    }
    talk(&server, &a, "GET", "/v1/jobs?token=swordfish", NULL, NULL);
    assert_int_equal(a.status, 401);
    talk(&server, &a, "GET", "/v1/jobs", "Authorization: Bearer swordfish\r\n", NULL);
    assert_int_equal(a.status, 200);
    talk(&server, &a, "GET", "/v1/jobs", "Host: train.example\r\nAuthorization: bearer swordfish\r\n", NULL); /* open to the network: any name */
    assert_int_equal(a.status, 200);
    answer_close(&a);
}

static void hosts_that_were_named(void **state)
{
    (void)state;
    static const char *const hosts[] = {"train.example", NULL};
    struct answer a = {0};
    server_down(&server);
    server.config.hosts = hosts;
    server_up(&server);
    talk(&server, &a, "GET", "/v1/jobs", "Host: train.example:80\r\n", NULL);
    assert_int_equal(a.status, 200);
    talk(&server, &a, "GET", "/v1/jobs", "Host: other.example\r\n", NULL);
    assert_int_equal(a.status, 403);
    answer_close(&a);
}

/* ---- about ---- */

static void request_ids(void **state)
{
    (void)state;
    struct answer a = {0};
    char text[128];
    talk(&server, &a, "GET", "/nothing", "X-Request-Id: build-7.3_a\r\n", NULL);
    assert_string_equal(answer_header(&a, "X-Request-Id", text, sizeof text), "build-7.3_a");
    assert_string_equal(answer_text(&a, "instance"), "build-7.3_a");
    talk(&server, &a, "GET", "/nothing", "X-Request-Id: <script>\r\n", NULL);
    assert_int_equal(strncmp(answer_header(&a, "X-Request-Id", text, sizeof text), "req_", 4), 0);
    answer_close(&a);
}

static void problems_explain_themselves(void **state)
{
    (void)state;
    struct answer a = {0};
    char type[64];
    talk(&server, &a, "GET", "/nothing", NULL, NULL);
    snprintf(type, sizeof type, "%s", answer_text(&a, "type"));
    talk(&server, &a, "GET", type, NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(bytes_text(&a.body), "Fix:"));
    for (int code = 1; code < ERROR_CODES; code++) {
        snprintf(type, sizeof type, "/problems/%s", error_name((enum error_code)code));
        for (char *c = type; *c; c++)
            if (*c >= 'A' && *c <= 'Z') *c = (char)(*c + 32);
        talk(&server, &a, "GET", type, NULL, NULL);
        assert_int_equal(a.status, 200);
        assert_null(strstr(bytes_text(&a.body), "(null)"));
    }
    talk(&server, &a, "GET", "/problems/none", NULL, NULL);
    assert_int_equal(a.status, 404);
    answer_close(&a);
}

static void unzip(const struct answer *a, struct bytes *out)
{
    z_stream z = {0};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    assert_int_equal(bytes_reserve(out, 4 << 20, NULL), 0);
    z.next_in = a->body.data, z.avail_in = (uInt)a->body.size;
    z.next_out = out->data, z.avail_out = 4 << 20;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    out->size = z.total_out;
    inflateEnd(&z);
}

static void long_json_is_packed_when_accepted(void **state)
{
    (void)state;
    struct answer plain = {0}, packed = {0};
    struct bytes text;
    char tag[128], other[128], headers[200];
    talk(&server, &plain, "GET", "/v1/kinds", NULL, NULL);
    assert_int_equal(plain.status, 200);
    assert_non_null(json_object_get(plain.json, "models"));
    assert_string_equal(answer_header(&plain, "Content-Encoding", tag, sizeof tag), "");
    assert_string_equal(answer_header(&plain, "Vary", tag, sizeof tag), "Accept-Encoding");
    talk(&server, &packed, "GET", "/v1/kinds", "Accept-Encoding: br, gzip;q=0.8\r\n", NULL);
    assert_string_equal(answer_header(&packed, "Content-Encoding", tag, sizeof tag), "gzip");
    assert_true(packed.body.size < plain.body.size / 2);
    bytes_init(&text, 8 << 20);
    unzip(&packed, &text);
    assert_int_equal(text.size, plain.body.size);
    assert_memory_equal(text.data, plain.body.data, text.size);
    assert_string_equal(answer_header(&packed, "ETag", tag, sizeof tag), answer_header(&plain, "ETag", other, sizeof other));
    snprintf(headers, sizeof headers, "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n", tag);
    talk(&server, &packed, "GET", "/v1/kinds", headers, NULL);
    assert_int_equal(packed.status, 304);
    bytes_close(&text);
    answer_close(&plain), answer_close(&packed);
}

/* The description and the route table name the same paths and methods, both ways. */
static void the_description_is_the_route_table(void **state)
{
    (void)state;
    struct answer a = {0};
    size_t described = 0;
    const char *path, *method;
    json_t *operations, *operation;
    talk(&server, &a, "GET", "/openapi.json", NULL, NULL);
    assert_int_equal(a.status, 200);
    json_t *paths = json_object_get(a.json, "paths");
    for (size_t i = 0; i < routes_count(); i++) {
        const struct route *route = route_at(i);
        char lower[16];
        snprintf(lower, sizeof lower, "%s", route->method);
        for (char *c = lower; *c; c++) *c = (char)(*c | 32);
        operation = json_object_get(json_object_get(paths, route->path), lower);
        if (!operation) fail_msg("%s %s is not described", route->method, route->path);
        assert_string_equal(json_string_value(json_object_get(operation, "summary")), route->summary);
        assert_int_equal(json_object_get(operation, "security") != NULL, route->role == ROLE_PUBLIC);
        assert_int_equal(json_object_get(operation, "requestBody") != NULL, route->body_max > 0);
        size_t known = 0, said = 0, j;
        json_t *parameter;
        while (route->query && route->query[known]) known++;
        json_array_foreach (json_object_get(operation, "parameters"), j, parameter) {
            if (strcmp(json_string_value(json_object_get(parameter, "in")), "query") != 0) continue;
            const char *name = json_string_value(json_object_get(parameter, "name"));
            size_t k = 0;
            while (k < known && strcmp(route->query[k], name) != 0) k++;
            if (k == known) fail_msg("%s %s: no query parameter %s", route->method, route->path, name);
            said++;
        }
        assert_int_equal(said, known);
    }
    json_object_foreach (paths, path, operations)
        json_object_foreach (operations, method, operation) described++;
    assert_int_equal(described, routes_count());
    json_t *spec = json_object_get(json_object_get(json_object_get(a.json, "components"), "schemas"), "JobSpec");
    json_t *optimizer = json_object_get(json_object_get(json_object_get(spec, "properties"), "optimizer"), "properties");
    assert_true(json_array_size(json_object_get(json_object_get(optimizer, "kind"), "enum")) >= 4);
    answer_close(&a);
}

/* Each line of an exposition is a comment or a sample; families are not torn; counters end in _total. */
static void check_exposition(const char *text, bool open_metrics)
{
    char family[128] = "", type[16] = "", line[1024];
    bool eof = false;
    size_t samples = 0;
    for (const char *at = text; *at; at += strcspn(at, "\n") + 1) {
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        assert_false(eof);
        if (!strcmp(line, "# EOF")) eof = true;
        else if (sscanf(line, "# TYPE %127s %15s", family, type) == 2) {
            char again[160];
            snprintf(again, sizeof again, "\n# TYPE %s ", family);
            const char *here = strstr(text, again);
            assert_null(here ? strstr(here + 1, again) : NULL);
        } else if (line[0] != '#') {
            size_t length = strlen(family);
            if (strncmp(line, family, length) != 0) fail_msg("sample %s within family %s", line, family);
            char *value = strrchr(line, ' '), *end;
            strtod(value + 1, &end);
            assert_true(*end == 0 && value[1]);
            size_t name = strcspn(line, "{ ");
            if (!strcmp(type, "counter")) assert_int_equal(strncmp(line + name - 6, "_total", 6), 0);
            samples++;
        }
    }
    assert_int_equal(eof, open_metrics);
    assert_true(samples > 50);
}

static void figures_in_both_formats(void **state)
{
    (void)state;
    struct answer a = {0};
    char type[128], id[ID_SIZE];
    job_submit(&server, "ok", id);
    job_await(&server, id, "succeeded");
    talk(&server, &a, "GET", "/metrics", NULL, NULL);
    assert_string_equal(answer_header(&a, "Content-Type", type, sizeof type), "text/plain; version=0.0.4; charset=utf-8");
    check_exposition(bytes_text(&a.body), false);
    assert_non_null(strstr(bytes_text(&a.body), "\ntrainyard_jobs{state=\"succeeded\"} 1\n"));
    assert_non_null(strstr(bytes_text(&a.body), "trainyard_http_requests_total{route=\"/v1/jobs\",method=\"POST\",status=\"2xx\"} 1\n"));
    assert_non_null(strstr(bytes_text(&a.body), "trainyard_http_request_seconds_bucket{route=\"/v1/jobs\",method=\"POST\",le=\"+Inf\"} 1\n"));
    assert_null(strstr(bytes_text(&a.body), id));
    talk(&server, &a, "GET", "/metrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n", NULL);
    assert_string_equal(answer_header(&a, "Content-Type", type, sizeof type), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    check_exposition(bytes_text(&a.body), true);
    answer_close(&a);
}

/* ---- the dashboard's files ---- */

static void files_of_the_dashboard(void **state)
{
    (void)state;
    static unsigned char page[] = "<!doctype html><title>x</title>";
    static unsigned char script[3000];
    static unsigned char secret[] = "no";
    const struct embedded files[] = {{"index.html", page, page + sizeof page - 1},
                                     {"app.js", script, script + sizeof script},
                                     {"assets/chunk-3F2A9C1B.js", secret, secret + 2},
                                     {0}};
    struct answer a = {0};
    char text[256], headers[300];
    memset(script, 'a', sizeof script);
    talk(&server, &a, "GET", "/", NULL, NULL); /* built without */
    assert_int_equal(a.status, 404);
    assert_non_null(strstr(answer_text(&a, "detail"), "dashboard"));
    server_down(&server);
    server.config.web = files;
    server_up(&server);
    talk(&server, &a, "GET", "/?any=query", NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(bytes_text(&a.body), (const char *)page);
    assert_string_equal(answer_header(&a, "Content-Type", text, sizeof text), "text/html; charset=utf-8");
    answer_header(&a, "Content-Security-Policy", text, sizeof text);
    assert_non_null(strstr(text, "default-src 'none'"));
    assert_non_null(strstr(text, "script-src 'self'"));
    assert_null(strstr(text, "unsafe"));
    assert_string_equal(answer_header(&a, "X-Content-Type-Options", text, sizeof text), "nosniff");
    assert_string_equal(answer_header(&a, "Cache-Control", text, sizeof text), "no-cache");
    snprintf(headers, sizeof headers, "If-None-Match: %s\r\n", answer_header(&a, "ETag", text, sizeof text));
    talk(&server, &a, "GET", "/", headers, NULL);
    assert_int_equal(a.status, 304);
    talk(&server, &a, "GET", "/app.js", "Accept-Encoding: gzip\r\n", NULL);
    assert_string_equal(answer_header(&a, "Content-Encoding", text, sizeof text), "gzip");
    assert_true(a.body.size < 200);
    talk(&server, &a, "GET", "/assets/chunk-3F2A9C1B.js", NULL, NULL);
    assert_non_null(strstr(answer_header(&a, "Cache-Control", text, sizeof text), "immutable"));
    talk(&server, &a, "GET", "/jobs/job_x", "Accept: text/html,*/*\r\n", NULL); /* a page of the script's own */
    assert_int_equal(a.status, 200);
    talk(&server, &a, "GET", "/missing.js", "Accept: text/html,*/*\r\n", NULL);
    assert_int_equal(a.status, 404);
    talk(&server, &a, "GET", "/v1/nothing", "Accept: text/html,*/*\r\n", NULL);
    assert_int_equal(a.status, 404);
    static const struct embedded no_files[] = {{0}};
    server_down(&server);
    server.config.web = no_files;
    server_up(&server);
    answer_close(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
static const struct CMUnitTest tests[] = {
    TEST(addresses_that_are_refused),
    TEST(a_port_that_is_taken),
    TEST(stopped_and_started_again),
    TEST(with_a_token),
    TEST(hosts_that_were_named),
    TEST(request_ids),
    TEST(problems_explain_themselves),
    TEST(long_json_is_packed_when_accepted),
    TEST(the_description_is_the_route_table),
    TEST(figures_in_both_formats),
    TEST(files_of_the_dashboard),
};
TEST_MAIN(tests)

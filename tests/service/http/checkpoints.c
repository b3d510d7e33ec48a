/* test: threads */
/* Checkpoint files over HTTP: whole, in ranges, conditionally, damaged, gone; logs by tail and by offset; metrics and attempts. */
#include "lib/server.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/mem.h"

enum { FILE_SIZE = 300000 };

static struct server server;
static uint8_t content[FILE_SIZE];
static char sha256[SHA256_HEX], job[ID_SIZE], checkpoint[ID_SIZE], file_path[PATH_SIZE], target[160];

/* A finished job with a checkpoint of FILE_SIZE bytes, recorded as a run would have. */
static int up(void **state)
{
    (void)state;
    struct error err = {0};
    struct job row = {0};
    struct checkpoint_list list = {0};
    uint8_t digest[SHA256_SIZE];
    char dir[PATH_SIZE];
    server_prepare(&server);
    server_up(&server);
    for (size_t i = 0; i < FILE_SIZE; i++) content[i] = (uint8_t)hash_mix(i);
    sha256_of(content, FILE_SIZE, digest);
    hex_encode(digest, sizeof digest, sha256);
    job_submit(&server, "ok", job);
    job_await(&server, job, "succeeded");
    assert_ok(sched_run_path(server.sched, job, NULL, dir, &err), &err);
    assert_ok(path_join(file_path, dir, "checkpoints/000000000777.safetensors", &err), &err);
    test_write_file(file_path, content, FILE_SIZE);
    assert_ok(store_job_get(server.store, job, &row, &err), &err);
    struct event event = {.seq = 1000, .attempt = 1, .step = 777, .utc_ms = 1767323045678, .type = EVENT_CHECKPOINT};
    event.body = json_pack("{s:i, s:i, s:s, s:s, s:i, s:s, s:s, s:i, s:b, s:{}}", "seq", 1000, "attempt", 1, "t", "2026-01-02T03:04:05.678Z", "type",
                           "checkpoint", "step", 777, "path", "checkpoints/000000000777.safetensors", "sha256", sha256, "size_bytes", FILE_SIZE,
                           "best", 1, "metrics");
    assert_ok(store_events_add(server.store, job, &event, 1, row.tail_offset, &err), &err);
    event_close(&event);
    job_close(&row);
    assert_ok(store_checkpoints(server.store, job, &list, &err), &err);
    snprintf(checkpoint, sizeof checkpoint, "%s", list.items[list.count - 1].id);
    checkpoint_list_close(&list);
    snprintf(target, sizeof target, "/v1/checkpoints/%s/file", checkpoint);
    return 0;
}

static int down(void **state)
{
    (void)state;
    server_done(&server);
    return 0;
}

static void the_whole_file(void **state)
{
    (void)state;
    struct answer a = {0};
    char text[256], want[256], base64[64];
    uint8_t digest[SHA256_SIZE];
    talk(&server, &a, "GET", target, "Accept-Encoding: gzip\r\n", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.size, FILE_SIZE);
    assert_memory_equal(a.body.data, content, FILE_SIZE);
    snprintf(want, sizeof want, "\"sha256-%s\"", sha256);
    assert_string_equal(answer_header(&a, "ETag", text, sizeof text), want);
    hex_decode(sha256, digest, sizeof digest);
    base64_encode(digest, sizeof digest, base64, sizeof base64);
    snprintf(want, sizeof want, "sha-256=:%s:", base64);
    assert_string_equal(answer_header(&a, "Repr-Digest", text, sizeof text), want);
    assert_string_equal(answer_header(&a, "Accept-Ranges", text, sizeof text), "bytes");
    assert_string_equal(answer_header(&a, "Content-Encoding", text, sizeof text), "");
    talk(&server, &a, "HEAD", target, NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(atoi(answer_header(&a, "Content-Length", text, sizeof text)), FILE_SIZE);
    assert_int_equal(a.body.size, 0);
    answer_close(&a);
}

static void pieces_make_the_whole(void **state)
{
    (void)state;
    struct answer a = {0};
    struct bytes all;
    char headers[128], text[64], want[64];
    bytes_init(&all, FILE_SIZE);
    for (size_t at = 0; at < FILE_SIZE; at += 70001) {
        size_t last = at + 70000 < FILE_SIZE ? at + 70000 : FILE_SIZE - 1;
        snprintf(headers, sizeof headers, "Range: bytes=%zu-%zu\r\n", at, at + 70000);
        talk(&server, &a, "GET", target, headers, NULL);
        assert_int_equal(a.status, 206);
        snprintf(want, sizeof want, "bytes %zu-%zu/%d", at, last, FILE_SIZE);
        assert_string_equal(answer_header(&a, "Content-Range", text, sizeof text), want);
        assert_true(answer_header(&a, "Repr-Digest", text, sizeof text)[0] != 0);
        assert_int_equal(bytes_add(&all, a.body.data, a.body.size, NULL), 0);
    }
    assert_int_equal(all.size, FILE_SIZE);
    assert_memory_equal(all.data, content, FILE_SIZE);
    bytes_close(&all);
    answer_close(&a);
}

static void ranges_and_conditions(void **state)
{
    (void)state;
    struct answer a = {0};
    char headers[256], text[64];
    talk(&server, &a, "GET", target, "Range: bytes=300000-\r\n", NULL);
    assert_int_equal(a.status, 416);
    assert_string_equal(answer_header(&a, "Content-Range", text, sizeof text), "bytes */300000");
    assert_string_equal(answer_text(&a, "type"), "/problems/range");
    talk(&server, &a, "GET", target, "Range: bytes=0-1,4-5\r\n", NULL);
    assert_int_equal(a.status, 200);
    talk(&server, &a, "GET", target, "Range: bytes=-5\r\n", NULL);
    assert_int_equal(a.status, 206);
    assert_memory_equal(a.body.data, content + FILE_SIZE - 5, 5);
    snprintf(headers, sizeof headers, "Range: bytes=0-4\r\nIf-Range: \"sha256-%s\"\r\n", sha256);
    talk(&server, &a, "GET", target, headers, NULL);
    assert_int_equal(a.status, 206);
    talk(&server, &a, "GET", target, "Range: bytes=0-4\r\nIf-Range: \"sha256-00\"\r\n", NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.size, FILE_SIZE);
    snprintf(headers, sizeof headers, "Range: bytes=0-4\r\nIf-None-Match: W/\"x\", \"sha256-%s\"\r\n", sha256);
    talk(&server, &a, "GET", target, headers, NULL);
    assert_int_equal(a.status, 304);
    answer_close(&a);
}

static void a_damaged_or_missing_file_is_not_served(void **state)
{
    (void)state;
    struct answer a = {0};
    test_write_file(file_path, content, FILE_SIZE - 1);
    talk(&server, &a, "GET", target, NULL, NULL);
    assert_int_equal(a.status, 500);
    assert_non_null(strstr(answer_text(&a, "detail"), "damaged"));
    unlink(file_path);
    talk(&server, &a, "GET", target, NULL, NULL);
    assert_int_equal(a.status, 404);
    talk(&server, &a, "GET", "/v1/checkpoints/ckpt_00000000000000000000000000/file", NULL, NULL);
    assert_int_equal(a.status, 404);
    answer_close(&a);
}

/* A delta is listed as such, and is no file to download: what a client gets can be loaded. */
static void a_delta_is_no_download(void **state)
{
    (void)state;
    struct answer a = {0};
    struct error err = {0};
    struct job row = {0};
    char path[160];
    assert_ok(store_job_get(server.store, job, &row, &err), &err);
    struct event event = {.seq = 1001, .attempt = 1, .step = 778, .utc_ms = 1767323045678, .type = EVENT_CHECKPOINT};
    event.body = json_pack("{s:i, s:i, s:s, s:s, s:i, s:s, s:s, s:i, s:b, s:b}", "seq", 1001, "attempt", 1, "t", "2026-01-02T03:04:05.678Z", "type",
                           "checkpoint", "step", 778, "path", "checkpoints/000000000778.delta.safetensors", "sha256", sha256, "size_bytes", FILE_SIZE,
                           "best", 0, "delta", 1);
    assert_ok(store_events_add(server.store, job, &event, 1, row.tail_offset, &err), &err);
    event_close(&event);
    job_close(&row);
    snprintf(path, sizeof path, "/v1/jobs/%s/checkpoints", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    json_t *items = json_object_get(a.json, "items"), *last = json_array_get(items, json_array_size(items) - 1);
    assert_true(json_is_true(json_object_get(last, "delta")) && json_is_null(json_object_get(last, "file")));
    assert_true(json_is_false(json_object_get(json_array_get(items, 0), "delta")));
    snprintf(path, sizeof path, "/v1/checkpoints/%s/file", json_string_value(json_object_get(last, "id")));
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_int_equal(a.status, 409);
    assert_non_null(strstr(answer_text(&a, "detail"), "(step 778) is a delta"));
    answer_close(&a);
}

static void records(void **state)
{
    (void)state;
    struct answer a = {0};
    char path[160];
    snprintf(path, sizeof path, "/v1/checkpoints/%s", checkpoint);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(answer_text(&a, "sha256"), sha256);
    assert_string_equal(answer_text(&a, "file"), target);
    snprintf(path, sizeof path, "/v1/jobs/%s/checkpoints", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_int_equal(json_array_size(json_object_get(a.json, "items")), 2);
    snprintf(path, sizeof path, "/v1/jobs/%s/attempts", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    json_t *attempt = json_array_get(json_object_get(a.json, "items"), 0);
    assert_int_equal(json_integer_value(json_object_get(attempt, "launch")), 1);
    assert_int_equal(json_integer_value(json_object_get(attempt, "exit_code")), 0);
    snprintf(path, sizeof path, "/v1/jobs/%s/evaluation", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_close(json_number_value(json_object_get(json_object_get(a.json, "metrics"), "auc")), 0.75, 0, 0);
    snprintf(path, sizeof path, "/v1/jobs/%s/metrics?names=loss&points=10", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    json_t *series = json_array_get(json_object_get(a.json, "series"), 0);
    assert_string_equal(json_string_value(json_object_get(series, "name")), "loss");
    assert_close(json_number_value(json_object_get(json_array_get(json_object_get(series, "points"), 0), "value")), 0.5, 0, 0);
    answer_close(&a);
}

static void what_is_not_there_is_404(void **state)
{
    (void)state;
    static const char *const parts[] = {"", "/metrics", "/evaluation", "/checkpoints", "/attempts", "/logs", "/events"};
    struct answer a = {0};
    char path[160];
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        snprintf(path, sizeof path, "/v1/jobs/job_00000000000000000000000000%s", parts[i]);
        talk(&server, &a, "GET", path, NULL, NULL);
        if (a.status != 404) fail_msg("%s: %d", path, a.status);
    }
    answer_close(&a);
}

static void the_log_by_tail_and_by_offset(void **state)
{
    (void)state;
    struct answer a = {0};
    char path[160], text[64], log[PATH_SIZE], dir[PATH_SIZE];
    struct error err = {0};
    assert_ok(sched_run_path(server.sched, job, NULL, dir, &err), &err);
    assert_ok(path_join(log, dir, "run.log", &err), &err);
    test_write_file(log, "one\ntwo\nthree\ntor", 17);
    snprintf(path, sizeof path, "/v1/jobs/%s/logs?tail=2", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(bytes_text(&a.body), "three\n"));
    assert_null(strstr(bytes_text(&a.body), "one"));
    assert_string_equal(answer_header(&a, "Log-Size", text, sizeof text), "17");
    snprintf(path, sizeof path, "/v1/jobs/%s/logs?from=4", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_string_equal(bytes_text(&a.body), "two\nthree\n"); /* whole lines: the torn one comes with the next look */
    assert_string_equal(answer_header(&a, "Log-Offset", text, sizeof text), "4");
    snprintf(path, sizeof path, "/v1/jobs/%s/logs?from=1000", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(a.body.size, 0);
    snprintf(path, sizeof path, "/v1/jobs/%s/logs?from=1&tail=1", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_int_equal(a.status, 400);
    unlink(log);
    snprintf(path, sizeof path, "/v1/jobs/%s/logs", job);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_int_equal(a.status, 200);
    answer_close(&a);
}

static void validate_warm(struct answer *a, const char *parent, const char *rest)
{
    char body[512];
    snprintf(body, sizeof body,
             "{\"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}, \"warm_start\": {\"checkpoint\": "
             "\"%s\"%s}}",
             parent, rest);
    talk_json(&server, a, "POST", "/v1/jobs:validate", body);
}

static void at_the_parent(const struct answer *a, int status, const char *pointer, const char *part)
{
    const json_t *fault = json_array_get(json_object_get(a->json, "errors"), 0);
    assert_int_equal(a->status, status);
    assert_string_equal(json_string_value(json_object_get(fault, "pointer")), pointer);
    if (!strstr(json_string_value(json_object_get(fault, "detail")), part)) fail_msg("no \"%s\" in %s", part, bytes_text(&a->body));
}

static void a_job_begins_from_a_checkpoint(void **state)
{
    (void)state;
    struct answer a = {0};
    validate_warm(&a, checkpoint, ", \"freeze\": [\"linear\"]");
    assert_int_equal(a.status, 200);
    const json_t *warm = json_object_get(json_object_get(a.json, "spec"), "warm_start");
    assert_string_equal(json_string_value(json_object_get(warm, "checkpoint")), checkpoint);
    assert_string_equal(json_string_value(json_object_get(warm, "sha256")), sha256);
    validate_warm(&a, checkpoint, ", \"sha256\": \"00000000000000000000000000000000000000000000000000000000000000aa\"");
    at_the_parent(&a, 422, "/warm_start/sha256", sha256);
    validate_warm(&a, "ckpt_00000000000000000000000000", "");
    at_the_parent(&a, 404, "/warm_start/checkpoint", "no checkpoint ckpt_00000000000000000000000000");
    validate_warm(&a, "/etc/passwd", "");
    at_the_parent(&a, 422, "/warm_start/checkpoint", "passwd");
    validate_warm(&a, "http://127.0.0.1:9/a.safetensors", "");
    at_the_parent(&a, 422, "/warm_start/checkpoint", "must be the path of one file");
    unlink(file_path);
    validate_warm(&a, checkpoint, "");
    at_the_parent(&a, 409, "/warm_start/checkpoint", "is gone");
    answer_close(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
static const struct CMUnitTest tests[] = {
    TEST(the_whole_file),
    TEST(pieces_make_the_whole),
    TEST(ranges_and_conditions),
    TEST(a_damaged_or_missing_file_is_not_served),
    TEST(records),
    TEST(a_delta_is_no_download),
    TEST(what_is_not_there_is_404),
    TEST(the_log_by_tail_and_by_offset),
    TEST(a_job_begins_from_a_checkpoint),
};
TEST_MAIN(tests)

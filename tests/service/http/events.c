/* test: threads */
/* Event streams: every event once and in order, however often the connection is cut; heartbeats; ends; many followers; slow ones. */
#include "lib/server.h"

#include "base/mem.h"

#include <inttypes.h>
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
    server.config.heartbeat_ms = 300;
    server_up(&server);
    return 0;
}

static int down(void **state)
{
    (void)state;
    server_done(&server);
    return 0;
}

/* HTTP/1.0, so that the body comes without the frames of chunks. */
static int follow(const char *target, const char *headers)
{
    char text[4096];
    int fd = talk_open(&server);
    snprintf(text, sizeof text, "GET %s HTTP/1.0\r\nHost: localhost\r\n%s\r\n", target, headers);
    assert_true(talk_write(fd, text, strlen(text)));
    return fd;
}

static int follow_job(const char *id, const char *headers)
{
    char target[128];
    snprintf(target, sizeof target, "/v1/jobs/%s/events", id);
    return follow(target, headers);
}

enum { IDS_MAX = 4096 };
struct ids {
    int64_t list[IDS_MAX];
    size_t count;
};

/* The ids of whole events in what was seen; a torn last one does not count, as a client would not count it. */
static void take_ids(struct ids *ids, const struct bytes *seen)
{
    const char *text = bytes_text(seen), *at = text;
    while ((at = strstr(at, "\nid: "))) {
        if (!strstr(at, "\n\n")) break;
        assert_true(ids->count < IDS_MAX);
        ids->list[ids->count++] = atoll(at + 5);
        at += 5;
    }
}

static int add_id(void *context, const struct event_row *row)
{
    struct ids *ids = context;
    ids->list[ids->count++] = row->id;
    return 0;
}

static void stored_ids(struct ids *ids, const char *job)
{
    struct event_query query = {.jobs = job ? &job : NULL, .job_count = job ? 1 : 0, .limit = IDS_MAX};
    struct error err = {0};
    ids->count = 0;
    assert_ok(store_events(server.store, &query, add_id, ids, &err), &err);
}

static void assert_same_ids(const struct ids *got, const struct ids *want)
{
    for (size_t i = 0; i < got->count && i < want->count; i++)
        if (got->list[i] != want->list[i]) fail_msg("event %zu is %" PRId64 ", want %" PRId64, i, got->list[i], want->list[i]);
    assert_int_equal(got->count, want->count);
}

static void a_finished_job_replays_and_ends(void **state)
{
    (void)state;
    static struct ids got, want;
    struct bytes seen;
    char id[ID_SIZE];
    job_submit(&server, "ok", id);
    job_await(&server, id, "succeeded");
    bytes_init(&seen, 1 << 20);
    int fd = follow_job(id, "");
    assert_false(talk_until(fd, &seen, "never said", TALK_DEADLINE_MS)); /* to the end */
    const char *text = bytes_text(&seen);
    assert_non_null(strstr(text, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(text, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(text, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(text, "retry: 2000\n\n"));
    assert_non_null(strstr(text, "event: metric\n"));
    assert_non_null(strstr(text, "event: checkpoint\n"));
    assert_non_null(strstr(text, "event: evaluation\n"));
    const char *end = strstr(text, "event: end\ndata: {");
    assert_non_null(end);
    assert_non_null(strstr(end, "\"state\":\"succeeded\""));
    got.count = 0;
    take_ids(&got, &seen);
    stored_ids(&want, id);
    assert_same_ids(&got, &want);
    close(fd);
    bytes_close(&seen);
}

static void every_data_line_is_json_that_names_its_job(void **state)
{
    (void)state;
    struct bytes seen;
    char id[ID_SIZE];
    job_submit(&server, "ok", id);
    job_await(&server, id, "succeeded");
    bytes_init(&seen, 1 << 20);
    int fd = follow_job(id, "");
    talk_until(fd, &seen, "event: end", TALK_DEADLINE_MS);
    size_t lines = 0;
    for (char *at = (char *)(uintptr_t)bytes_text(&seen); (at = strstr(at, "\ndata: ")); lines++) {
        at += strlen("\ndata: ");
        json_t *data = json_read(at, strcspn(at, "\n"), "data", NULL);
        assert_non_null(data);
        assert_string_equal(json_string_value(json_object_get(data, "job")), id);
        json_decref(data);
    }
    assert_true(lines >= 7);
    close(fd);
    bytes_close(&seen);
}

/* Cut at random places and resumed by the last id seen, a stream loses nothing and repeats nothing. */
static void a_stream_that_is_cut_resumes_without_loss(void **state)
{
    (void)state;
    static struct ids got, want;
    char id[ID_SIZE], headers[64] = "";
    unsigned seed = 20261124;
    bool ended = false;
    got.count = 0;
    job_submit(&server, "flood", id); /* 300 metrics while we follow */
    for (int round = 0; !ended; round++) {
        struct bytes seen;
        assert_true(round < 2000);
        bytes_init(&seen, 4 << 20);
        int fd = follow_job(id, headers);
        int small = 600;
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
        char needle[32];
        seed = seed * 1103515245 + 12345;
        snprintf(needle, sizeof needle, "\"step\":%u,", 1 + (seed >> 16) % 300);
        talk_until(fd, &seen, needle, 20 + (seed >> 8) % 60);
        close(fd);
        take_ids(&got, &seen);
        ended = strstr(bytes_text(&seen), "event: end") || strstr(bytes_text(&seen), " 204 ");
        if (got.count) snprintf(headers, sizeof headers, "Last-Event-ID: %" PRId64 "\r\n", got.list[got.count - 1]);
        bytes_close(&seen);
    }
    stored_ids(&want, id);
    assert_true(want.count > 300);
    assert_same_ids(&got, &want);
}

static void after_in_the_query_does_the_same(void **state)
{
    (void)state;
    static struct ids all, got;
    struct bytes seen;
    char id[ID_SIZE], target[160];
    job_submit(&server, "ok", id);
    job_await(&server, id, "succeeded");
    stored_ids(&all, id);
    snprintf(target, sizeof target, "/v1/jobs/%s/events?after=%" PRId64, id, all.list[2]);
    bytes_init(&seen, 1 << 20);
    int fd = follow(target, "");
    talk_until(fd, &seen, "event: end", TALK_DEADLINE_MS);
    got.count = 0;
    take_ids(&got, &seen);
    assert_int_equal(got.count, all.count - 3);
    assert_int_equal(got.list[0], all.list[3]);
    close(fd);
    bytes_close(&seen);
}

static void who_comes_back_after_the_end_is_sent_away(void **state)
{
    (void)state;
    struct answer a = {0};
    char id[ID_SIZE], path[128], header[64];
    job_submit(&server, "ok", id);
    job_await(&server, id, "succeeded");
    snprintf(path, sizeof path, "/v1/jobs/%s/events", id);
    snprintf(header, sizeof header, "Last-Event-ID: %" PRId64 "\r\n", store_last_event(server.store));
    talk(&server, &a, "GET", path, header, NULL);
    assert_int_equal(a.status, 204);
    talk(&server, &a, "GET", path, "Last-Event-ID: 0\r\n", NULL); /* HTTP/1.1: chunks, which talk() takes apart */
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(bytes_text(&a.body), "event: end"));
    talk(&server, &a, "HEAD", path, NULL, NULL);
    assert_int_equal(a.status, 200);
    talk(&server, &a, "GET", path, "Last-Event-ID: rubbish\r\n", NULL);
    assert_int_equal(a.status, 400);
    talk(&server, &a, "GET", "/v1/jobs/job_00000000000000000000000000/events", NULL, NULL);
    assert_int_equal(a.status, 404);
    answer_close(&a);
}

static void silence_is_filled_with_heartbeats(void **state)
{
    (void)state;
    struct bytes seen;
    char id[ID_SIZE];
    job_submit(&server, "hold", id);
    job_await(&server, id, "running");
    bytes_init(&seen, 1 << 20);
    int fd = follow_job(id, "");
    assert_true(talk_until(fd, &seen, ": hb\n\n: hb\n\n", TALK_DEADLINE_MS));
    job_go(&server, id);
    assert_true(talk_until(fd, &seen, "event: end", TALK_DEADLINE_MS));
    close(fd);
    bytes_close(&seen);
}

static void one_connection_follows_several_jobs(void **state)
{
    (void)state;
    struct answer a = {0};
    struct bytes some, all;
    char ids[3][ID_SIZE], target[512], end[256];
    static struct ids got, want;
    int everything = follow("/v1/events", "");
    for (int i = 0; i < 3; i++) job_submit(&server, "ok", ids[i]);
    snprintf(target, sizeof target, "/v1/events?jobs=%s,%s", ids[0], ids[2]);
    bytes_init(&some, 1 << 20), bytes_init(&all, 1 << 20);
    int fd = follow(target, "");
    assert_false(talk_until(fd, &some, "never said", TALK_DEADLINE_MS)); /* it ends when both have */
    for (int i = 0; i < 3; i++) {
        snprintf(end, sizeof end, "event: end\ndata: {\"job\":\"%s\"", ids[i]);
        assert_int_equal(strstr(bytes_text(&some), end) != NULL, i != 1);
        job_await(&server, ids[i], "succeeded");
    }
    assert_null(strstr(bytes_text(&some), ids[1]));
    stored_ids(&want, NULL);
    snprintf(end, sizeof end, "\nid: %" PRId64 "\n", want.list[want.count - 1]);
    assert_true(talk_until(everything, &all, end, TALK_DEADLINE_MS));
    assert_true(talk_until(everything, &all, ": hb", TALK_DEADLINE_MS)); /* and the rest of that event */
    got.count = 0;
    take_ids(&got, &all);
    assert_same_ids(&got, &want);
    talk(&server, &a, "GET", "/v1/events?jobs=", NULL, NULL);
    assert_int_equal(a.status, 400);
    talk(&server, &a, "GET", "/v1/events?jobs=job_00000000000000000000000000", NULL, NULL);
    assert_int_equal(a.status, 404);
    close(fd), close(everything);
    bytes_close(&some), bytes_close(&all);
    answer_close(&a);
}

static void many_followers_are_told_and_noticed_when_gone(void **state)
{
    (void)state;
    enum { FOLLOWERS = 200 };
    static int fds[FOLLOWERS];
    char id[ID_SIZE];
    struct answer a = {0};
    job_submit(&server, "hold", id);
    job_await(&server, id, "running");
    for (int i = 0; i < FOLLOWERS; i++) fds[i] = follow_job(id, "");
    for (int i = 0; i < FOLLOWERS; i++) {
        struct bytes seen;
        bytes_init(&seen, 1 << 20);
        assert_true(talk_until(fds[i], &seen, "running", TALK_DEADLINE_MS));
        bytes_close(&seen);
    }
    for (int i = 0; i < FOLLOWERS; i += 2) close(fds[i]); /* half of them vanish without a word */
    int64_t until = world_mono_ms(&world_real) + TALK_DEADLINE_MS;
    for (;;) {
        talk(&server, &a, "GET", "/metrics", NULL, NULL);
        if (strstr(bytes_text(&a.body), "\ntrainyard_sse_clients 100\n")) break;
        if (world_mono_ms(&world_real) > until) fail_msg("vanished clients were not noticed: %s", strstr(bytes_text(&a.body), "\ntrainyard_sse"));
        poll(NULL, 0, 20);
    }
    job_go(&server, id);
    for (int i = 1; i < FOLLOWERS; i += 2) {
        struct bytes seen;
        bytes_init(&seen, 1 << 20);
        assert_true(talk_until(fds[i], &seen, "event: end", TALK_DEADLINE_MS));
        close(fds[i]);
        bytes_close(&seen);
    }
    answer_close(&a);
}

static void stopping_ends_streams_and_they_resume(void **state)
{
    (void)state;
    static struct ids got, want;
    struct bytes seen;
    char id[ID_SIZE], header[64];
    job_submit(&server, "hold", id);
    job_await(&server, id, "running");
    bytes_init(&seen, 1 << 20);
    int fd = follow_job(id, "");
    assert_true(talk_until(fd, &seen, ": hb", TALK_DEADLINE_MS));
    server_down(&server);
    assert_false(talk_until(fd, &seen, "event: end", TALK_DEADLINE_MS)); /* ended, but not by an end */
    close(fd);
    got.count = 0;
    take_ids(&got, &seen);
    server_up(&server);
    job_go(&server, id);
    snprintf(header, sizeof header, "Last-Event-ID: %" PRId64 "\r\n", got.list[got.count - 1]);
    bytes_close(&seen);
    bytes_init(&seen, 1 << 20);
    fd = follow_job(id, header);
    assert_true(talk_until(fd, &seen, "event: end", TALK_DEADLINE_MS));
    take_ids(&got, &seen);
    stored_ids(&want, id);
    assert_same_ids(&got, &want);
    close(fd);
    bytes_close(&seen);
}

/* More than the kernel's socket buffers hold: long log lines, put into the store as if a run had written them. */
static void add_long_events(const char *id, size_t count, size_t size)
{
    static struct event events[64];
    struct error err = {0};
    struct job job = {0};
    char *text = mem_zero(size + 1, &err);
    assert_non_null(text);
    assert_true(count <= 64);
    memset(text, 'x', size);
    assert_ok(store_job_get(server.store, id, &job, &err), &err);
    for (size_t i = 0; i < count; i++) {
        json_t *body = json_pack("{s:i, s:i, s:s, s:s, s:i, s:s, s:s}", "seq", (int)(1000 + i), "attempt", 1, "t", "2026-01-02T03:04:05.678Z", "type",
                                 "log", "step", 0, "level", "info", "message", text);
        events[i] = (struct event){.seq = 1000 + i, .attempt = 1, .utc_ms = 1767323045678, .type = EVENT_LOG, .body = body};
    }
    assert_ok(store_events_add(server.store, id, events, count, job.tail_offset, &err), &err);
    for (size_t i = 0; i < count; i++) event_close(&events[i]);
    job_close(&job);
    mem_free(text);
}

/* A client that stops reading is cut after write_timeout_ms; until then it costs one batch of memory. */
static void a_client_that_reads_nothing_is_cut(void **state)
{
    (void)state;
    char id[ID_SIZE];
    int small = 1;
    struct answer a = {0};
    server_down(&server);
    server.config.write_timeout_ms = 1000;
    server_up(&server);
    job_submit(&server, "ok", id);
    job_await(&server, id, "succeeded");
    add_long_events(id, 64, 500000);
    int fd = talk_open(&server);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    static const char text[] = "GET /v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_true(talk_write(fd, text, strlen(text)));
    int64_t until = world_mono_ms(&world_real) + TALK_DEADLINE_MS;
    bool seen = false;
    for (;;) {
        talk(&server, &a, "GET", "/metrics", NULL, NULL);
        bool there = strstr(bytes_text(&a.body), "\ntrainyard_sse_clients 1\n") != NULL;
        if (seen && !there) break;
        seen = seen || there;
        if (world_mono_ms(&world_real) > until) fail_msg("the client that reads nothing is still there (seen: %d)", seen);
        poll(NULL, 0, 20);
    }
    close(fd);
    answer_close(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
static const struct CMUnitTest tests[] = {
    TEST(a_finished_job_replays_and_ends),     TEST(every_data_line_is_json_that_names_its_job),    TEST(a_stream_that_is_cut_resumes_without_loss),
    TEST(after_in_the_query_does_the_same),    TEST(who_comes_back_after_the_end_is_sent_away),     TEST(silence_is_filled_with_heartbeats),
    TEST(one_connection_follows_several_jobs), TEST(many_followers_are_told_and_noticed_when_gone), TEST(stopping_ends_streams_and_they_resume),
    TEST(a_client_that_reads_nothing_is_cut),
};
TEST_MAIN(tests)

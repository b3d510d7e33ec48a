/* test: threads */
/* Jobs over HTTP: submit, list, read, act, delete; faults; idempotency; long polls. */
#include "lib/server.h"

#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

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

static void job_from_submit_to_delete(void **state)
{
    (void)state;
    struct answer a = {0};
    char id[ID_SIZE], path[128], text[256];
    snprintf(text, sizeof text, job_body, "ok");
    talk_json(&server, &a, "POST", "/v1/jobs", text);
    assert_int_equal(a.status, 201);
    snprintf(id, sizeof id, "%s", answer_text(&a, "id"));
    snprintf(path, sizeof path, "/v1/jobs/%s", id);
    assert_string_equal(answer_header(&a, "Location", text, sizeof text), path);
    assert_string_equal(answer_text(&a, "name"), "ok");
    assert_string_equal(json_string_value(json_object_get(json_object_get(json_object_get(a.json, "spec"), "model"), "kind")), "lr");
    assert_string_equal(answer_header(&a, "Cache-Control", text, sizeof text), "no-store");

    talk(&server, &a, "GET", path, "Prefer: wait=20\r\n", NULL);
    assert_int_equal(a.status, 200);
    assert_string_equal(answer_text(&a, "state"), "succeeded");
    assert_string_equal(answer_header(&a, "Preference-Applied", text, sizeof text), "wait=20");
    assert_close(json_number_value(json_object_get(json_object_get(a.json, "evaluated"), "auc")), 0.75, 0, 0);
    answer_header(&a, "ETag", text, sizeof text);
    assert_true(!strncmp(text, "W/\"", 3));
    char condition[300];
    snprintf(condition, sizeof condition, "If-None-Match: %s\r\n", text);
    talk(&server, &a, "GET", path, condition, NULL);
    assert_int_equal(a.status, 304);
    assert_int_equal(a.body.size, 0);

    talk(&server, &a, "DELETE", path, NULL, NULL);
    assert_int_equal(a.status, 204);
    talk(&server, &a, "GET", path, NULL, NULL);
    assert_int_equal(a.status, 404);
    answer_close(&a);
}

/* ---- faults ---- */

static const char *fault_detail(const struct answer *a, const char *pointer)
{
    size_t i;
    json_t *fault;
    json_array_foreach (json_object_get(a->json, "errors"), i, fault) {
        if (!strcmp(json_string_value(json_object_get(fault, "pointer")), pointer)) return json_string_value(json_object_get(fault, "detail"));
    }
    fail_msg("no fault at %s in %s", pointer, bytes_text(&a->body));
    return NULL;
}

static void all_faults_come_at_once(void **state)
{
    (void)state;
    static const char *const paths[] = {"/v1/jobs", "/v1/jobs:validate"};
    static const char body[] = "{\"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lrr\"}, "
                               "\"optimizer\": {\"kind\": \"sgd\", \"lr\": -1}, \"trian\": {}}";
    struct answer a = {0};
    char type[64];
    for (size_t i = 0; i < 2; i++) {
        talk_json(&server, &a, "POST", paths[i], body);
        assert_int_equal(a.status, 422);
        assert_string_equal(answer_header(&a, "Content-Type", type, sizeof type), "application/problem+json");
        assert_string_equal(answer_text(&a, "type"), "/problems/invalid");
        assert_int_equal(json_integer_value(json_object_get(a.json, "status")), 422);
        assert_non_null(strstr(fault_detail(&a, "/optimizer/lr"), "-1"));
        assert_non_null(strstr(fault_detail(&a, "/model/kind"), "lr"));
        assert_non_null(strstr(fault_detail(&a, "/trian"), "train"));
    }
    talk(&server, &a, "GET", "/v1/jobs", NULL, NULL);
    assert_int_equal(json_array_size(json_object_get(a.json, "items")), 0);
    answer_close(&a);
}

static void validate_fills_in_defaults_and_keeps_nothing(void **state)
{
    (void)state;
    struct answer a = {0};
    char body[512];
    snprintf(body, sizeof body, job_body, "x");
    talk_json(&server, &a, "POST", "/v1/jobs:validate", body);
    assert_int_equal(a.status, 200);
    assert_true(json_is_true(json_object_get(a.json, "valid")));
    assert_non_null(json_object_get(json_object_get(json_object_get(a.json, "spec"), "optimizer"), "kind"));
    talk(&server, &a, "GET", "/v1/jobs", NULL, NULL);
    assert_int_equal(json_array_size(json_object_get(a.json, "items")), 0);
    answer_close(&a);
}

/* ---- lists ---- */

static void list_in_pages_while_jobs_come(void **state)
{
    (void)state;
    struct answer a = {0};
    char ids[3][ID_SIZE], id[ID_SIZE], target[1024], link[1024];
    for (int i = 0; i < 3; i++) job_submit(&server, "ok", ids[i]), job_await(&server, ids[i], "succeeded");
    talk(&server, &a, "GET", "/v1/jobs?limit=2", NULL, NULL);
    assert_int_equal(a.status, 200);
    json_t *items = json_object_get(a.json, "items");
    assert_int_equal(json_array_size(items), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "id")), ids[2]);
    assert_null(json_object_get(json_array_get(items, 0), "spec"));
    assert_non_null(strstr(answer_header(&a, "Link", link, sizeof link), "rel=\"next\""));
    snprintf(target, sizeof target, "/v1/jobs?limit=2&page_token=%s", answer_text(&a, "next_page_token"));
    job_submit(&server, "ok", id);
    talk(&server, &a, "GET", target, NULL, NULL);
    items = json_object_get(a.json, "items");
    assert_int_equal(json_array_size(items), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(items, 0), "id")), ids[0]);
    assert_string_equal(answer_text(&a, "next_page_token"), "");
    talk(&server, &a, "GET", "/v1/jobs?filter=state%20%3D%20running%20AND%20name+~+zzz", NULL, NULL);
    assert_int_equal(a.status, 200);
    assert_int_equal(json_array_size(json_object_get(a.json, "items")), 0);
    answer_close(&a);
}

static void list_refuses_what_it_does_not_know(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int status;
        const char *part;
    } cases[] = {
        {"/v1/jobs?limit=0", 422, "between 1 and 1000"},     {"/v1/jobs?limit=1001", 422, "1001"},
        {"/v1/jobs?limit=ten", 400, "whole number"},         {"/v1/jobs?limt=3", 400, "did you mean \"limit\""},
        {"/v1/jobs?limit=1&limit=2", 400, "twice"},          {"/v1/jobs?page_token=rubbish", 422, "page"},
        {"/v1/jobs?filter=colour%20=%20red", 422, "colour"}, {"/v1/jobs?order_by=colour", 422, "colour"},
    };
    struct answer a = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        talk(&server, &a, "GET", cases[i].target, NULL, NULL);
        if (a.status != cases[i].status) fail_msg("%s: %d, want %d", cases[i].target, a.status, cases[i].status);
        if (!strstr(answer_text(&a, "detail"), cases[i].part)) fail_msg("%s: %s", cases[i].target, bytes_text(&a.body));
    }
    answer_close(&a);
}

/* ---- wishes ---- */

static void act(struct answer *a, const char *id, const char *action)
{
    char path[128];
    snprintf(path, sizeof path, "/v1/jobs/%s/%s", id, action);
    talk(&server, a, "POST", path, NULL, NULL);
}

static void pause_resume_cancel(void **state)
{
    (void)state;
    struct answer a = {0};
    char id[ID_SIZE], path[128];
    job_submit(&server, "hold", id);
    job_await(&server, id, "running");
    act(&a, id, "pause");
    assert_int_equal(a.status, 202);
    assert_string_equal(answer_text(&a, "state"), "stopping");
    job_await(&server, id, "paused");
    act(&a, id, "resume");
    assert_int_equal(a.status, 202);
    assert_string_equal(answer_text(&a, "state"), "queued");
    job_await(&server, id, "running");
    snprintf(path, sizeof path, "/v1/jobs/%s", id);
    talk(&server, &a, "DELETE", path, NULL, NULL);
    assert_int_equal(a.status, 409);
    act(&a, id, "cancel");
    assert_int_equal(a.status, 202);
    job_await(&server, id, "cancelled");
    act(&a, id, "resume");
    assert_int_equal(a.status, 409);
    assert_non_null(strstr(answer_text(&a, "detail"), "cancelled"));
    act(&a, "job_00000000000000000000000000", "cancel");
    assert_int_equal(a.status, 404);
    snprintf(path, sizeof path, "/v1/jobs/%s/cancel", id);
    talk_json(&server, &a, "POST", path, "{}");
    assert_int_equal(a.status, 400);
    answer_close(&a);
}

static void a_waiting_job_says_why(void **state)
{
    (void)state;
    struct answer a = {0};
    char ids[3][ID_SIZE], path[128];
    for (int i = 0; i < 3; i++) job_submit(&server, "hold", ids[i]); /* two slots */
    job_await(&server, ids[0], "running");
    job_await(&server, ids[1], "running");
    snprintf(path, sizeof path, "/v1/jobs/%s", ids[2]);
    talk(&server, &a, "GET", path, NULL, NULL);
    json_t *wait = json_object_get(a.json, "wait");
    assert_string_equal(json_string_value(json_object_get(wait, "reason")), "slots");
    talk(&server, &a, "GET", "/v1/jobs", NULL, NULL);
    wait = json_object_get(json_array_get(json_object_get(a.json, "items"), 0), "wait");
    assert_string_equal(json_string_value(json_object_get(wait, "reason")), "slots");
    answer_close(&a);
}

/* ---- idempotency ---- */

enum { EQUAL_POSTS = 20 };

struct post {
    pthread_t thread;
    struct answer answer;
    const char *text;
    int port, status;
};

static void *post_run(void *context)
{
    struct post *p = context;
    p->status = talk_try(p->port, &p->answer, p->text, strlen(p->text));
    return NULL;
}

static void equal_posts_make_one_job(void **state)
{
    (void)state;
    static struct post posts[EQUAL_POSTS];
    char body[512], text[1024], replayed[16];
    int made = 0;
    snprintf(body, sizeof body, job_body, "ok");
    snprintf(text, sizeof text,
             "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nIdempotency-Key: night-7\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    memset(posts, 0, sizeof posts);
    for (int i = 0; i < EQUAL_POSTS; i++) {
        posts[i].text = text, posts[i].port = server.port;
        assert_int_equal(pthread_create(&posts[i].thread, NULL, post_run, &posts[i]), 0);
    }
    for (int i = 0; i < EQUAL_POSTS; i++) pthread_join(posts[i].thread, NULL);
    for (int i = 0; i < EQUAL_POSTS; i++) {
        assert_int_equal(posts[i].status, 201);
        assert_string_equal(answer_text(&posts[i].answer, "id"), answer_text(&posts[0].answer, "id"));
        made += answer_header(&posts[i].answer, "Idempotency-Replayed", replayed, sizeof replayed)[0] == 0;
    }
    assert_int_equal(made, 1);
    for (int i = 0; i < EQUAL_POSTS; i++) answer_close(&posts[i].answer);

    struct answer a = {0};
    talk(&server, &a, "GET", "/v1/jobs", NULL, NULL);
    assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
    snprintf(body, sizeof body, job_body, "other");
    talk(&server, &a, "POST", "/v1/jobs", "Content-Type: application/json\r\nIdempotency-Key: night-7\r\n", body);
    assert_int_equal(a.status, 409);
    assert_string_equal(answer_text(&a, "type"), "/problems/conflict");
    answer_close(&a);
}

static void a_key_must_be_a_key(void **state)
{
    (void)state;
    struct answer a = {0};
    char body[512], headers[512], key[300];
    snprintf(body, sizeof body, job_body, "ok");
    memset(key, 'k', sizeof key);
    key[256] = 0;
    snprintf(headers, sizeof headers, "Content-Type: application/json\r\nIdempotency-Key: %s\r\n", key);
    talk(&server, &a, "POST", "/v1/jobs", headers, body);
    assert_int_equal(a.status, 400);
    talk(&server, &a, "POST", "/v1/jobs", "Content-Type: application/json\r\nIdempotency-Key: a b\r\n", body);
    assert_int_equal(a.status, 400);
    answer_close(&a);
}

/* ---- long polls ---- */

static void submit_waits_until_time_is_up(void **state)
{
    (void)state;
    struct answer a = {0};
    char body[512];
    snprintf(body, sizeof body, job_body, "hold");
    int64_t begun = world_mono_ms(&world_real);
    talk(&server, &a, "POST", "/v1/jobs", "Content-Type: application/json\r\nPrefer: respond-async, wait=1\r\n", body);
    int64_t took = world_mono_ms(&world_real) - begun;
    assert_int_equal(a.status, 201);
    assert_true(took >= 990);
    assert_string_not_equal(answer_text(&a, "state"), "succeeded");
    talk(&server, &a, "GET", "/v1/jobs", NULL, NULL); /* the handler ran again and again, the job was made once */
    assert_int_equal(json_array_size(json_object_get(a.json, "items")), 1);
    answer_close(&a);
}

static void many_wait_and_all_are_told(void **state)
{
    (void)state;
    enum { WAITERS = 40 };
    struct answer a = {0};
    char id[ID_SIZE], text[256];
    int fds[WAITERS];
    job_submit(&server, "hold", id);
    job_await(&server, id, "running");
    snprintf(text, sizeof text, "GET /v1/jobs/%s HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=60\r\n\r\n", id);
    for (int i = 0; i < WAITERS; i++) {
        fds[i] = talk_open(&server);
        assert_true(talk_write(fds[i], text, strlen(text)));
    }
    struct pollfd p = {.fd = fds[0], .events = POLLIN};
    assert_int_equal(poll(&p, 1, 100), 0);
    talk(&server, &a, "GET", "/healthz", NULL, NULL); /* those who wait hold nobody up */
    assert_int_equal(a.status, 200);
    job_go(&server, id);
    for (int i = 0; i < WAITERS; i++) {
        assert_int_equal(talk_read(fds[i], &a, false, TALK_DEADLINE_MS), 200);
        assert_string_equal(answer_text(&a, "state"), "succeeded");
        close(fds[i]);
    }
    answer_close(&a);
}

static void stopping_answers_who_waits(void **state)
{
    (void)state;
    struct answer a = {0};
    char id[ID_SIZE], text[256];
    job_submit(&server, "hold", id);
    job_await(&server, id, "running");
    snprintf(text, sizeof text, "GET /v1/jobs/%s HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=60\r\n\r\n", id);
    int fd = talk_open(&server);
    assert_true(talk_write(fd, text, strlen(text)));
    struct pollfd p = {.fd = fd, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 100), 0);
    server_down(&server);
    assert_int_equal(talk_read(fd, &a, false, TALK_DEADLINE_MS), 200);
    assert_string_equal(answer_text(&a, "state"), "running");
    close(fd);
    server_up(&server);
    job_await(&server, id, "running"); /* the run was not interrupted */
    answer_close(&a);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, up, down)
static const struct CMUnitTest tests[] = {
    TEST(job_from_submit_to_delete),
    TEST(all_faults_come_at_once),
    TEST(validate_fills_in_defaults_and_keeps_nothing),
    TEST(list_in_pages_while_jobs_come),
    TEST(list_refuses_what_it_does_not_know),
    TEST(pause_resume_cancel),
    TEST(a_waiting_job_says_why),
    TEST(equal_posts_make_one_job),
    TEST(a_key_must_be_a_key),
    TEST(submit_waits_until_time_is_up),
    TEST(many_wait_and_all_are_told),
    TEST(stopping_answers_who_waits),
};
TEST_MAIN(tests)

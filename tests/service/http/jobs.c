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

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(job_from_submit_to_delete, up, down),
};
TEST_MAIN(tests)

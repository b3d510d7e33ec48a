/* The client commands as CI and people use them: the real binary as a child, against a whole service in this process whose runs only
 * pretend to train (tests/lib/server.h). Each exit code of submit is produced by a job that ends that way. */
/* test: threads */
#include "lib/child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "lib/server.h"

static struct server server;
static char url[64], listen_at[64], url_env[96];
static const char *env[4];

/* The service keeps its port over restarts, so that clients find it again. */
static void up(const char *token)
{
    server_prepare(&server);
    server.config.token = token;
    server_up(&server);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", server.port);
    snprintf(listen_at, sizeof listen_at, "127.0.0.1:%d", server.port);
    snprintf(url_env, sizeof url_env, "TRAINYARD_SERVER=%s", url);
    server.config.listen = listen_at;
    env[0] = url_env;
    env[1] = NULL;
}

#define START(c, ...) child_start((c), &(struct child_options){.env = env}, (const char *const[]){__VA_ARGS__, NULL})
#define CALL(c, ...) child_run((c), &(struct child_options){.env = env}, (const char *const[]){__VA_ARGS__, NULL})

static const char *spec(const char *name, char path[PATH_SIZE])
{
    char text[512];
    snprintf(path, PATH_SIZE, "%.4000s/%.60s.json", server.place.dir, name);
    snprintf(text, sizeof text, job_body, name);
    test_write_file(path, text, strlen(text));
    return path;
}

/* The id is the first line of standard output. */
static void id_of(struct child *c, char id[ID_SIZE])
{
    child_until(c, false, "\n");
    snprintf(id, ID_SIZE, "%.*s", (int)strcspn(c->out, "\n"), c->out);
    assert_true(id_valid(id, "job_"));
}

static void test_outcomes(void **state)
{
    static const struct {
        const char *name;
        int code;
        const char *out, *err;
    } rows[] = {
        {"ok", 0, "0.750000", "succeeded"},
        {"crash-once", 0, "0.750000", "succeeded"},
        {"diverged", 1, "job_", "failed: diverged"},
        {"bad-data", 1, "job_", "line 17: 38 columns, want 40"},
    };
    struct child c;
    char path[PATH_SIZE];
    (void)state;
    up(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(CALL(&c, "submit", spec(rows[i].name, path), "--wait"), rows[i].code);
        assert_has(c.out, rows[i].out);
        assert_has(c.err, rows[i].err);
        child_close(&c);
    }
    assert_int_equal(CALL(&c, "submit", spec("ok", path), "--wait", "--json", "-q"), 0);
    assert_int_equal(c.out[0], '{'); /* one object and nothing else */
    assert_has(c.out, "\"state\": \"succeeded\"");
    assert_has(c.out, "\"auc\": 0.75");
    assert_string_equal(c.err, "");
    child_close(&c);
    server_done(&server);
}

static void test_bad_specs(void **state)
{
    static const char bad[] =
        "{\"name\": \"x\",\n \"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"},\n \"model\": {\"kind\": \"lrr\"},\n"
        " \"train\": {\"shards\": 0}}";
    struct child c;
    char path[PATH_SIZE];
    (void)state;
    up(NULL);
    snprintf(path, sizeof path, "%.4000s/bad.json", server.place.dir);
    test_write_file(path, bad, strlen(bad));
    assert_int_equal(CALL(&c, "submit", path, "--wait"), 2);
    assert_has(c.err, "bad.json:3: /model/kind");
    assert_has(c.err, "did you mean \"lr\"?");
    assert_has(c.err, "bad.json:4: /train/shards");
    assert_string_equal(c.out, "");
    child_close(&c);
    test_write_file(path, "{\n\"a\": }", 8);
    assert_int_equal(CALL(&c, "submit", path), 2);
    assert_has(c.err, "bad.json is not valid JSON: line 2");
    child_close(&c);
    assert_int_equal(CALL(&c, "submit", "/nowhere/x.json"), 2);
    child_close(&c);
    server_done(&server);
}

static void test_key(void **state)
{
    struct child first, second, other;
    char path[PATH_SIZE];
    (void)state;
    up(NULL);
    assert_int_equal(CALL(&first, "submit", spec("ok", path), "--key", "build-17"), 0);
    assert_int_equal(CALL(&second, "submit", path, "--key", "build-17"), 0);
    assert_string_equal(first.out, second.out);
    assert_int_equal(CALL(&other, "submit", spec("silent", path), "--key", "build-17"), 2);
    child_close(&other);
    assert_int_equal(CALL(&other, "submit", path, "--key", "a b"), 2);
    child_close(&first), child_close(&second), child_close(&other);
    server_done(&server);
}

static void test_unreachable_and_token(void **state)
{
    struct child c;
    char path[PATH_SIZE], token_path[PATH_SIZE];
    (void)state;
    up("open-sesame");
    spec("ok", path);
    assert_int_equal(CALL(&c, "submit", path), 6);
    assert_has(c.err, "wants a token (--token-file FILE or $TRAINYARD_TOKEN)");
    child_close(&c);
    env[1] = "TRAINYARD_TOKEN=wrong", env[2] = NULL;
    assert_int_equal(CALL(&c, "submit", path), 6);
    child_close(&c);
    assert_int_equal(CALL(&c, "jobs"), 77);
    child_close(&c);
    snprintf(token_path, sizeof token_path, "%.4000s/token", server.place.dir);
    test_write_file(token_path, "open-sesame\n", 12);
    assert_int_equal(CALL(&c, "submit", path, "--token-file", token_path), 0); /* the file goes before the environment */
    child_close(&c);
    test_write_file(token_path, "two words\n", 10);
    assert_int_equal(CALL(&c, "submit", path, "--token-file", token_path), 2);
    assert_has(c.err, "a token is one word");
    child_close(&c);
    env[1] = "TRAINYARD_TOKEN=open-sesame", env[2] = NULL;
    server_done(&server);
    assert_int_equal(CALL(&c, "submit", path), 6);
    assert_has(c.err, "is the server running there?");
    child_close(&c);
    assert_int_equal(CALL(&c, "jobs", "--server", "ftp://x"), 64);
    child_close(&c);
}

static void test_timeout_and_detach(void **state)
{
    struct child c;
    char path[PATH_SIZE], id[ID_SIZE];
    (void)state;
    up(NULL);
    spec("hold", path);
    assert_int_equal(CALL(&c, "submit", path, "--wait", "--timeout", "1"), 5);
    id_of(&c, id);
    assert_has(c.err, "waited long enough");
    assert_has(c.err, id);
    job_await(&server, id, "running"); /* it goes on */
    job_go(&server, id);
    child_close(&c);

    START(&c, "submit", path, "--wait");
    id_of(&c, id);
    child_until(&c, true, "running");
    child_signal(&c, SIGINT);
    assert_int_equal(child_wait(&c), 5);
    assert_has(c.err, "detached");
    job_go(&server, id);
    job_await(&server, id, "succeeded");
    child_close(&c);
    server_done(&server);
}

static void test_cancelled(void **state)
{
    struct child c, other;
    char path[PATH_SIZE], id[ID_SIZE];
    (void)state;
    up(NULL);
    spec("hold", path);
    START(&c, "submit", path, "--wait"); /* by somebody else */
    id_of(&c, id);
    child_until(&c, true, "running");
    assert_int_equal(CALL(&other, "cancel", id), 0);
    assert_has(other.out, id);
    assert_int_equal(child_wait(&c), 4);
    child_close(&other), child_close(&c);

    START(&c, "submit", path, "--wait", "--on-interrupt", "cancel"); /* by our own Ctrl-C */
    id_of(&c, id);
    child_until(&c, true, "running");
    child_signal(&c, SIGTERM);
    assert_int_equal(child_wait(&c), 4);
    job_await(&server, id, "cancelled");
    child_close(&c);
    server_done(&server);
}

/* Three restarts of the server under a waiting client and one that reads events: both come through, and each event came once, in order. */
static void test_restarts(void **state)
{
    struct child wait, events;
    char path[PATH_SIZE], id[ID_SIZE];
    (void)state;
    up(NULL);
    START(&wait, "submit", spec("hold", path), "--wait");
    id_of(&wait, id);
    START(&events, "events", "-f", "--json", id);
    child_until(&events, false, "\"running\"");
    child_until(&wait, true, "running");
    for (int i = 0; i < 3; i++) {
        server_down(&server);
        server_up(&server);
    }
    job_go(&server, id);
    assert_int_equal(child_wait(&wait), 0);
    assert_has(wait.out, "0.750000");
    assert_int_equal(child_wait(&events), 0);
    int64_t last_id = 0, last_seq = 0;
    for (char *save = NULL, *line = strtok_r(events.out, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct error err = {0};
        json_t *event = json_read(line, strlen(line), "an event", &err);
        assert_ok(event ? 0 : -1, &err);
        int64_t number = json_integer_value(json_object_get(event, "id")), seq = json_integer_value(json_object_get(event, "seq"));
        assert_true(number > last_id);
        last_id = number;
        if (seq > 0) assert_int_equal(seq, ++last_seq);
        json_decref(event);
    }
    assert_int_equal(last_seq, 5); /* starting, running, metric, evaluation, succeeded */
    child_close(&wait), child_close(&events);
    server_done(&server);
}

static void test_events_of_a_flood(void **state)
{
    struct child c;
    char path[PATH_SIZE], id[ID_SIZE];
    size_t lines = 0;
    (void)state;
    up(NULL);
    assert_int_equal(CALL(&c, "submit", spec("flood", path)), 0);
    id_of(&c, id);
    child_close(&c);
    assert_int_equal(CALL(&c, "events", "-f", "--json", id), 0);
    for (const char *at = c.out; (at = strstr(at, "\"type\": \"metric\"")); at++) lines++;
    assert_int_equal(lines, 300);
    child_close(&c);
    assert_int_equal(CALL(&c, "events", id), 0); /* the same for people, and without -f */
    assert_has(c.out, "step 300");
    assert_has(c.out, "succeeded");
    child_close(&c);
    server_done(&server);
}

static void test_logs(void **state)
{
    struct child c;
    char path[PATH_SIZE], id[ID_SIZE];
    (void)state;
    up(NULL);
    assert_int_equal(CALL(&c, "submit", spec("hold", path)), 0);
    id_of(&c, id);
    child_close(&c);
    job_await(&server, id, "running");
    START(&c, "logs", "-f", id);
    child_until(&c, false, "workers 1\n");
    server_down(&server); /* an outage in between repeats nothing */
    server_up(&server);
    job_go(&server, id);
    assert_int_equal(child_wait(&c), 0);
    assert_string_equal(c.out, "workers 1\n");
    child_close(&c);
    assert_int_equal(CALL(&c, "logs", id), 0);
    assert_string_equal(c.out, "workers 1\n");
    child_close(&c);
    assert_int_equal(CALL(&c, "logs", "job_00000000000000000000000000"), 66);
    child_close(&c);
    assert_int_equal(CALL(&c, "logs", "../../etc/passwd"), 66); /* one escaped segment of a path, whatever it holds */
    child_close(&c);
    server_done(&server);
}

static void test_looking(void **state)
{
    struct child c;
    char path[PATH_SIZE], id[ID_SIZE];
    (void)state;
    up(NULL);
    assert_int_equal(CALL(&c, "jobs"), 0);
    assert_has(c.err, "no jobs");
    child_close(&c);
    assert_int_equal(CALL(&c, "submit", spec("ok", path), "--wait"), 0);
    id_of(&c, id);
    child_close(&c);
    assert_int_equal(CALL(&c, "jobs"), 0);
    assert_has(c.out, id);
    assert_has(c.out, "succeeded");
    assert_has(c.out, "0.7500");
    child_close(&c);
    assert_int_equal(CALL(&c, "jobs", "--json", "--filter", "state = \"queued\""), 0);
    assert_has(c.out, "\"items\": []");
    child_close(&c);
    assert_int_equal(CALL(&c, "jobs", "--filter", "stat = queued"), 65);
    child_close(&c);
    assert_int_equal(CALL(&c, "job", id), 0);
    assert_has(c.out, "checkpoints");
    assert_has(c.out, "attempts");
    child_close(&c);
    assert_int_equal(CALL(&c, "job", id, "--json"), 0);
    assert_has(c.out, "\"spec\": {");
    child_close(&c);
    assert_int_equal(CALL(&c, "job", "job_nope"), 66);
    child_close(&c);
    assert_int_equal(CALL(&c, "cancel", id, "job_nope"), 75); /* the first refusal; the second was tried all the same */
    assert_has(c.err, "is succeeded");
    child_close(&c);
    server_done(&server);
}

static void test_pause_and_resume(void **state)
{
    struct child c;
    char path[PATH_SIZE], id[ID_SIZE];
    (void)state;
    up(NULL);
    assert_int_equal(CALL(&c, "submit", spec("hold", path)), 0);
    id_of(&c, id);
    child_close(&c);
    job_await(&server, id, "running");
    assert_int_equal(CALL(&c, "pause", id), 0);
    child_close(&c);
    job_await(&server, id, "paused");
    assert_int_equal(CALL(&c, "resume", id), 0);
    child_close(&c);
    job_await(&server, id, "running");
    job_go(&server, id);
    job_await(&server, id, "succeeded");
    server_done(&server);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_outcomes),
    cmocka_unit_test(test_bad_specs),
    cmocka_unit_test(test_key),
    cmocka_unit_test(test_unreachable_and_token),
    cmocka_unit_test(test_timeout_and_detach),
    cmocka_unit_test(test_cancelled),
    cmocka_unit_test(test_restarts),
    cmocka_unit_test(test_events_of_a_flood),
    cmocka_unit_test(test_logs),
    cmocka_unit_test(test_looking),
    cmocka_unit_test(test_pause_and_resume),
};
TEST_MAIN(tests)

/* The real service as a child: configuration and its faults, start and stop, one server a state folder, a real job on generated data,
 * and a server that is killed while a run and a waiting client go on. */
#include "lib/child.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "lib/web.h"

struct place { /* a folder with a state, data and a specification */
    char dir[PATH_SIZE], state[PATH_SIZE], data[PATH_SIZE], log[PATH_SIZE], spec[PATH_SIZE], cache_env[PATH_SIZE + 32], url[64], url_env[96];
    const char *env[3];
};

static void in(char out[PATH_SIZE], const char *dir, const char *name)
{
    struct error err = {0};
    assert_ok(path_join(out, dir, name, &err), &err);
}

static void prepare(struct place *p)
{
    struct error err = {0};
    test_dir(p->dir);
    in(p->state, p->dir, "state");
    in(p->data, p->dir, "data");
    in(p->log, p->data, "clicks.tsv");
    in(p->spec, p->dir, "job.json");
    snprintf(p->cache_env, sizeof p->cache_env, "TRAINYARD_CACHE=%.4000s/cache", p->dir);
    assert_ok(path_mkdirs(&world_real, p->data, &err), &err);
    p->env[0] = p->cache_env, p->env[1] = NULL, p->env[2] = NULL;
}

#define CALL(p, c, ...) child_run((c), &(struct child_options){.env = (p)->env}, (const char *const[]){__VA_ARGS__, NULL})
#define START(p, c, ...) child_start((c), &(struct child_options){.env = (p)->env}, (const char *const[]){__VA_ARGS__, NULL})

static void generate(struct place *p, const char *rows)
{
    struct child c;
    assert_int_equal(CALL(p, &c, "data", "gen", "--rows", rows, "--out", p->log, "-q"), 0);
    child_close(&c);
}

static void write_spec(struct place *p, const char *train)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"name\": \"real\", \"dataset\": {\"uri\": \"file:clicks.tsv\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": "
             "16},\n"
             " \"train\": %s}\n",
             train);
    test_write_file(p->spec, text, strlen(text));
}

/* The address is in the line that the server prints when it listens. */
static void serve_await(struct place *p, struct child *server)
{
    child_until(server, false, ", state in ");
    const char *at = strstr(server->out, "http://");
    snprintf(p->url, sizeof p->url, "%.*s", (int)strcspn(at, ","), at);
    snprintf(p->url_env, sizeof p->url_env, "TRAINYARD_SERVER=%s", p->url);
    p->env[1] = p->url_env;
}

static void serve_at(struct place *p, struct child *server, const char *listen)
{
    START(p, server, "serve", "--listen", listen, "--state", p->state, "--data-root", p->data, "--slots", "2");
    serve_await(p, server);
}

static void test_real_job(void **state)
{
    struct place p;
    struct child server, c, second;
    (void)state;
    prepare(&p);
    generate(&p, "4000");
    write_spec(&p, "{\"epochs\": 1}");
    serve_at(&p, &server, "127.0.0.1:0");
    assert_int_equal(CALL(&p, &c, "submit", p.spec, "--wait", "--json", "-q"), 0);
    assert_has(c.out, "\"state\": \"succeeded\"");
    assert_has(c.out, "\"logloss\"");
    child_close(&c);

    assert_int_equal(CALL(&p, &second, "serve", "--listen", "127.0.0.1:0", "--state", p.state), 75); /* one server a folder */
    assert_has(second.err, p.state);
    child_close(&second);
    char other_state[PATH_SIZE];
    in(other_state, p.dir, "other");
    assert_int_equal(CALL(&p, &second, "serve", "--listen", strstr(p.url, "127"), "--state", other_state), 75); /* the address is taken */
    child_close(&second);

    child_signal(&server, SIGTERM);
    assert_int_equal(child_wait(&server), 0);
    assert_has(server.err, "stopping");
    child_close(&server);

    serve_at(&p, &server, "127.0.0.1:0"); /* what was accepted is still there */
    assert_int_equal(CALL(&p, &c, "jobs"), 0);
    assert_has(c.out, "succeeded");
    child_close(&c);
    child_signal(&server, SIGINT);
    assert_int_equal(child_wait(&server), 0);
    child_close(&server);
}

/* Remote data: refused by a server that names none, trained on below a prefix that it names; nothing else of that host. */
static void test_remote_data(void **state)
{
    struct place p;
    struct child server, c;
    struct web web;
    char text[600], prefix[100];
    size_t size;
    (void)state;
    prepare(&p);
    generate(&p, "3000");
    char *log = test_read_file(p.log, &size);
    web_begin(&web);
    web_put(&web, "/pub/clicks.tsv", log, size, "\"v\"");
    web_put(&web, "/secret.tsv", log, size, "\"v\"");
    snprintf(prefix, sizeof prefix, "%s/pub/", web.url);
    for (int allowed = 0; allowed < 2; allowed++) {
        if (allowed) START(&p, &server, "serve", "--listen", "127.0.0.1:0", "--state", p.state, "--source", prefix);
        else START(&p, &server, "serve", "--listen", "127.0.0.1:0", "--state", p.state);
        serve_await(&p, &server);
        for (int outside = 0; outside < 2; outside++) {
            snprintf(text, sizeof text,
                     "{\"dataset\": {\"uri\": \"%s/%s\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 16}}", web.url,
                     outside ? "secret.tsv" : "pub/clicks.tsv");
            test_write_file(p.spec, text, strlen(text));
            CALL(&p, &c, "submit", p.spec, "--wait", "--json", "-q");
            if (allowed && !outside) assert_has(c.out, "\"state\": \"succeeded\"");
            else assert_has(c.err, "is not below the remote sources that this server reads (--source: ");
            if (!allowed) assert_has(c.err, "start the server with --source PREFIX");
            child_close(&c);
        }
        child_signal(&server, SIGTERM);
        assert_int_equal(child_wait(&server), 0);
        child_close(&server);
    }
    assert_false(web_heard(&web, "secret"));
    assert_int_equal(CALL(&p, &c, "serve", "--listen", "127.0.0.1:0", "--state", p.state, "--source", "data.example/x"), 64);
    assert_has(c.err, "for example s3://clicks/ or https://data.example/logs/");
    child_close(&c);
    web_end(&web);
    mem_free(log);
}

/* The client waits, the run trains; the server dies by SIGKILL and comes back: nobody else notices. */
static void test_killed_server(void **state)
{
    struct place p;
    struct child server, c;
    char listen_at[64];
    (void)state;
    prepare(&p);
    generate(&p, "20000");
    write_spec(&p, "{\"epochs\": 40}");
    serve_at(&p, &server, "127.0.0.1:0");
    START(&p, &c, "submit", p.spec, "--wait");
    child_until(&c, true, "running");
    child_close(&server); /* SIGKILL */
    snprintf(listen_at, sizeof listen_at, "%.40s", strstr(p.url, "127"));
    serve_at(&p, &server, listen_at);
    assert_int_equal(child_wait(&c), 0);
    assert_has(c.out, "auc");
    child_close(&c);
    assert_int_equal(CALL(&p, &c, "jobs", "--json"), 0);
    assert_has(c.out, "\"launches\": 1,"); /* the run was never started anew */
    child_close(&c);
    child_signal(&server, SIGTERM);
    assert_int_equal(child_wait(&server), 0);
    child_close(&server);
}

static void test_refusals(void **state)
{
    struct place p;
    struct child c;
    char path[PATH_SIZE];
    (void)state;
    prepare(&p);
    assert_int_equal(CALL(&p, &c, "serve", "--listen", "0.0.0.0:0", "--state", p.state), 64); /* beyond loopback without a token */
    assert_has(c.err, "token");
    child_close(&c);
    assert_int_equal(CALL(&p, &c, "serve", "--listen", "somewhere", "--state", p.state), 64);
    child_close(&c);
    assert_int_equal(CALL(&p, &c, "serve", "--listen", "127.0.0.1:0", "--state", p.state, "--data-root", "/nowhere"), 66);
    assert_has(c.err, "data root: ");
    child_close(&c);
    assert_int_equal(CALL(&p, &c, "serve", "--listen", "127.0.0.1:0", "--state", "/proc/nowhere"), 66);
    child_close(&c);
    in(path, p.dir, "token");
    test_write_file(path, "", 0);
    assert_int_equal(CALL(&p, &c, "serve", "--listen", "127.0.0.1:0", "--state", p.state, "--token-file", path), 64);
    assert_has(c.err, "is empty");
    child_close(&c);
}

static void test_configuration(void **state)
{
    static const char bad[] = "// ours\n{\n  \"listen\": \"127.0.0.1:0\", // a \"quoted\" comment\n  \"slotz\": 2,\n  \"stop_grace_ms\": -1,\n  "
                              "\"data_roots\": [\"/tmp\", 7]\n}\n";
    struct place p;
    struct child c;
    char path[PATH_SIZE], text[PATH_SIZE * 3];
    (void)state;
    prepare(&p);
    in(path, p.dir, "trainyard.json");
    test_write_file(path, bad, strlen(bad));
    assert_int_equal(CALL(&p, &c, "serve", "--config", path), 65);
    assert_has(c.err, "trainyard.json:4: /slotz is unknown; did you mean \"slots\"?");
    assert_has(c.err, "trainyard.json:5: /stop_grace_ms must be >= 100");
    assert_has(c.err, "trainyard.json:6: /data_roots/1 must be a text, got 7");
    child_close(&c);
    assert_int_equal(CALL(&p, &c, "serve", "--config", "/nowhere/x.json"), 66);
    child_close(&c);

    /* The file's own listen address and roots; // inside a text is no comment. */
    snprintf(text, sizeof text,
             "{\"listen\": \"127.0.0.1:0\", \"state\": \"%.200s//s\", \"data_roots\": [\"%.200s\"], // roots\n \"log_level\": \"warn\"}", p.dir,
             p.data);
    test_write_file(path, text, strlen(text));
    START(&p, &c, "serve", "--config", path);
    child_until(&c, false, "//s\n");
    child_signal(&c, SIGTERM);
    assert_int_equal(child_wait(&c), 0);
    assert_string_equal(c.err, ""); /* nothing below a warning */
    child_close(&c);
}

/* config/trainyard.json says of itself that it shows the defaults. */
static void test_example_configuration(void **state)
{
    struct place p;
    struct child c;
    (void)state;
    prepare(&p);
    START(&p, &c, "serve", "--config", "config/trainyard.json", "--listen", "127.0.0.1:0", "--state", p.state, "--data-root", p.data);
    child_until(&c, false, p.state);
    child_signal(&c, SIGTERM);
    assert_int_equal(child_wait(&c), 0);
    child_close(&c);
}

static void check_checkpoint(struct place *p, const char *run, const char *sha256)
{
    struct child c;
    char path[PATH_SIZE];
    size_t size;
    in(path, run, "final.safetensors");
    assert_int_equal(CALL(p, &c, "checkpoint", "show", path), 0);
    assert_has(c.out, "linear");
    assert_has(c.out, "adagrad");
    child_close(&c);
    assert_int_equal(CALL(p, &c, "checkpoint", "show", path, "--json"), 0);
    assert_has(c.out, "\"dtype\": \"F32\"");
    child_close(&c);
    assert_int_equal(CALL(p, &c, "checkpoint", "verify", path, "--sha256", sha256), 0);
    assert_has(c.out, sha256);
    child_close(&c);

    char *bytes = test_read_file(path, &size), damaged[PATH_SIZE];
    in(damaged, p->dir, "damaged.safetensors");
    bytes[size - 1] ^= 1;
    test_write_file(damaged, bytes, size);
    assert_int_equal(CALL(p, &c, "checkpoint", "verify", damaged, "--sha256", sha256), 65);
    assert_has(c.err, "is damaged");
    child_close(&c);
    uint64_t header;
    memcpy(&header, bytes, sizeof header);
    struct error err = {0};
    json_t *tensors = json_read(bytes + 8, header, "the header", &err), *bias = json_object_get(json_object_get(tensors, "bias"), "data_offsets");
    memset(bytes + 8 + header + json_integer_value(json_array_get(bias, 0)), 0xff, 4); /* a NaN */
    json_decref(tensors);
    test_write_file(damaged, bytes, size);
    assert_int_equal(CALL(p, &c, "checkpoint", "verify", damaged), 65);
    assert_has(c.err, "tensor bias: element 0 is not finite");
    child_close(&c);
    test_write_file(damaged, bytes, size / 2);
    assert_int_equal(CALL(p, &c, "checkpoint", "show", damaged), 65);
    child_close(&c);
    mem_free(bytes);
}

static void test_run(void **state)
{
    struct place p;
    struct child c;
    char run[PATH_SIZE], first[PATH_SIZE];
    (void)state;
    prepare(&p);
    generate(&p, "3000");
    char text[PATH_SIZE + 256];
    snprintf(text, sizeof text, "{\"dataset\": {\"uri\": \"%.4000s\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 16}}",
             p.log);
    test_write_file(p.spec, text, strlen(text));
    in(run, p.dir, "run");
    assert_int_equal(CALL(&p, &c, "run", p.spec, "--dir", run, "--workers", "2"), 0);
    assert_has(c.out, "logloss");
    assert_has(c.out, "final.safetensors  sha256 ");
    assert_has(c.err, "reading 100%");
    snprintf(first, sizeof first, "%.64s", strstr(c.out, "sha256 ") + 7);
    child_close(&c);
    check_checkpoint(&p, run, first);
    in(run, p.dir, "again");
    assert_int_equal(CALL(&p, &c, "run", p.spec, "--dir", run, "--workers", "1", "--json", "-q"), 0);
    assert_has(c.out, first); /* the model's bits do not depend on the workers */
    assert_int_equal(c.out[0], '{');
    assert_string_equal(c.err, "");
    child_close(&c);

    test_write_file(p.log, "1\t2\n0\tx\n", 8);
    in(run, p.dir, "bad");
    assert_int_equal(CALL(&p, &c, "run", p.spec, "--dir", run), 65);
    assert_has(c.err, "clicks.tsv:1: 2 columns, want 40");
    child_close(&c);
    assert_int_equal(CALL(&p, &c, "run", p.spec), 64);
    assert_has(c.err, "--dir DIR is missing");
    child_close(&c);
    assert_int_equal(CALL(&p, &c, "run", "/nowhere.json", "--dir", run), 66);
    child_close(&c);
    assert_int_equal(CALL(&p, &c, "run", p.spec, "--dir", "/proc/nowhere"), 66);
    child_close(&c);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_real_job), cmocka_unit_test(test_remote_data),   cmocka_unit_test(test_killed_server),
    cmocka_unit_test(test_refusals), cmocka_unit_test(test_configuration), cmocka_unit_test(test_example_configuration),
    cmocka_unit_test(test_run),
};
TEST_MAIN(tests)

/* The real program over the network: the same model from the web and from S3 as from the disk; a run that is killed in the middle of a download
 * leaves only what the next one sweeps; nothing that a run leaves or says holds a secret of its addresses. */
/* test: threads */
#include "lib/test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "lib/child.h"
#include "lib/data_kit.h"
#include "lib/web.h"

static struct web web, store;
static struct bytes text, packed;
static char dir[PATH_SIZE], endpoint[100];

static int set_up(void **state)
{
    (void)state;
    test_dir(dir);
    web_begin(&web);
    web_begin(&store);
    store.key = "AKID", store.secret = "s3cret", store.region = "us-east-1", store.page_max = 1;
    snprintf(endpoint, sizeof endpoint, "AWS_ENDPOINT_URL=%s", store.url);
    bytes_init(&text, 1 << 24);
    bytes_init(&packed, 1 << 24);
    kit_criteo(&text, 4000, 3);
    kit_gzip(&packed, text.data, text.size);
    web_put(&web, "/clicks.tsv.gz", packed.data, packed.size, "\"w\"");
    web_put(&store, "/bucket/log/a.tsv.gz", packed.data, packed.size, "\"s\"");
    web_put(&store, "/bucket/log/b.tsv", text.data, text.size, "\"t\"");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    web_end(&web);
    web_end(&store);
    bytes_close(&text);
    bytes_close(&packed);
    return 0;
}

static void start(struct child *c, const char *name, const char *uris)
{
    const char *const env[] = {endpoint, "AWS_ACCESS_KEY_ID=AKID", "AWS_SECRET_ACCESS_KEY=s3cret", NULL};
    char spec[PATH_SIZE], run[PATH_SIZE], cache[PATH_SIZE];
    struct bytes body;
    snprintf(spec, sizeof spec, "%.3000s/%s.json", dir, name);
    snprintf(run, sizeof run, "%.3000s/%s", dir, name);
    snprintf(cache, sizeof cache, "%.3000s/cache-%s", dir, name);
    bytes_init(&body, 1 << 16);
    assert_ok(
        bytes_printf(&body, NULL, "{\"dataset\": {\"uri\": [%s], \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\", \"hash_bits\": 14}}", uris),
        NULL);
    test_write_file(spec, body.data, body.size);
    bytes_close(&body);
    child_start(c, &(struct child_options){.env = env}, (const char *const[]){"run", spec, "--dir", run, "--cache", cache, "--json", NULL});
}

/* The SHA-256 of the model. */
static void train(const char *name, const char *uris, char sha[65])
{
    struct child c;
    start(&c, name, uris);
    if (child_wait(&c) != 0) fail_msg("%s: exit %d: %s", name, c.code, c.err);
    const char *at = strstr(c.out, "\"sha256\": \"");
    assert_non_null(at);
    snprintf(sha, 65, "%.64s", at + strlen("\"sha256\": \""));
    assert_lacks(c.err, "s3cret");
    child_close(&c);
}

static void the_model_is_that_of_the_files(void **state)
{
    (void)state;
    char file[PATH_SIZE], both[3 * PATH_SIZE], uri[PATH_SIZE], want[65], two[65], got[65];
    snprintf(file, sizeof file, "\"%.2000s/clicks.tsv\"", dir);
    snprintf(both, sizeof both, "%.2000s, \"%.2000s/copy.tsv\"", file, dir);
    file[strlen(file) - 1] = 0;
    test_write_file(file + 1, text.data, text.size);
    strcat(file, "\"");
    train("file", file, want);
    snprintf(uri, sizeof uri, "%.2000s/copy.tsv", dir);
    test_write_file(uri, text.data, text.size);
    train("files", both, two);

    snprintf(uri, sizeof uri, "\"http://user:s3cret@127.0.0.1:%d/clicks.tsv.gz?sig=s3cret\"", web.port);
    web_misbehave(&web, &(struct web_faults){.cuts = 1, .cut_after = packed.size / 2});
    train("web", uri, got);
    assert_string_equal(got, want);
    train("store", "\"s3://bucket/log/a*\"", got);
    assert_string_equal(got, want);
    train("prefix", "\"s3://bucket/log/\"", got);
    assert_string_equal(got, two);
    size_t size; /* the specification is the user's own; nothing else repeats it */
    snprintf(file, sizeof file, "%.3000s/web/events.ndjson", dir);
    char *events = test_read_file(file, &size);
    assert_lacks(events, "s3cret");
    mem_free(events);
}

struct names {
    unsigned builds, entries;
};

static int count_name(void *context, const char *name)
{
    struct names *n = context;
    n->builds += str_starts(name, "build-");
    n->entries += strlen(name) == 49 && name[16] == '-';
    return 0;
}

static void a_kill_leaves_what_the_next_run_sweeps(void **state)
{
    (void)state;
    char uri[200], cache[PATH_SIZE], sha[65];
    struct child c;
    struct names n = {0};
    struct error err = {0};
    web_put(&web, "/plain.tsv", text.data, text.size, "\"p\"");
    snprintf(uri, sizeof uri, "\"%s/plain.tsv\"", web.url);
    snprintf(cache, sizeof cache, "%.3000s/cache-killed", dir);
    web_misbehave(&web, &(struct web_faults){.silences = 1, .silent_after = text.size / 2});
    start(&c, "killed", uri);
    for (int64_t until = world_mono_ms(&world_real) + 20000; n.builds == 0 && world_mono_ms(&world_real) < until;) {
        n = (struct names){0};
        path_list(&world_real, cache, count_name, &n, NULL);
    }
    child_signal(&c, SIGKILL);
    child_wait(&c);
    child_close(&c);
    assert_int_equal(n.builds, 1);
    assert_int_equal(n.entries, 0);
    web_misbehave(&web, &(struct web_faults){0});
    train("killed", uri, sha);
    n = (struct names){0};
    assert_ok(path_list(&world_real, cache, count_name, &n, &err), &err);
    assert_int_equal(n.builds, 0);
    assert_int_equal(n.entries, 1);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(the_model_is_that_of_the_files, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_kill_leaves_what_the_next_run_sweeps, set_up, tear_down),
};
TEST_MAIN(tests)

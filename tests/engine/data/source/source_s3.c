/* S3: keys, patterns and prefixes against a store that checks every signature; the store's signature check itself against Amazon's published
 * examples. */
/* test: threads */
#include "lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/dataset.h"
#include "engine/data/source/source.h"
#include "lib/data_kit.h"
#include "lib/sigv4.h"
#include "lib/web.h"

static const struct source_patience hasty = {.connect_timeout_ms = 2000, .idle_timeout_ms = 500, .backoff_ms = 1, .tries = 3};
static const char *const variables[] = {"AWS_ACCESS_KEY_ID",  "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION",
                                        "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3",   "AWS_ENDPOINT_URL"};
static struct web web;

static int set_up(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++) unsetenv(variables[i]);
    web_begin(&web);
    web.key = "AKIDEXAMPLE", web.secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", web.region = "eu-central-1";
    setenv("AWS_ACCESS_KEY_ID", web.key, 1);
    setenv("AWS_SECRET_ACCESS_KEY", web.secret, 1);
    setenv("AWS_REGION", web.region, 1);
    setenv("AWS_ENDPOINT_URL", web.url, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    web_end(&web);
    return 0;
}

/* Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header", its examples of GET Object and of listing. */
static void the_check_agrees_with_the_published_examples(void **state)
{
    (void)state;
    static const char get[] =
        "GET /test.txt HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\nRange: bytes=0-9\r\n"
        "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\nx-amz-date: 20130524T000000Z\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41\r\n\r\n";
    static const char list[] =
        "GET /?max-keys=2&prefix=J HTTP/1.1\r\nHost: examplebucket.s3.amazonaws.com\r\n"
        "x-amz-content-sha256: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\r\nx-amz-date: 20130524T000000Z\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;x-amz-content-sha256;x-amz-date, Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7\r\n\r\n";
    static const char secret[] = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", key[] = "AKIAIOSFODNN7EXAMPLE";
    assert_null(sigv4_check(get, key, secret, "us-east-1"));
    assert_null(sigv4_check(list, key, secret, "us-east-1"));
    assert_string_equal(sigv4_check(get, key, "another", "us-east-1"), "SignatureDoesNotMatch");
    assert_non_null(sigv4_check(get, key, secret, "us-east-2"));
}

/* The names that a URI gives, joined by blanks. */
static const char *listed(const char *uri, struct error *err)
{
    static char buf[4000];
    struct source_options options = {.world = &world_real, .patience = hasty};
    struct source_list list;
    char *uris[] = {(char *)uri};
    size_t n = 0;
    *err = (struct error){0};
    buf[0] = 0;
    if (source_list_open_with(&list, &options, uris, 1, err) < 0) return NULL;
    for (size_t i = 0; i < list.count; i++) n += (size_t)snprintf(buf + n, sizeof buf - n, "%s%s", i ? " " : "", list.files[i].path + 5);
    source_list_close(&list);
    return buf;
}

static void lists(const char *uri, const char *want)
{
    struct error err;
    const char *got = listed(uri, &err);
    assert_ok(got ? 0 : -1, &err);
    assert_string_equal(got, want);
}

static void fails(const char *uri, enum error_code code, const char *part)
{
    struct error err;
    assert_null(listed(uri, &err));
    assert_error(&err, code, part);
    assert_string_equal(err.field, "/dataset/uri");
}

static void put_some(void)
{
    static const char *const names[] = {"/bucket/log/day-2.tsv", "/bucket/log/day-10.tsv",     "/bucket/log/day-1.tsv",
                                        "/bucket/log/.hidden",   "/bucket/log/deep/day-3.tsv", "/bucket/log/deep/",
                                        "/bucket/other",         "/bucket/we ird+&<%41>.tsv",  "/bucket2/x"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) web_put(&web, names[i], "1\n", names[i][strlen(names[i]) - 1] == '/' ? 0 : 2, "\"e\"");
}

static void keys_patterns_and_prefixes(void **state)
{
    (void)state;
    put_some();
    web.page_max = 2;
    lists("s3://bucket/other", "bucket/other");
    lists("s3://bucket/log/day-*.tsv", "bucket/log/day-1.tsv bucket/log/day-10.tsv bucket/log/day-2.tsv");
    assert_true(web_heard(&web, "/bucket/?delimiter=%2F&encoding-type=url&list-type=2&prefix=log%2Fday-"));
    assert_true(web_heard(&web, "continuation-token=log%2Fday-10.tsv&"));
    lists("s3://bucket/log/day-?.tsv", "bucket/log/day-1.tsv bucket/log/day-2.tsv");
    lists("s3://bucket/*/*/day-[0-9].tsv", "bucket/log/deep/day-3.tsv");
    lists("s3://bucket/log/", "bucket/log/day-1.tsv bucket/log/day-10.tsv bucket/log/day-2.tsv bucket/log/deep/day-3.tsv");
    lists("s3://bucket2", "bucket2/x");
    lists("s3://bucket2/", "bucket2/x");
    lists("s3://bucket/log/.h*", "bucket/log/.hidden");
    lists("s3://bucket/we ird+&<%41>.tsv", "bucket/we ird+&<%41>.tsv");
    lists("s3://bucket/we*", "bucket/we ird+&<%41>.tsv");
    fails("s3://bucket/none", ERROR_DATA, "s3://bucket/none: answered 404: NoSuchKey: The specified key does not exist.; check the address");
    fails("s3://bucket/none*", ERROR_DATA, "s3://bucket/none* matches no object");
    fails("s3://bucket/none/", ERROR_DATA, "s3://bucket/none/ matches no object");
    web_put(&web, "/bucket/log/empty", "", 0, "\"e\"");
    fails("s3://bucket/log/empty", ERROR_DATA, "s3://bucket/log/empty is empty (0 bytes)");
    fails("s3://bucket/log/emp*", ERROR_DATA, "s3://bucket/log/emp* matches only empty objects (0 bytes)");
    static const char *const spark[] = {"/bucket/spark/_SUCCESS", "/bucket/spark/_temporary/part-1", "/bucket/spark/.part-1.crc"};
    for (size_t i = 0; i < sizeof spark / sizeof *spark; i++) web_put(&web, spark[i], "1\n", i == 0 ? 0 : 2, "\"e\"");
    fails("s3://bucket/spark/", ERROR_DATA, "s3://bucket/spark/ matches no object (names that begin with . or _ do not count)");
    web_put(&web, "/bucket/spark/part-0", "", 0, "\"e\"");
    web_put(&web, "/bucket/spark/part-1", "1\n", 2, "\"e\"");
    lists("s3://bucket/spark/", "bucket/spark/part-1");
    lists("s3://bucket/spark/*", "bucket/spark/part-1");
    lists("s3://bucket/spark/_temp*/*", "bucket/spark/_temporary/part-1");
    fails("s3://b", ERROR_DATA, "is no name of a bucket");
    fails("s3://", ERROR_DATA, "is no name of a bucket");
    fails("s3://user:pw@host/x", ERROR_DATA, "is no name of a bucket");
    fails("s3://buck*t/x", ERROR_DATA, "is no name of a bucket");
}

static int read_object(const char *uri, const char *want, size_t size, const struct web_faults *between, struct error *err)
{
    struct source_options options = {.world = &world_real, .patience = hasty};
    struct source_list list;
    char *uris[] = {(char *)uri}, *got = test_malloc(size + 1);
    *err = (struct error){0};
    int rc = source_list_open_with(&list, &options, uris, 1, err);
    if (rc == 0 && between) web_misbehave(&web, between);
    struct source *s = rc == 0 ? source_open(&list, 0, err) : NULL;
    int64_t n = s ? source_read(s, got, size + 1, err) : -1;
    if (n >= 0 && ((size_t)n != size || memcmp(got, want, size) != 0)) fail_msg("%s: other bytes", uri);
    source_close(s);
    if (rc == 0) source_list_close(&list);
    test_free(got);
    return n < 0 ? -1 : 0;
}

static void objects_are_read_and_resumed_under_signatures(void **state)
{
    (void)state;
    struct bytes text;
    struct error err;
    bytes_init(&text, 1 << 24);
    kit_criteo(&text, 2000, 1);
    web_put(&web, "/bucket/a dir/cl\xC3\xA9 = 1+1.tsv", text.data, text.size, "\"v1\"");
    const char *const uris[] = {"s3://bucket/a dir/cl\xC3\xA9 = 1+1.tsv", "s3://bucket/a dir/"};
    for (int i = 0; i < 2; i++) {
        assert_ok(read_object(uris[i], (char *)text.data, text.size, &(struct web_faults){.cuts = 1, .cut_after = 200000}, &err), &err);
        assert_true(web_heard(&web, "If-Match: \"v1\""));
        assert_true(web_heard(&web, "Range: bytes=200000-; If-Range: \"v1\""));
        assert_true(read_object(uris[i], (char *)text.data, text.size, &(struct web_faults){.cuts = 1, .cut_after = 200000, .changes_in = 2}, &err) <
                    0);
        assert_error(&err, ERROR_DATA, "1+1.tsv changed while it was being read (ETag was \"v1\", is \"changed\")");
        web_put(&web, "/bucket/a dir/cl\xC3\xA9 = 1+1.tsv", text.data, text.size, "\"v1\"");
        web_misbehave(&web, &(struct web_faults){0});
    }
    bytes_close(&text);
}

static void credentials_come_from_the_environment(void **state)
{
    (void)state;
    put_some();
    web.token = "a/session+token==";
    fails("s3://bucket/other", ERROR_DATA, "answered 403: SignatureDoesNotMatch: The request signature");
    setenv("AWS_SESSION_TOKEN", web.token, 1);
    lists("s3://bucket/other", "bucket/other");
    lists("s3://bucket/oth*", "bucket/other");
    setenv("AWS_SECRET_ACCESS_KEY", "wrong", 1);
    fails("s3://bucket/other", ERROR_DATA, "check the credentials and what they may read");
    fails("s3://bucket/*", ERROR_DATA, "check the credentials and what they may read");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    fails("s3://bucket/other", ERROR_DATA, "go together: only the first is set");
    unsetenv("AWS_ACCESS_KEY_ID");
    fails("s3://bucket/other", ERROR_DATA, "it wants credentials, and none were given");
    setenv("AWS_ACCESS_KEY_ID", web.key, 1);
    setenv("AWS_SECRET_ACCESS_KEY", web.secret, 1);
    unsetenv("AWS_REGION");
    fails("s3://bucket/other", ERROR_DATA, "403"); /* us-east-1 */
    setenv("AWS_DEFAULT_REGION", web.region, 1);
    lists("s3://bucket/other", "bucket/other");
    setenv("AWS_DEFAULT_REGION", "eu central", 1);
    fails("s3://bucket/other", ERROR_DATA, "is no name of a region");
    setenv("AWS_DEFAULT_REGION", web.region, 1);
    setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1/elsewhere", 1);
    setenv("AWS_ENDPOINT_URL_S3", web.url, 1); /* goes before */
    lists("s3://bucket/other", "bucket/other");
    setenv("AWS_ENDPOINT_URL_S3", "http://user:s3cret@127.0.0.1/", 1);
    fails("s3://bucket/other", ERROR_DATA, "without user and query");
    setenv("AWS_ENDPOINT_URL_S3", "127.0.0.1", 1);
    fails("s3://bucket/other", ERROR_DATA, "AWS_ENDPOINT_URL: the address");
}

static void lists_that_lie_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *body, *part;
    } rows[] = {
        {"<html>sign in</html>", "s3://bucket/a*: the store's list cannot be read: no ListBucketResult but html"},
        {"", "the store's list cannot be read"},
        {"<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>",
         "goes round in circles"},
        {"<ListBucketResult><Contents><Key>a</Key><Size>1</Size></Contents><Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>",
         "are the same file"},
        {"<ListBucketResult><Contents><Key>b</Key><Size>1</Size></Contents></ListBucketResult>", "matches no object"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        web.list_body = rows[i].body;
        fails("s3://bucket/a*", ERROR_DATA, rows[i].part);
    }
    web.list_body = NULL;
    web_misbehave(&web, &(struct web_faults){.refusals = 2, .refusal_status = 503});
    put_some();
    lists("s3://bucket/oth*", "bucket/other");
    web_misbehave(&web, &(struct web_faults){.refusals = 3, .refusal_status = 503});
    fails("s3://bucket/oth*", ERROR_UNAVAILABLE, "answered 503: SlowDown: Please reduce your request rate; given up after 3 tries");
}

static void an_unchanged_prefix_is_not_downloaded_again(void **state)
{
    (void)state;
    struct bytes text;
    struct kit_rows rows, want;
    struct dataset_info info, first;
    struct error err = {0};
    char dir[PATH_SIZE], cache[PATH_SIZE], cache2[PATH_SIZE], file[PATH_SIZE];
    bytes_init(&text, 1 << 24);
    kit_criteo(&text, 1000, 1);
    path_join(cache, test_dir(dir), "cache", NULL);
    path_join(cache2, dir, "cache2", NULL);
    path_join(file, dir, "part.tsv", NULL);
    test_write_file(file, text.data, text.size);
    web_put(&web, "/bucket/p/a.tsv", text.data, text.size, "\"v1\"");
    struct kit kit = {.path = "s3://bucket/p/", .cache = cache, .patience = hasty}, local = {.path = file, .cache = cache2};
    assert_ok(kit_load(&local, &want, &info, &err), &err);
    assert_ok(kit_load(&kit, &rows, &first, &err), &err);
    assert_string_equal(first.digest, info.digest);
    assert_true(kit_rows_equal(&rows, &want));
    kit_rows_close(&rows);
    web_misbehave(&web, &(struct web_faults){0});
    assert_ok(kit_load(&kit, &rows, &info, &err), &err);
    kit_rows_close(&rows);
    assert_true(info.from_cache);
    assert_int_equal(web_requests(&web), 1);
    kit.path = "s3://bucket/p/a.tsv"; /* the same object by its name: the same identity */
    assert_ok(kit_load(&kit, &rows, &info, &err), &err);
    kit_rows_close(&rows);
    assert_true(info.from_cache);
    kit_rows_close(&want);
    bytes_close(&text);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(the_check_agrees_with_the_published_examples, set_up, tear_down),
    cmocka_unit_test_setup_teardown(keys_patterns_and_prefixes, set_up, tear_down),
    cmocka_unit_test_setup_teardown(objects_are_read_and_resumed_under_signatures, set_up, tear_down),
    cmocka_unit_test_setup_teardown(credentials_come_from_the_environment, set_up, tear_down),
    cmocka_unit_test_setup_teardown(lists_that_lie_are_refused, set_up, tear_down),
    cmocka_unit_test_setup_teardown(an_unchanged_prefix_is_not_downloaded_again, set_up, tear_down),
};
TEST_MAIN(tests)

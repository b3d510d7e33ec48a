/* Remote data of a service: nothing unless allowed; what a prefix allows, and every way to make an address look as if it were below one. */
#include "lib/test.h"

#include <string.h>

#include "service/sched/remotes.h"

static const char *const prefixes[] = {"s3://clicks/", "s3://shared/logs/2026", "https://Data.Example/pub/", "http://127.0.0.1:9000/x", NULL};

static const char *resolve(const char *const *allowed, const char *uri, struct faults *faults)
{
    static char text[9000];
    struct error err = {0};
    json_t *out = json_array();
    *faults = (struct faults){0};
    assert_ok(remotes_resolve(allowed, uri, out, "/dataset/uri", faults, &err), &err);
    const char *got = json_string_value(json_array_get(out, 0));
    assert_int_equal(json_array_size(out) + faults->count, 1);
    strcpy(text, got ? got : "");
    json_decref(out);
    return got ? text : NULL;
}

static void what_lies_below_is_allowed(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *written; /* NULL: as it is */
    } rows[] = {
        {"s3://clicks/a/b.tsv", NULL},
        {"s3://clicks/day-*.tsv", NULL},
        {"s3://clicks/", NULL},
        {"s3://clicks", NULL},
        {"s3://shared/logs/2026", NULL},
        {"s3://shared/logs/2026/*", NULL},
        {"https://data.example/pub/a.tsv?version=2", NULL},
        {"HTTPS://DATA.example:443/pub/", "https://data.example/pub/"},
        {"http://127.0.0.1:9000/x", NULL},
        {"http://127.0.0.1:9000/x/y#part", "http://127.0.0.1:9000/x/y"},
        {"http://127.0.0.1:9000/x?q", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct faults faults;
        const char *got = resolve(prefixes, rows[i].uri, &faults);
        if (!got) fail_msg("%s: %s", rows[i].uri, faults.list[0].detail);
        assert_string_equal(got, rows[i].written ? rows[i].written : rows[i].uri);
    }
}

static void everything_else_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *uri, *part;
    } rows[] = {
        {"s3://clicks2/a", "is not below the remote sources that this server reads (--source: s3://clicks/, "},
        {"s3://Clicks/a", "is not below"},
        {"s3://clicks@evil/a", "names no bucket"},
        {"s3://click*/a", "names no bucket"},
        {"S3://clicks/a", "has the scheme \"s3:\""},
        {"s3://clicks/../other/a", "must not have . or .."},
        {"s3://clicks/a/..", "must not have . or .."},
        {"s3://clicks/./a", "must not have . or .."},
        {"s3://shared/logs/2026-01/a", "is not below"},
        {"s3://shared/logs/2026*", "is not below"},
        {"s3://shared/logs/202?", "is not below"},
        {"s3://shared/logs/", "is not below"},
        {"s3://shared/*/2026/a", "is not below"},
        {"https://data.example.evil.org/pub/a", "is not below"},
        {"https://data.example@evil.org/pub/a", "must not carry a user"},
        {"https://user:s3cret@data.example/pub/a", "must not carry a user"},
        {"https://evil.org/https://data.example/pub/a", "is not below"},
        {"https://evil.org#@data.example/pub/", "is not below"},
        {"https://evil.org?@data.example/pub/", "is not below"},
        {"https://evil.org\\@data.example/pub/", "must be percent-encoded"},
        {"https://data.example\\.evil.org/pub/", "must be percent-encoded"},
        {"https://data.example:444/pub/a", "is not below"},
        {"https://data.example:443@evil.org/pub/a", "must not carry a user"},
        {"https://data.example./pub/a", "is not below"},
        {"https://data%2eexample/pub/a", "no host"},
        {"http://data.example/pub/a", "is not below"},
        {"https://data.example/public/a", "is not below"},
        {"https://data.example/PUB/a", "is not below"},
        {"https://data.example/pub", "is not below"},
        {"https://data.example/%70ub/a", "is not below"},
        {"https://data.example//pub/a", "is not below"},
        {"https://data.example/pub/../secret", "must not have . or .."},
        {"https://data.example/pub/%2e%2e/secret", "must not have . or .."},
        {"https://data.example/pub/..%2fsecret", "must not have . or .."},
        {"https://data.example/pub/%252e%252e/secret", "must not have . or .."},
        {"https://data.example/pub/..;/secret", "must not have . or .."},
        {"https://data.example/pub/a\nb", "must be percent-encoded"},
        {"http://127.0.0.1:9000/xy", "is not below"},
        {"http://127.0.0.1/x", "is not below"},
        {"http://127.1:9000/x", "is not below"},
        {"http://[::ffff:127.0.0.1]:9000/x", "is not below"},
        {"ftp://data.example/pub/a", "has the scheme \"ftp:\""},
        {"gopher://x/?s3cret", "has the scheme"},
        {"https://evil.org/?sig=s3cret", "\"https://evil.org/?...\" is not below"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct faults faults;
        if (resolve(prefixes, rows[i].uri, &faults)) fail_msg("allowed: %s", rows[i].uri);
        if (!strstr(faults.list[0].detail, rows[i].part)) fail_msg("%s: \"%s\" lacks \"%s\"", rows[i].uri, faults.list[0].detail, rows[i].part);
        assert_string_equal(faults.list[0].pointer, "/dataset/uri");
        assert_null(strstr(faults.list[0].detail, "s3cret"));
    }
    struct faults faults;
    assert_null(resolve(NULL, "s3://clicks/a", &faults));
    assert_non_null(strstr(faults.list[0].detail, "(--source: none; start the server with --source PREFIX"));
}

static void prefixes_must_make_sense(void **state)
{
    (void)state;
    static const char *const bad[] = {"clicks/",
                                      "file:data",
                                      "ftp://h/",
                                      "https://user:s3cret@h/",
                                      "https://h/?sig=s3cret",
                                      "https://h/../",
                                      "https://h/%2e%2e/",
                                      "s3://clicks/day-*",
                                      "s3://",
                                      "s3://a/",
                                      "https://",
                                      "https://*.example/"};
    struct error err = {0};
    assert_ok(remotes_check(prefixes, &err), &err);
    assert_ok(remotes_check(NULL, &err), &err);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const one[] = {"s3://clicks/", bad[i], NULL};
        err = (struct error){0};
        assert_true(remotes_check(one, &err) < 0);
        assert_error(&err, ERROR_USAGE, "--source \"");
        assert_null(strstr(err.msg, "s3cret"));
    }
}

static void what_is_remote(void **state)
{
    (void)state;
    assert_true(remotes_is("s3://a") && remotes_is("https://a") && remotes_is("x+y.z-1://a"));
    assert_false(remotes_is("file:///a") || remotes_is("a/b") || remotes_is("-") || remotes_is("://a") || remotes_is("a b://c"));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_lies_below_is_allowed),
    cmocka_unit_test(everything_else_is_refused),
    cmocka_unit_test(prefixes_must_make_sense),
    cmocka_unit_test(what_is_remote),
};
TEST_MAIN(tests)

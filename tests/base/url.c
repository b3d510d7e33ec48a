/* Addresses: what is taken, how it is written back and shown, and what is refused. */
#include "lib/test.h"

#include <string.h>

#include "base/url.h"

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *written, *shown, *user;
    } rows[] = {
        {"https://Data.Example/a/b.tsv", "https://data.example/a/b.tsv", "https://data.example/a/b.tsv", ""},
        {"HTTPS://h:443/a", "https://h/a", "https://h/a", ""},
        {"http://h:80", "http://h/", "http://h/", ""},
        {"http://h:443/", "http://h:443/", "http://h:443/", ""},
        {"http://u:p%40@h:8080/a?sig=s3cret#part", "http://h:8080/a?sig=s3cret", "http://h:8080/a?...", "u:p%40"},
        {"http://u@x@h/", "http://h/", "http://h/", "u@x"},
        {"http://[::1]:9000/a", "http://[::1]:9000/a", "http://[::1]:9000/a", ""},
        {"http://[2001:DB8::1]/a", "http://[2001:db8::1]/a", "http://[2001:db8::1]/a", ""},
        {"http://h?x", "http://h/?x", "http://h/?...", ""},
        {"s3://bucket/key with", NULL, "percent-encoded", NULL},
        {"http://h/a b", NULL, "percent-encoded", NULL},
        {"http://h\\@evil/", NULL, "percent-encoded", NULL},
        {"http://", NULL, "no host", NULL},
        {"http:///a", NULL, "no host", NULL},
        {"http://user@/a", NULL, "no host", NULL},
        {"http://h:/a", NULL, "port", NULL},
        {"http://h:x/a", NULL, "port", NULL},
        {"http://h:0/a", NULL, "port", NULL},
        {"http://h:65536/a", NULL, "port", NULL},
        {"http://h:999999/a", NULL, "port", NULL},
        {"http://[::1/a", NULL, "no host", NULL},
        {"http://[evil]/a", NULL, "no host", NULL},
        {"http://a%2eb/", NULL, "no host", NULL},
        {"http://.h/", NULL, "no host", NULL},
        {"http:/h/", NULL, "no scheme", NULL},
        {"//h/", NULL, "no scheme", NULL},
        {"", NULL, "no scheme", NULL},
        {"a/b", NULL, "no scheme", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct url url;
        struct error err = {0};
        char text[9000];
        int rc = url_parse(&url, rows[i].text, &err);
        if (!rows[i].written) {
            assert_true(rc < 0);
            assert_error(&err, ERROR_USAGE, rows[i].shown);
            continue;
        }
        assert_ok(rc, &err);
        assert_true(url_text(&url, text, sizeof text));
        assert_string_equal(text, rows[i].written);
        assert_string_equal(url_show(&url, text, sizeof text), rows[i].shown);
        assert_string_equal(url.user, rows[i].user);
    }
}

static void errors_keep_secrets(void **state)
{
    (void)state;
    static const char *const bad[] = {"http://user:s3cret@h:99999/?k=s3cret", "http://user:s3cret@[x]/", "http://h /?s3cret", "x://s3cret@"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct url url;
        struct error err = {0};
        assert_true(url_parse(&url, bad[i], &err) < 0);
        assert_null(strstr(err.msg, "s3cret"));
    }
}

static void dots_are_seen_in_any_dress(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool dots;
    } rows[] = {
        {"/a/../b", true},     {"/..", true},         {"/./a", true},     {"/a/%2e%2E/b", true},
        {"/a/.%2e", true},     {"/a%2f..%2fb", true}, {"/a%5Cb", true},   {"/a/%252e%252e/b", true},
        {"/a/..;x/b", true},   {"/a..b/c", false},    {"/...", false},    {"/a.b", false},
        {"/.hidden/x", false}, {"/", false},          {"/a/b../", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct url url;
        struct error err = {0};
        char text[100] = "http://h";
        strcat(text, rows[i].path);
        assert_ok(url_parse(&url, text, &err), &err);
        if (url_has_dots(&url) != rows[i].dots) fail_msg("%s", rows[i].path);
    }
}

static void long_parts_are_refused(void **state)
{
    (void)state;
    static char text[20000];
    struct url url;
    struct error err = {0};
    for (int part = 0; part < 4; part++) {
        static const char *const before[] = {"http://h/", "http://h/?", "http://", "http://"}, *const after[] = {"", "", "/", "@h/"};
        memset(text, 0, sizeof text);
        strcpy(text, before[part]);
        memset(text + strlen(text), 'x', 5000);
        strcat(text, after[part]);
        err = (struct error){0};
        assert_true(url_parse(&url, text, &err) < 0);
        assert_error(&err, ERROR_USAGE, "too long");
    }
}

static void percent_codes_are_resolved(void **state)
{
    (void)state;
    char text[] = "a%20b+c%2F%C3%a9";
    assert_true(url_decode(text, true));
    assert_string_equal(text, "a b c/\xC3\xA9");
    char plus[] = "a+b", cut[] = "a%2", bad[] = "%g0", nul[] = "%00";
    assert_true(url_decode(plus, false));
    assert_string_equal(plus, "a+b");
    assert_false(url_decode(cut, false) || url_decode(bad, false) || url_decode(nul, false));
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(addresses_are_taken_apart), cmocka_unit_test(errors_keep_secrets),        cmocka_unit_test(dots_are_seen_in_any_dress),
    cmocka_unit_test(long_parts_are_refused),    cmocka_unit_test(percent_codes_are_resolved),
};
TEST_MAIN(tests)

/* The XML of object stores: pages as stores write them, and every way in which one can be wrong. */
#include "engine/data/source/s3_list.h"

#include <stdio.h>
#include <string.h>

#include "engine/data/source/xml.h"
#include "lib/test.h"

struct found {
    char text[2000];
    size_t used;
    unsigned stop_at, count;
};

static int each(void *context, const struct s3_object *o, struct error *err)
{
    struct found *f = context;
    if (++f->count == f->stop_at) return error_set(err, ERROR_STOPPED, NULL, "enough");
    f->used += (size_t)snprintf(f->text + f->used, sizeof f->text - f->used, "%s|%llu|%s;", o->key, (unsigned long long)o->size_bytes, o->etag);
    return 0;
}

#define PAGE(inner) \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" inner "</ListBucketResult>\n"
#define OBJECT(key, size) "<Contents><Key>" key "</Key><Size>" size "</Size><ETag>&quot;e&quot;</ETag></Contents>"

static int read_page(const char *text, struct found *found, struct s3_page *page, struct error *err)
{
    *found = (struct found){.stop_at = 0};
    *err = (struct error){0};
    return s3_page_read(text, strlen(text), page, each, found, err);
}

static void pages_are_read(void **state)
{
    (void)state;
    struct found found;
    struct s3_page page;
    struct error err;
    assert_ok(read_page(PAGE("<Name>b</Name><Prefix/><KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>" OBJECT(
                            "a%2Bb+c%2Fd", "5") "<Contents><Owner><ID>x</ID><Key>no</Key></Owner><Key>&#233;&lt;&#x26;</Key><Size>0</Size></Contents>"
                                                "<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>"),
                        &found, &page, &err),
              &err);
    assert_string_equal(found.text, "a+b c/d|5|\"e\";\xC3\xA9<&|0|;");
    assert_false(page.truncated);
    assert_ok(read_page(PAGE("<IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;1</NextContinuationToken>"), &found, &page, &err), &err);
    assert_true(page.truncated);
    assert_string_equal(page.token, "t&1");
    assert_ok(read_page("\xEF\xBB\xBF<s3:ListBucketResult a='1' b = \"2\" >  <s3:IsTruncated >false</s3:IsTruncated> </s3:ListBucketResult>", &found,
                        &page, &err) < 0
                  ? 0
                  : -1,
              &err); /* blanks around '=' are not taken */
    assert_ok(read_page("\xEF\xBB\xBF<s3:ListBucketResult a='1'\n b=\"2\" >  <s3:IsTruncated >false</s3:IsTruncated > </s3:ListBucketResult>", &found,
                        &page, &err),
              &err);
    found = (struct found){.stop_at = 1};
    err = (struct error){0};
    assert_int_equal(s3_page_read(PAGE(OBJECT("a", "1")), strlen(PAGE(OBJECT("a", "1"))), &page, each, &found, &err), -ERROR_STOPPED);
}

static void wrong_pages_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } rows[] = {
        {"", "no element"},
        {"  ", "no element"},
        {"hello", "text outside of the root"},
        {"<html></html>", "no ListBucketResult but html"},
        {"<ListBucketResult>", "ends inside an element"},
        {"<ListBucketResult", "ends inside a tag"},
        {"<ListBucketResult></ListBucketResul>", "closes what is not open"},
        {PAGE("") "<a/>", "a second root"},
        {PAGE("") "x", "text outside"},
        {PAGE("x"), "a text where elements should be"},
        {PAGE("<!-- x -->"), "a comment, CDATA or DOCTYPE"},
        {"<!DOCTYPE a [<!ENTITY b \"c\">]><ListBucketResult/>", "a comment, CDATA or DOCTYPE"},
        {PAGE("<?php x ?>"), "a processing instruction"},
        {PAGE("<Contents><Key>a</Key></Contents>"), "without a key or a size"},
        {PAGE("<Contents><Size>1</Size></Contents>"), "without a key or a size"},
        {PAGE("<Contents>x</Contents>"), "a text where elements should be"},
        {PAGE(OBJECT("a", "-1")), "a size that is no number"},
        {PAGE(OBJECT("a", "99999999999999999999")), "a size that is no number"},
        {PAGE(OBJECT("a", "1x")), "a size that is no number"},
        {PAGE(OBJECT("a%2", "1")), "not percent-encoded"},
        {PAGE(OBJECT("a%00b", "1")), "not percent-encoded"},
        {PAGE(OBJECT("<b/>", "1")), "elements where a text should be"},
        {PAGE(OBJECT("&unknown;", "1")), "an entity that nobody knows"},
        {PAGE(OBJECT("&#0;", "1")), "an entity that nobody knows"},
        {PAGE(OBJECT("&#xD800;", "1")), "an entity that nobody knows"},
        {PAGE(OBJECT("&#x110000;", "1")), "an entity that nobody knows"},
        {PAGE(OBJECT("&amp", "1")), "an entity that nobody knows"},
        {PAGE("<IsTruncated>true</IsTruncated>"), "without a token"},
        {PAGE("<IsTruncated>yes</IsTruncated>"), "neither true nor false"},
        {PAGE("<a b></a>"), "an attribute without a value"},
        {PAGE("<a b=\"<\"></a>"), "an attribute that does not end"},
        {PAGE("<1a></1a>"), "no name"},
        {PAGE("< a></a>"), "no name"},
        {PAGE("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a>"), "too many elements"},
        {PAGE("<aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/>"), "a name that is too long"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct found found;
        struct s3_page page;
        struct error err;
        if (read_page(rows[i].text, &found, &page, &err) >= 0) fail_msg("taken: %s", rows[i].text);
        assert_error(&err, ERROR_DATA, rows[i].part);
    }
    static char text[3000]; /* a key that is too long */
    struct found found;
    struct s3_page page;
    struct error err;
    snprintf(text, sizeof text, "<ListBucketResult><Contents><Key>%01200d</Key></Contents></ListBucketResult>", 1);
    assert_true(read_page(text, &found, &page, &err) < 0);
    assert_error(&err, ERROR_DATA, "a text longer than 1024 bytes");
}

/* Each prefix of a good page is refused, and none reads beyond its end. */
static void every_cut_is_noticed(void **state)
{
    (void)state;
    static const char whole[] = PAGE(OBJECT("a%20b", "5") "<IsTruncated>true</IsTruncated><NextContinuationToken>t&amp;</NextContinuationToken>");
    struct found found = {.stop_at = 0};
    struct s3_page page;
    size_t last = strlen(whole) - 1; /* the newline behind the root may go */
    for (size_t n = 0; n < last; n++) {
        struct error err = {0};
        char *copy = test_malloc(n ? n : 1); /* its end is guarded */
        memcpy(copy, whole, n);
        found.used = 0;
        assert_true(s3_page_read(copy, n, &page, each, &found, &err) < 0);
        assert_int_equal(err.code, ERROR_DATA);
        test_free(copy);
    }
}

static void refusals_are_told(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>No &amp; no</Message><RequestId>1</RequestId></Error>",
         "AccessDenied: No & no"},
        {"<Error><Message/><Code>NoSuchBucket</Code></Error>", "NoSuchBucket"},
        {"<Error><Code>Access Denied</Code></Error>", ""},
        {"<Error><Code>A</Code>", "A"},
        {"<html><Code>A</Code></html>", ""},
        {"not xml", ""},
        {"", ""},
    };
    char buf[300];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        s3_refusal_read(rows[i].text, strlen(rows[i].text), buf, sizeof buf);
        assert_string_equal(buf, rows[i].words);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(pages_are_read),
    cmocka_unit_test(wrong_pages_are_refused),
    cmocka_unit_test(every_cut_is_noticed),
    cmocka_unit_test(refusals_are_told),
};
TEST_MAIN(tests)

/* The event stream reader: the standard's examples, cut at every byte; resumption; ceilings. */
#include "lib/test.h"

#include <string.h>

#include "base/mem.h"
#include "base/sse.h"

struct seen {
    struct bytes text; /* "id|name|data;" an event */
    int fail_at;       /* the n-th event fails; 0: none */
};

static int see(void *context, const struct sse_event *event, struct error *err)
{
    struct seen *seen = context;
    if (seen->fail_at > 0 && --seen->fail_at == 0) return error_set(err, ERROR_INTERNAL, NULL, "enough");
    assert_int_equal(strlen(event->data), event->size);
    return bytes_printf(&seen->text, err, "%s|%s|%s;", event->id, event->name, event->data);
}

static void feed_cut(const char *stream, size_t cut, const char *want)
{
    struct sse_reader reader;
    struct seen seen = {0};
    struct error err = {0};
    bytes_init(&seen.text, 1 << 16);
    sse_init(&reader);
    for (size_t at = 0, size = strlen(stream); at < size; at += cut)
        assert_ok(sse_feed(&reader, stream + at, size - at < cut ? size - at : cut, see, &seen, &err), &err);
    assert_string_equal(bytes_text(&seen.text), want);
    sse_close(&reader);
    bytes_close(&seen.text);
}

static void test_streams(void **state)
{
    static const struct {
        const char *stream, *want;
    } rows[] = {
        {"data: a\n\n", "|message|a;"},
        {"id: 7\nevent: metric\ndata: {\"x\":1}\n\n", "7|metric|{\"x\":1};"},
        {"id: 7\r\nevent: metric\r\ndata: a\r\n\r\n", "7|metric|a;"},
        {"id: 7\revent: metric\rdata: a\r\r", "7|metric|a;"},
        {"data: a\ndata: b\n\n", "|message|a\nb;"},
        {"data:a\ndata:  b\n\n", "|message|a\n b;"},                   /* one blank after the colon goes, no more */
        {": heartbeat\n\nretry: 100\n\ndata\n\n", "|message|;"},       /* comments and retry are no events; an empty data field is one */
        {"id: 1\ndata: a\n\ndata: b\n\n", "1|message|a;1|message|b;"}, /* the id stays */
        {"event: x\n\ndata: b\n\n", "|message|b;"},                    /* the name does not, and no data means no event */
        {"data: torn\n", ""},
        {"unknown: field\ndata: a:b: c\n\n", "|message|a:b: c;"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (size_t cut = 1; cut <= strlen(rows[i].stream); cut++) feed_cut(rows[i].stream, cut, rows[i].want);
}

static void test_resume(void **state)
{
    static const char first[] = "retry: 1500\n\nid: 5\ndata: a\n\nid: 6\ndata: tor", second[] = "id: 6\ndata: whole\n\n";
    struct sse_reader reader;
    struct seen seen = {0};
    struct error err = {0};
    (void)state;
    bytes_init(&seen.text, 1 << 16);
    sse_init(&reader);
    assert_ok(sse_feed(&reader, first, strlen(first), see, &seen, &err), &err);
    assert_int_equal(reader.retry_ms, 1500);
    assert_string_equal(reader.last_id, "5"); /* 6 was not taken yet */
    sse_restart(&reader);
    assert_ok(sse_feed(&reader, second, strlen(second), see, &seen, &err), &err);
    assert_string_equal(bytes_text(&seen.text), "5|message|a;6|message|whole;");
    assert_string_equal(reader.last_id, "6");
    sse_close(&reader);
    bytes_close(&seen.text);
}

static void test_failure_of_the_taker(void **state)
{
    static const char stream[] = "id: 1\ndata: a\n\nid: 2\ndata: b\n\nid: 3\ndata: c\n\n";
    struct sse_reader reader;
    struct seen seen = {.fail_at = 2};
    struct error err = {0};
    (void)state;
    bytes_init(&seen.text, 1 << 16);
    sse_init(&reader);
    assert_int_equal(sse_feed(&reader, stream, strlen(stream), see, &seen, &err), -ERROR_INTERNAL);
    assert_string_equal(bytes_text(&seen.text), "1|message|a;");
    assert_string_equal(reader.last_id, "1"); /* what was not taken comes again */
    sse_close(&reader);
    bytes_close(&seen.text);
}

static void test_ceilings(void **state)
{
    struct sse_reader reader;
    struct seen seen = {0};
    struct error err = {0};
    char *block = mem_zero(1 << 20, &err);
    int rc = 0;
    (void)state;
    memset(block, 'x', 1 << 20);
    sse_init(&reader);
    for (int i = 0; i < 5 && rc == 0; i++) rc = sse_feed(&reader, block, 1 << 20, see, &seen, &err); /* a line that never ends */
    assert_int_equal(rc, -ERROR_TOOLARGE);
    sse_close(&reader);

    error_clear(&err);
    sse_init(&reader);
    assert_ok(sse_feed(&reader, "id: ", 4, see, &seen, &err), &err);
    assert_ok(sse_feed(&reader, block, SSE_ID_SIZE, see, &seen, &err), &err);
    assert_true(sse_feed(&reader, "\n", 1, see, &seen, &err) < 0);
    assert_error(&err, ERROR_DATA, "id of 64 bytes");
    sse_close(&reader);
    mem_free(block);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_streams),
    cmocka_unit_test(test_resume),
    cmocka_unit_test(test_failure_of_the_taker),
    cmocka_unit_test(test_ceilings),
};
TEST_MAIN(tests)

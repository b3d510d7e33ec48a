/* Files of the web: the same rows as from the disk, whatever the line does; and for every way in which a server or a line can fail, that the failure
 * is noticed, told in words, and leaves nothing half behind. */
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
#include "lib/threads.h"
#include "lib/web.h"

static const struct source_patience hasty = {.connect_timeout_ms = 2000, .idle_timeout_ms = 150, .backoff_ms = 1, .tries = 4};
static struct web web;
static char dir[PATH_SIZE], cache[PATH_SIZE], url[200];
static struct bytes text, packed;

static int set_up(void **state)
{
    (void)state;
    web_begin(&web);
    path_join(cache, test_dir(dir), "cache", NULL);
    bytes_init(&text, 1 << 26);
    bytes_init(&packed, 1 << 26);
    kit_criteo(&text, 8000, 5);
    snprintf(url, sizeof url, "%s/log/clicks.tsv", web.url);
    web_put(&web, "/log/clicks.tsv", text.data, text.size, "\"v1\"");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    web_end(&web);
    bytes_close(&text);
    bytes_close(&packed);
    return 0;
}

static bool stop_now(void *context) { return ++*(unsigned *)context > 3; }

/* What the source says is the text: 0, or how it failed. between: the faults from after the look; NULL: as they are. */
static int read_all(const char *uri, const struct web_faults *between, struct error *err)
{
    struct source_options options = {.world = &world_real, .patience = hasty};
    struct source_list list;
    struct bytes got;
    char *uris[] = {(char *)uri};
    int64_t n = 0;
    *err = (struct error){0};
    bytes_init(&got, 1 << 26);
    int rc = source_list_open_with(&list, &options, uris, 1, err);
    if (rc < 0) return rc;
    if (between) web_misbehave(&web, between);
    struct source *s = source_open(&list, 0, err);
    while (s && (n = source_read(s, bytes_reserve(&got, 10000, err) == 0 ? got.data + got.size : NULL, 10000, err)) > 0) got.size += (size_t)n;
    rc = s && n == 0 ? 0 : -(int)err->code;
    if (rc == 0 && (got.size != text.size || memcmp(got.data, text.data, text.size) != 0)) fail_msg("%zu other bytes, want %zu", got.size, text.size);
    source_close(s);
    source_list_close(&list);
    bytes_close(&got);
    return rc;
}

static void reads(const char *uri, const struct web_faults *between)
{
    struct error err;
    assert_ok(read_all(uri, between, &err), &err);
}

static void fails(const char *uri, const struct web_faults *between, enum error_code code, const char *part)
{
    struct error err;
    assert_true(read_all(uri, between, &err) < 0);
    assert_error(&err, code, part);
}

static int load(const char *uri, const char *cache_dir, const struct parallel *parallel, struct kit_rows *rows, struct dataset_info *info,
                struct error *err)
{
    struct kit kit = {.path = uri, .cache = cache_dir, .parallel = parallel, .chunk_bytes = 20000, .patience = hasty};
    *err = (struct error){0};
    return kit_load(&kit, rows, info, err);
}

static void rows_and_digest_are_those_of_the_file(void **state)
{
    (void)state;
    struct parallel two = threads_parallel(2);
    struct dataset_info want, got;
    struct kit_rows rows, again;
    struct error err;
    char file[PATH_SIZE];
    path_join(file, dir, "clicks.tsv", NULL);
    test_write_file(file, text.data, text.size);
    assert_ok(load(file, cache, NULL, &rows, &want, &err), &err);
    for (int i = 0; i < 6; i++) {
        char other[PATH_SIZE];
        snprintf(other, sizeof other, "%.2000s/cache-%d", dir, i);
        bytes_clear(&packed);
        if (i % 3 == 0) assert_ok(bytes_add(&packed, text.data, text.size, &err), &err);
        if (i % 3 == 1) kit_gzip(&packed, text.data, text.size);
        if (i % 3 == 2) kit_zstd(&packed, text.data, text.size);
        web_put(&web, "/log/clicks.tsv", packed.data, packed.size, "\"v1\"");
        web_misbehave(&web, &(struct web_faults){.cuts = 2, .cut_after = packed.size / 3});
        assert_ok(load(url, other, i < 3 ? NULL : &two, &again, &got, &err), &err);
        assert_true(kit_rows_equal(&rows, &again));
        assert_string_equal(got.digest, want.digest);
        assert_int_equal(got.source_bytes, packed.size);
        kit_rows_close(&again);
    }
    kit_rows_close(&rows);
}

static void a_cut_download_goes_on_where_it_stopped(void **state)
{
    (void)state;
    char range[64];
    size_t half = text.size / 2;
    reads(url, &(struct web_faults){.cuts = 1, .cut_after = half});
    assert_int_equal(web_requests(&web), 2);
    snprintf(range, sizeof range, "; Range: bytes=%zu-; If-Range: \"v1\"", half);
    assert_true(web_heard(&web, range));
    reads(url, &(struct web_faults){.cuts = 20, .cut_after = 70000}); /* each brings much, so no try is lost */
    reads(url, &(struct web_faults){.cuts = 3, .cut_after = 10});     /* little, three times: the fourth is the last */
    fails(url, &(struct web_faults){.cuts = 4, .cut_after = 10}, ERROR_UNAVAILABLE, "given up after 4 tries");
    fails(url, &(struct web_faults){.cuts = 100, .cut_after = 0}, ERROR_UNAVAILABLE, "given up after 4 tries");
    assert_int_equal(web_requests(&web), 4);
    web_put(&web, "/log/clicks.tsv", text.data, text.size, NULL); /* a date alone */
    reads(url, &(struct web_faults){.cuts = 1, .cut_after = half});
    assert_true(web_heard(&web, "If-Range: Thu, 01 Jan 2026"));
    web_put(&web, "/log/clicks.tsv", text.data, text.size, "\"v1\"");
    web_misbehave(&web, &(struct web_faults){.weak = true}); /* no comparison for parts, but the answers are compared */
    reads(url, &(struct web_faults){.cuts = 1, .cut_after = half, .weak = true});
    assert_false(web_heard(&web, "If-"));
}

static void a_change_in_the_middle_is_an_error(void **state)
{
    (void)state;
    fails(url, &(struct web_faults){.changes_in = 1}, ERROR_DATA, "changed while it was being read (ETag was \"v1\", is another)");
    web_put(&web, "/log/clicks.tsv", text.data, text.size, "\"v1\"");
    web_misbehave(&web, &(struct web_faults){0});
    fails(url, &(struct web_faults){.cuts = 1, .cut_after = 100000, .changes_in = 2}, ERROR_DATA, "(ETag was \"v1\", is \"changed\")");
    web_put(&web, "/log/clicks.tsv", text.data, text.size, "\"v1\"");
    web_misbehave(&web, &(struct web_faults){0});
    fails(url, &(struct web_faults){.grows_by = 7}, ERROR_DATA, "changed while it was being read (its size was");
    web_misbehave(&web, &(struct web_faults){0});
    fails(url, &(struct web_faults){.cuts = 1, .cut_after = 1000, .no_validators = true}, ERROR_DATA, "(ETag was \"v1\", is missing)");
    struct source_options options = {.world = &world_real, .patience = hasty}; /* shorter than the part that was read */
    struct source_list list;
    struct error err = {0};
    static char buf[50000];
    web_misbehave(&web, &(struct web_faults){.weak = true});
    assert_ok(source_list_open_with(&list, &options, (char *[]){url}, 1, &err), &err);
    web_misbehave(&web, &(struct web_faults){.weak = true, .cuts = 1, .cut_after = 100000});
    struct source *s = source_open(&list, 0, &err);
    assert_int_equal(source_read(s, buf, sizeof buf, &err), sizeof buf);
    web_put(&web, "/log/clicks.tsv", text.data, 60000, "\"v1\"");
    int64_t n;
    while ((n = source_read(s, buf, sizeof buf, &err)) > 0) continue;
    assert_true(n < 0);
    assert_error(&err, ERROR_DATA, "it has less than 100000 bytes now");
    source_close(s);
    source_list_close(&list);
}

static void a_server_without_parts_is_asked_again_only_at_the_start(void **state)
{
    (void)state;
    web_misbehave(&web, &(struct web_faults){.no_range = true});
    reads(url, NULL);
    reads(url, &(struct web_faults){.no_range = true, .cuts = 2, .cut_after = 0});
    assert_int_equal(web_requests(&web), 3);
    web_misbehave(&web, &(struct web_faults){.no_range = true});
    fails(url, &(struct web_faults){.no_range = true, .cuts = 1, .cut_after = 100000}, ERROR_DATA,
          "was cut after 100000 bytes, and the server gives no parts");
    web_misbehave(&web, &(struct web_faults){.no_validators = true});
    fails(url, &(struct web_faults){.no_validators = true, .cuts = 1, .cut_after = 100000}, ERROR_DATA, "has neither ETag nor Last-Modified");
    web_misbehave(&web, &(struct web_faults){.no_range = true, .no_length = true}); /* as long as it comes */
    reads(url, NULL);
    web_misbehave(&web, &(struct web_faults){0});
    fails(url, &(struct web_faults){.content_range = "bytes 5-9/10", .cuts = 1, .cut_after = 1000}, ERROR_DATA, "asked for bytes from 1000");
    web_misbehave(&web, &(struct web_faults){.content_range = "apples"});
    fails(url, NULL, ERROR_DATA, "a Content-Range that makes no sense");
}

static void silence_ends(void **state)
{
    (void)state;
    reads(url, &(struct web_faults){.silences = 2, .silent_after = 100000});
    reads(url, &(struct web_faults){.silences = 1, .silent_after = (size_t)-1});
    fails(url, &(struct web_faults){.silences = 9, .silent_after = 0}, ERROR_UNAVAILABLE, "said nothing for 0.15 s; given up after 4 tries");
}

static void refusals_are_told(void **state)
{
    (void)state;
    char secret[300];
    struct error err;
    web_misbehave(&web, &(struct web_faults){.refusals = 3, .refusal_status = 503});
    reads(url, &(struct web_faults){.refusals = 2, .refusal_status = 429});
    web_misbehave(&web, &(struct web_faults){.refusals = 4, .refusal_status = 500});
    fails(url, NULL, ERROR_UNAVAILABLE, "answered 500; given up after 4 tries");
    web_misbehave(&web, &(struct web_faults){.refusals = 1, .refusal_status = 403});
    fails(url, NULL, ERROR_DATA, "answered 403; it wants credentials, and none were given");
    assert_int_equal(web_requests(&web), 1); /* another try would not help */
    snprintf(secret, sizeof secret, "http://us%%65r:p%%40ss@127.0.0.1:%d/none?sig=s3cret", web.port);
    web_misbehave(&web, &(struct web_faults){0});
    fails(secret, NULL, ERROR_DATA, "/none?...: answered 404; check the address");
    assert_true(web_heard(&web, "Authorization: Basic dXNlcjpwQHNz")); /* user:p@ss */
    assert_true(web_heard(&web, "GET /none?sig=s3cret"));
    web_misbehave(&web, &(struct web_faults){.redirect = "https://elsewhere.example/a?token=s3cret"});
    fails(secret, NULL, ERROR_DATA, "redirects (302) to https://elsewhere.example/a; redirects are not followed");
    assert_int_equal(web_requests(&web), 1);
    web_misbehave(&web, &(struct web_faults){.redirect = "https://user:s3cret@elsewhere.example/a"});
    fails(secret, NULL, ERROR_DATA, "redirects (302) to elsewhere");
    web_misbehave(&web, &(struct web_faults){.refusals = 9, .refusal_status = 500});
    assert_true(read_all(secret, NULL, &err) < 0);
    assert_null(strstr(err.msg, "s3cret"));
    assert_null(strstr(err.msg, "p%40ss"));
    fails("http://127.0.0.1:1/x?s3cret", NULL, ERROR_UNAVAILABLE, "cannot reach http://127.0.0.1:1/x?...");
    fails("http://user:s3cret@ho st/", NULL, ERROR_DATA, "percent-encoded");
    web_misbehave(&web, &(struct web_faults){0});
    web_put(&web, "/empty", "", 0, "\"e\"");
    snprintf(secret, sizeof secret, "%s/empty", web.url);
    fails(secret, NULL, ERROR_DATA, "/empty is empty (0 bytes)");
    err = (struct error){0};
    struct source_list list;
    snprintf(secret, sizeof secret, "%s/log/clicks.tsv#part", web.url);
    assert_true(source_list_open(&list, &world_real, (char *[]){url, secret}, 2, &err) < 0);
    assert_error(&err, ERROR_DATA, "are the same file");
}

static unsigned requests_of_load(const char *uri, bool *from_cache)
{
    struct dataset_info info;
    struct kit_rows rows;
    struct error err;
    web_misbehave(&web, &(struct web_faults){0});
    assert_ok(load(uri, cache, NULL, &rows, &info, &err), &err);
    kit_rows_close(&rows);
    *from_cache = info.from_cache;
    return web_requests(&web);
}

static void an_unchanged_object_is_not_downloaded_again(void **state)
{
    (void)state;
    bool cached;
    char signed_url[300];
    assert_int_equal(requests_of_load(url, &cached), 2);
    assert_false(cached);
    assert_int_equal(requests_of_load(url, &cached), 1);
    assert_true(cached);
    snprintf(signed_url, sizeof signed_url, "%s?X-Amz-Signature=1&X-Amz-Date=2", url); /* signatures name nothing, other parameters do */
    assert_int_equal(requests_of_load(signed_url, &cached), 1);
    snprintf(signed_url, sizeof signed_url, "%s?part=2", url);
    assert_int_equal(requests_of_load(signed_url, &cached), 2);
    web_put(&web, "/log/clicks.tsv", text.data, text.size, "\"v2\"");
    assert_int_equal(requests_of_load(url, &cached), 2);
    web_put(&web, "/log/clicks.tsv", text.data, text.size, NULL); /* a date that was old when it was told */
    assert_int_equal(requests_of_load(url, &cached), 2);
    assert_int_equal(requests_of_load(url, &cached), 1);
    web_put(&web, "/log/clicks.tsv", text.data, text.size, NULL)->modified =
        "Thu, 01 Jan 2026 23:59:30 GMT"; /* 30 s before Date: may hide a change */
    assert_int_equal(requests_of_load(url, &cached), 2);
    assert_int_equal(requests_of_load(url, &cached), 2);
    web_put(&web, "/log/clicks.tsv", text.data, text.size, NULL)->modified = NULL;
    assert_int_equal(requests_of_load(url, &cached), 2);
    assert_int_equal(requests_of_load(url, &cached), 2);
}

static int count_names(void *context, const char *name)
{
    unsigned *others = context;
    if (!str_starts(name, "lock-") && strcmp(name, "seen") != 0 && name[0] != '.') ++*others;
    return 0;
}

static void a_failed_download_leaves_nothing(void **state)
{
    (void)state;
    struct parallel two = threads_parallel(2);
    struct dataset_info info;
    struct kit_rows rows;
    struct error err;
    unsigned others = 0;
    for (int i = 0; i < 4; i++) {
        web_put(&web, "/log/clicks.tsv", text.data, text.size, "\"v1\"");
        web_misbehave(&web, i < 2 ? &(struct web_faults){.cuts = 1, .cut_after = 300000, .changes_in = 3}
                                  : &(struct web_faults){.cuts = 1, .cut_after = 300000, .no_range = true});
        assert_true(load(url, cache, i % 2 ? &two : NULL, &rows, &info, &err) < 0);
        assert_error(&err, ERROR_DATA, i < 2 ? "changed while it was being read" : "was cut after 300000 bytes");
        assert_ok(path_list(&world_real, cache, count_names, &others, &err), &err);
        assert_int_equal(others, 0);
    }
    bool cached;
    web_put(&web, "/log/clicks.tsv", text.data, text.size, "\"v1\"");
    assert_int_equal(requests_of_load(url, &cached), 2);
}

static void a_stop_is_heard_in_silence(void **state)
{
    (void)state;
    unsigned asked = 0;
    struct source_options options = {.world = &world_real, .stop = stop_now, .context = &asked};
    struct source_list list;
    struct error err = {0};
    char byte[10];
    assert_ok(source_list_open(&list, &world_real, (char *[]){url}, 1, &err), &err);
    list.options = options;
    web_misbehave(&web, &(struct web_faults){.silences = 1, .silent_after = 0});
    struct source *s = source_open(&list, 0, &err);
    assert_true(!s || source_read(s, byte, sizeof byte, &err) < 0);
    assert_error(&err, ERROR_STOPPED, "stopped while http://127.0.0.1");
    source_close(s);
    source_list_close(&list);
}

/* A world whose clock leaps: half a minute of pauses passes at once, and is as long as it should be. */
static int64_t leaping_ms;
static int64_t leap(void *impl) { return (void)impl, leaping_ms += 500; }

static void pauses_double_by_the_clock_of_the_world(void **state)
{
    (void)state;
    struct world world = world_real;
    struct source_list list;
    struct error err = {0};
    world.mono_ms = leap;
    leaping_ms = 0;
    web_misbehave(&web, &(struct web_faults){.refusals = 99, .refusal_status = 503});
    assert_true(source_list_open(&list, &world, (char *[]){url}, 1, &err) < 0);
    assert_error(&err, ERROR_UNAVAILABLE, "given up after 6 tries");
    assert_int_equal(web_requests(&web), 6);
    assert_in_range(leaping_ms, 15500, 60000); /* 0.5 + 1 + 2 + 4 + 8 s, and some looks at the clock */
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(rows_and_digest_are_those_of_the_file, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_cut_download_goes_on_where_it_stopped, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_change_in_the_middle_is_an_error, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_server_without_parts_is_asked_again_only_at_the_start, set_up, tear_down),
    cmocka_unit_test_setup_teardown(silence_ends, set_up, tear_down),
    cmocka_unit_test_setup_teardown(refusals_are_told, set_up, tear_down),
    cmocka_unit_test_setup_teardown(an_unchanged_object_is_not_downloaded_again, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_failed_download_leaves_nothing, set_up, tear_down),
    cmocka_unit_test_setup_teardown(a_stop_is_heard_in_silence, set_up, tear_down),
    cmocka_unit_test_setup_teardown(pauses_double_by_the_clock_of_the_world, set_up, tear_down),
};
TEST_MAIN(tests)

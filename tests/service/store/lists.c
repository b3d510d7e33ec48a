/* test: threads */
/* The store: filters and pages. */
#include "service/store/fixture.h"

static void filters_select(void **state)
{
    (void)state;
    static const struct {
        const char *filter;
        size_t want;
    } rows[] = {
        {"", 3},
        {"  ", 3},
        {"state = queued", 2},
        {"state != queued", 1},
        {"state IN (queued, running)", 3},
        {"state NOT IN (running)", 2},
        {"experiment = ctr", 2},
        {"experiment = \"ctr\" AND priority >= 5", 1},
        {"name ~ night", 2},
        {"name !~ night", 1},
        {"labels.git = abc", 2},
        {"labels.git != abc", 1},
        {"labels.none = x", 0},
        {"labels.none != x", 3},
        {"priority < 5 and state = running", 1},
        {"created > 2020-01-01T00:00:00Z", 3},
        {"created < 2020-01-01T00:00:00Z", 0},
        {"name = \"%\"", 0},
    };
    struct fixture f;
    char id[ID_SIZE];
    up(&f);
    job_add(&f, "nightly one", "ctr", 9, "abc", id);
    job_add(&f, "nightly two", "ctr", 0, "abc", id);
    run_job(&f, id);
    job_add(&f, "day; DROP TABLE job", "other", -1, "def", id);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t got = list_count(&f, rows[i].filter);
        if (got != rows[i].want) fail_msg("%s: %zu jobs, want %zu", rows[i].filter, got, rows[i].want);
    }
    down(&f);
}

static void bad_lists_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *order, *token, *part;
        int64_t limit;
    } rows[] = {
        {"sate = queued", NULL, NULL, "did you mean \"state\"", 10},
        {"state = queud", NULL, NULL, "did you mean \"queued\"", 10},
        {"state =", NULL, NULL, "ends too early", 10},
        {"state queued", NULL, NULL, "character 7", 10},
        {"name = 'x", NULL, NULL, "not closed", 10},
        {"name > a", NULL, NULL, "order is for numbers", 10},
        {"priority = high", NULL, NULL, "whole number", 10},
        {"priority ~ 1", NULL, NULL, "texts only", 10},
        {"state IN queued", NULL, NULL, "parentheses", 10},
        {"state IN (queued", NULL, NULL, "comma", 10},
        {"state = queued OR state = failed", NULL, NULL, "AND", 10},
        {"created > today", NULL, NULL, "2026-01-31T", 10},
        {"", "size", NULL, "one of created", 10},
        {"", "name up", NULL, "asc or desc", 10},
        {"", NULL, "xyz", "page_token", 10},
        {"", NULL, "00000000000000010000000000000001", "another filter", 10},
        {"", NULL, NULL, "limit", 0},
        {"", NULL, NULL, "limit", 1001},
    };
    struct fixture f;
    struct job_list list;
    up(&f);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(store_job_list(f.s, rows[i].filter, rows[i].order, rows[i].limit, rows[i].token, &list, &f.err), -ERROR_INVALID);
        assert_error(&f.err, ERROR_INVALID, rows[i].part);
        error_clear(&f.err);
    }
    down(&f);
}

static void pages_hold_while_jobs_come(void **state)
{
    (void)state;
    static const char *const orders[] = {"created desc", "created asc", "name", "priority desc"};
    struct fixture f;
    char id[ID_SIZE], name[32];
    up(&f);
    for (int i = 0; i < 25; i++) {
        snprintf(name, sizeof name, "job %02d", i * 7 % 25);
        job_add(&f, name, "old", i % 3, "", id);
    }
    for (size_t o = 0; o < sizeof orders / sizeof *orders; o++) {
        char token[600] = "";
        size_t seen = 0, pages = 0;
        json_t *ids = json_object();
        do {
            struct job_list list;
            assert_ok(store_job_list(f.s, "experiment = old", orders[o], 10, token, &list, &f.err), &f.err);
            for (size_t i = 0; i < list.count; i++) {
                assert_null(json_object_get(ids, list.items[i].id));
                json_object_set_new(ids, list.items[i].id, json_true());
                if (strcmp(orders[o], "name") == 0 && i > 0) assert_true(strcmp(list.items[i - 1].name, list.items[i].name) <= 0);
            }
            seen += list.count;
            strcpy(token, list.next_page_token);
            job_list_close(&list);
            job_add(&f, "aaa newcomer", "new", 9, "", id);
        } while (token[0] && ++pages < 10);
        assert_int_equal(seen, 25);
        assert_int_equal(pages, 2);
        json_decref(ids);
    }
    down(&f);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(filters_select),
    cmocka_unit_test(bad_lists_are_refused),
    cmocka_unit_test(pages_hold_while_jobs_come),
};
TEST_MAIN(tests)

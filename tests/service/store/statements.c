/* Every statement is prepared against the migrated schema; none may scan a table or index unless its row says that it wants to. */
#include "lib/test.h"

#include <stdio.h>
#include <string.h>

#include "service/store/internal.h"

static struct store *open_store(struct error *err)
{
    char dir[PATH_SIZE];
    struct store *s = store_open(&world_real, test_dir(dir), err);
    assert_ok(s ? 0 : -1, err);
    return s;
}

static void statements_prepare_and_do_not_scan(void **state)
{
    (void)state;
    struct error err = {0};
    struct store *s = open_store(&err);
    for (int i = 0; i < STATEMENT_COUNT; i++) {
        const struct statement_row *row = &statement_rows[i];
        char sql[4096];
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", row->sql);
        struct query q = query_begin_text(&s->writer, row->name, sql);
        bool scans = false;
        char plan[1024] = "";
        int rc;
        while ((rc = query_step(&q, &err)) > 0) {
            const char *detail = query_text_at(&q, 3);
            bool table = strncmp(detail, "SCAN ", 5) == 0 && strncmp(detail, "SCAN pragma", 11) != 0 && strncmp(detail, "SCAN CONSTANT ROW", 17) != 0;
            if (strstr(detail, "sqlite_sequence")) table = false; /* one row a table; it has no index */
            scans |= table;
            snprintf(plan + strlen(plan), sizeof plan - strlen(plan), "%s; ", detail);
        }
        rc = query_end(&q, rc, &err);
        if (rc < 0) fail_msg("%s: %s", row->name, err.msg);
        if (scans && !row->scan_wanted) fail_msg("%s scans: %s", row->name, plan);
    }
    store_close(s);
}

/* The test above must be able to see a scan. */
static void a_scan_would_be_seen(void **state)
{
    (void)state;
    struct error err = {0};
    struct store *s = open_store(&err);
    struct query q = query_begin_text(&s->writer, "planted", "EXPLAIN QUERY PLAN SELECT id FROM job WHERE message = 'x'");
    assert_int_equal(query_step(&q, &err), 1);
    assert_int_equal(strncmp(query_text_at(&q, 3), "SCAN ", 5), 0);
    query_end(&q, 0, &err);
    store_close(s);
}

static void settings_are_the_durable_ones(void **state)
{
    (void)state;
    static const struct {
        const char *pragma, *want;
    } rows[] = {{"PRAGMA journal_mode", "wal"}, {"PRAGMA synchronous", "2"}, {"PRAGMA foreign_keys", "1"}, {"PRAGMA auto_vacuum", "2"}};
    struct error err = {0};
    struct store *s = open_store(&err);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct query q = query_begin_text(&s->writer, "pragma", rows[i].pragma);
        assert_int_equal(query_step(&q, &err), 1);
        assert_string_equal(query_text_at(&q, 0), rows[i].want);
        query_end(&q, 0, &err);
    }
    store_close(s);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(statements_prepare_and_do_not_scan),
    cmocka_unit_test(a_scan_would_be_seen),
    cmocka_unit_test(settings_are_the_durable_ones),
};
TEST_MAIN(tests)

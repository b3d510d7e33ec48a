/* Pages of jobs. The order is a row of a table; the page token carries the sort key and number of the last job shown (keyset), with a
 * hash of filter and order, so that jobs that come or go shift nothing and a token of another query is refused. */
#include "service/store/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct order {
    const char *name, *column;
    bool is_text;
} orders[] = {
    {"created", "num", false},
    {"changed", "changed_ms", false},
    {"name", "name", true},
    {"priority", "priority", false},
};

struct page {
    const struct order *order;
    bool descending, resumed;
    uint64_t query_hash;
    int64_t after_num, after_int;
    char after_text[JOB_NAME_SIZE];
};

static int order_parse(struct page *page, const char *text, struct error *err)
{
    char name[32], direction[8], rest[2];
    const char *names[sizeof orders / sizeof *orders + 1] = {NULL};
    char choices[128];
    int n = sscanf(text, "%31s %7s %1s", name, direction, rest);
    page->order = NULL;
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        names[i] = orders[i].name;
        if (n >= 1 && strcmp(name, orders[i].name) == 0) page->order = &orders[i];
    }
    if (!page->order)
        return error_set(err, ERROR_INVALID, NULL, "order_by: no \"%.30s\"; %s", n >= 1 ? name : "",
                         str_choices(choices, sizeof choices, n >= 1 ? name : "", names));
    page->descending = n >= 2 && strcmp(direction, "desc") == 0;
    if (n > 2 || (n == 2 && !page->descending && strcmp(direction, "asc") != 0))
        return error_set(err, ERROR_INVALID, NULL, "order_by: after %s only asc or desc can follow, got \"%.30s\"", name, text);
    return 0;
}

static int token_parse(struct page *page, const char *token, struct error *err)
{
    unsigned long long hash = 0, num = 0, key = 0;
    int used = 0;
    if (sscanf(token, "%16llx%16llx%n", &hash, &num, &used) != 2 || used != 32)
        return error_set(err, ERROR_INVALID, NULL, "page_token is not one of ours; start at the first page");
    if (hash != page->query_hash)
        return error_set(err, ERROR_INVALID, NULL, "page_token belongs to another filter or order; start at the first page");
    size_t digits = strlen(token + used);
    bool ok = page->order->is_text
                  ? digits % 2 == 0 && digits / 2 < sizeof page->after_text && hex_decode(token + used, (uint8_t *)page->after_text, digits / 2)
                  : digits == 16 && sscanf(token + used, "%16llx", &key) == 1;
    if (!ok) return error_set(err, ERROR_INVALID, NULL, "page_token is not one of ours; start at the first page");
    page->after_num = (int64_t)num;
    if (!page->order->is_text) page->after_int = (int64_t)key;
    page->resumed = true;
    return 0;
}

static void token_write(const struct page *page, const struct job *last, int64_t num, char *out, size_t size)
{
    int64_t key = strcmp(page->order->name, "created") == 0 ? num : strcmp(page->order->name, "changed") == 0 ? last->changed_ms : last->priority;
    int n = snprintf(out, size, "%016llx%016llx", (unsigned long long)page->query_hash, (unsigned long long)num);
    if (page->order->is_text) hex_encode((const uint8_t *)last->name, strlen(last->name), out + n);
    else snprintf(out + n, size - (size_t)n, "%016llx", (unsigned long long)key);
}

/* SELECT ... WHERE filter AND (key, num) beyond the token ORDER BY key, num LIMIT limit + 1 (one more tells whether a page follows). */
static int list_sql(struct bytes *sql, const struct filter *f, const struct page *page, int64_t limit, struct error *err)
{
    const char *column = page->order->column, *direction = page->descending ? "DESC" : "ASC";
    int rc = bytes_printf(sql, err, "SELECT " JOB_COLUMNS " FROM job WHERE %s", bytes_text(&f->sql));
    if (rc == 0 && page->resumed)
        rc = bytes_printf(sql, err, " AND (%s, num) %s (?%zu, ?%zu)", column, page->descending ? "<" : ">", f->count + 1, f->count + 2);
    if (rc == 0) rc = bytes_printf(sql, err, " ORDER BY %s %s, num %s LIMIT %lld", column, direction, direction, (long long)limit + 1);
    return rc;
}

static void list_bind(struct query *q, const struct filter *f, const struct page *page)
{
    int at = 1;
    int64_t number;
    for (size_t i = 0; i < f->count; i++, at++) {
        if (f->is_number[i] && str_to_int64(f->values[i], &number)) query_int(q, at, number);
        else query_text(q, at, f->values[i]);
    }
    if (!page->resumed) return;
    if (page->order->is_text) query_text(q, at, page->after_text);
    else query_int(q, at, page->after_int);
    query_int(q, at + 1, page->after_num);
}

static int list_read(struct conn *c, const char *sql, const struct filter *f, const struct page *page, int64_t limit, struct job_list *out,
                     struct error *err)
{
    int64_t num = 0;
    int rc;
    struct query q = query_begin_text(c, "JOB_LIST", sql);
    list_bind(&q, f, page);
    while ((rc = query_step(&q, err)) > 0) {
        if (out->count == (size_t)limit) {
            token_write(page, &out->items[out->count - 1], num, out->next_page_token, sizeof out->next_page_token);
            break;
        }
        if ((rc = job_read(&q, &out->items[out->count], &num, err)) < 0) break;
        out->count++;
    }
    return query_end(&q, rc < 0 ? rc : 0, err);
}

int store_job_list(struct store *s, const char *filter, const char *order_by, int64_t limit, const char *page_token, struct job_list *out,
                   struct error *err)
{
    struct page page = {0};
    struct filter f = {0};
    struct bytes sql;
    struct conn *c;
    memset(out, 0, sizeof *out);
    bytes_init(&sql, 128 << 10);
    if (!filter) filter = "";
    if (!order_by || !order_by[0]) order_by = "created desc";
    if (limit < 1 || limit > LIST_LIMIT_MAX)
        return error_set(err, ERROR_INVALID, NULL, "limit must be 1 to %d, got %lld", LIST_LIMIT_MAX, (long long)limit);
    int rc = order_parse(&page, order_by, err);
    if (rc == 0) rc = filter_compile(&f, filter, err);
    page.query_hash = hash64(filter, strlen(filter), hash64(order_by, strlen(order_by), 1));
    if (rc == 0 && page_token && page_token[0]) rc = token_parse(&page, page_token, err);
    if (rc == 0) rc = list_sql(&sql, &f, &page, limit, err);
    if (rc == 0 && !(out->items = mem_array((size_t)limit, 1, sizeof *out->items, err))) rc = -ERROR_NOMEM;
    if (rc == 0 && (rc = reader_take(s, &c, err)) == 0) {
        rc = list_read(c, bytes_text(&sql), &f, &page, limit, out, err);
        reader_give(s, c);
    }
    filter_close(&f);
    bytes_close(&sql);
    if (rc < 0) job_list_close(out);
    return rc;
}

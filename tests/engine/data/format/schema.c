/* The schema as the user writes it: both forms, quoting, and which item a column takes. */
#include <stdio.h>
#include <string.h>

#include "engine/data/format/schema.h"
#include "lib/test.h"

/* "column|type|argument|missing|constant" of each item. */
static void check(const char *text, const char *want)
{
    static const char *const missing[] = {"own", "error", "skip", "constant"};
    struct schema s;
    struct error err = {0};
    char got[500] = "";
    assert_ok(schema_read(&s, text, &err), &err);
    for (size_t i = 0; i < s.count; i++) {
        const struct schema_item *item = &s.items[i];
        size_t used = strlen(got);
        snprintf(got + used, sizeof got - used, "%s%s|%s|%s|%s|%s", i ? "\n" : "", item->column, item->type->name, item->argument,
                 missing[item->missing], item->constant);
    }
    assert_string_equal(got, want);
    schema_close(&s);
}

static void texts(void **state)
{
    (void)state;
    check("", "");
    check(" , ,", "");
    check("a:numeric", "a|numeric||own|");
    check(" a : log ,b*:ignore,0-3:categorical", "a|log||own|\nb*|ignore||own|\n0-3|categorical||own|");
    check("tags:multi(|), list:multi(,), blank:multi( )", "tags|multi|||own|\nlist|multi|,|own|\nblank|multi| |own|");
    check("age:buckets(0;18;65) missing=error", "age|buckets|0;18;65|error|error");
    check("a:numeric missing=skip,b:log missing=own,c:categorical missing=none given",
          "a|numeric||skip|skip\nb|log||own|own\nc|categorical||constant|none given");
    check("a:categorical missing='skip', b:categorical missing='it''s, so'", "a|categorical||constant|skip\nb|categorical||constant|it's, so");
    check("'a:b, c' : numeric, 'it''s':log, user's:ignore", "a:b, c|numeric||own|\nit's|log||own|\nuser's|ignore||own|");
    check("a:b:numeric, f(x, y):log", "a:b|numeric||own|\nf(x, y)|log||own|");
    check("p:vocab(a (1).txt), q:vocab('odd)''name')", "p|vocab|a (1).txt|own|\nq|vocab|odd)'name|own|");
    check("a:multi('(')", "a|multi|(|own|");
    check("{\"a\": \"numeric missing=0\", \"x:y, z\": \"multi(,)\"}", "a|numeric||constant|0\nx:y, z|multi|,|own|");
}

static void what_is_no_schema(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a", "\"a\" has no type; write it as COLUMN:TYPE"},
        {":numeric", "has no type"},
        {"'a:numeric", "has no type"},
        {"a:", "column a: no type \"\""},
        {"a:numerik", "column a: no type \"numerik\"; did you mean \"numeric\"?"},
        {"a:numeric(3)", "column a: type numeric takes no argument"},
        {"a:quantile", "column a: type quantile wants an argument: quantile(n)"},
        {"a:quantile()", "column a: type quantile wants an argument"},
        {"a:buckets(1;2", "column a: the bracket behind its type's name does not close"},
        {"a:vocab('x)", "column a: the bracket behind its type's name does not close"},
        {"a:log missing=", "column a: missing= wants own, error, skip, or the text to read instead"},
        {"a:log missing=''", "column a: missing= wants"},
        {"a:log missing='x", "column a: the quote behind missing= does not close"},
        {"a:log now", "column a: only missing=... may follow its type"},
        {"{\"a\": 3}", "column a: its type must be a string"},
        {"{\"a\": \"log\", \"a\": \"log\"}", "duplicate"},
        {"{", "the schema"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schema s;
        struct error err = {0};
        if (schema_read(&s, cases[i][0], &err) == 0) fail_msg("%s: taken", cases[i][0]);
        if (!strstr(err.msg, cases[i][1])) fail_msg("%s: %s", cases[i][0], err.msg);
        assert_true(err.code == ERROR_DATA || err.code == ERROR_MALFORMED);
    }
}

static void arguments(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"a:quantile(1)", "column a: quantile(n) wants the number of bins, 2 to 1024"},
        {"a:quantile(1025)", "quantile(n) wants"},
        {"a:quantile(x)", "quantile(n) wants"},
        {"a:buckets(1;1)", "column a: buckets wants ascending numbers like buckets(0;10;100), got \"1\""},
        {"a:buckets(1;;2)", "got \"\""},
        {"a:buckets(nan)", "got \"nan\""},
        {"a:multi(ab)", "column a: multi(s) wants one byte between values"},
        {"a:vocab(/no/such/file)", "column a: no file can be read here; vocab(FILE) wants"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct schema s;
        struct error err = {0};
        assert_ok(schema_read(&s, cases[i][0], &err), &err);
        assert_true(schema_load(&s, NULL, &err) < 0);
        assert_error(&err, ERROR_DATA, cases[i][1]);
        assert_string_equal(err.field, "/dataset/schema");
        schema_close(&s);
    }
}

static void the_most_specific_item_holds(void **state)
{
    (void)state;
    static const char *const orders[] = {"C*:log, C1*:ignore, 0-9:numeric, 3-4:multi(|), 4:quantile(4), C14:categorical",
                                         "C14:categorical, 4:quantile(4), 3-4:multi(|), 0-9:numeric, C1*:ignore, C*:log"};
    for (int i = 0; i < 2; i++) {
        struct schema s;
        struct error err = {0};
        assert_ok(schema_read(&s, orders[i], &err), &err);
        assert_string_equal(schema_find(&s, "C14", 4)->type->name, "categorical");
        assert_string_equal(schema_find(&s, "C1", 4)->type->name, "quantile");
        assert_string_equal(schema_find(&s, "C1", 3)->type->name, "multi");
        assert_string_equal(schema_find(&s, "C1", 9)->type->name, "numeric");
        assert_string_equal(schema_find(&s, "C19", 10)->type->name, "ignore");
        assert_string_equal(schema_find(&s, "C2", SIZE_MAX)->type->name, "log");
        assert_null(schema_find(&s, "D", 10));
        schema_close(&s);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(texts),
    cmocka_unit_test(what_is_no_schema),
    cmocka_unit_test(arguments),
    cmocka_unit_test(the_most_specific_item_holds),
};
TEST_MAIN(tests)

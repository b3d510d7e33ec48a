/* explain() of every format tells what parse() did: the same features of the same rows, and of which text each was made. */
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "lib/format_kit.h"
#include "lib/test.h"

struct told {
    const struct format_kit *kit;
    size_t features, rows;
    const char *wrong;
};

static int take_feature(void *context, const struct explained *e, struct error *err)
{
    struct told *t = context;
    const struct rows *rows = &t->kit->out.rows;
    const struct format *kind = t->kit->kind;
    const char *known = kind->field_name && e->field != FIELD_UNKNOWN ? kind->field_name(t->kit->state, e->field) : NULL;
    size_t f = t->features++, start = t->rows ? rows->ends[t->rows - 1] : 0;
    (void)err;
    if (t->rows >= rows->count || f >= rows->ends[t->rows]) t->wrong = "a feature too many";
    else if (e->row != t->rows) t->wrong = "another row";
    else if (e->key != rows->keys[f]) t->wrong = "another key";
    else if (e->value != (rows->with & ROWS_VALUES ? rows->values[f] : 1)) t->wrong = "another value";
    else if (e->field != (rows->layout ? rows->layout[f - start] : rows->with & ROWS_FIELDS ? rows->fields[f] : FIELD_UNKNOWN))
        t->wrong = "another field";
    else if (!e->text || !e->name) t->wrong = "no text";
    else if (known && strcmp(e->name, known) != 0) t->wrong = "another name";
    else if (e->missing && e->size > 0) t->wrong = "a missing value with a text";
    return 0;
}

static int take_row(void *context, float label, struct error *err)
{
    struct told *t = context;
    const struct rows *rows = &t->kit->out.rows;
    (void)err;
    if (t->rows >= rows->count || t->features != rows->ends[t->rows] || label != rows_label(rows, t->rows)) t->wrong = "another row's end";
    t->rows++;
    return 0;
}

static void explain_tells_what_parse_did(void **state)
{
    (void)state;
    bool seen[64] = {false};
    for (const struct format_sample *s = format_samples; s->format; s++) {
        struct format_kit kit;
        struct error err = {0};
        assert_ok(format_kit_sample(&kit, s, &err), &err);
        for (size_t f = 0; formats[f]; f++) seen[f] |= kit.kind == formats[f];
        assert_true(kit.out.rows.count > 0);
        struct told told = {.kit = &kit};
        const struct explainer tell = {&told, take_feature, take_row};
        struct parsed counts = {.lines = 0};
        assert_ok(explain_rows(kit.kind, kit.state, &kit.chunk, &tell, &counts, &err), &err);
        assert_int_equal(counts.rows.count, kit.out.rows.count);
        assert_int_equal(counts.lines, kit.out.lines);
        assert_int_equal(counts.bad.count, kit.out.bad.count);
        assert_int_equal(counts.bad.line, kit.out.bad.line);
        assert_string_equal(counts.bad.text, kit.out.bad.text);
        if (told.wrong)
            fail_msg("%s %s: %s in feature %zu of row %zu", s->format, s->options ? s->options : "", told.wrong, told.features, told.rows);
        assert_int_equal(told.rows, kit.out.rows.count);
        assert_int_equal(told.features, kit.out.rows.features);
        format_kit_close(&kit);
    }
    for (size_t f = 0; formats[f]; f++)
        if (!seen[f]) fail_msg("no sample of %s in tests/lib/format_kit.c", formats[f]->kind.name);
}

static int stop_here(void *context, const struct explained *e, struct error *err)
{
    (void)e;
    return ++*(size_t *)context == 2 ? error_set(err, ERROR_STOPPED, NULL, "enough") : 0;
}

static void who_listens_may_stop(void **state)
{
    (void)state;
    struct format_kit kit;
    struct error err = {0};
    size_t heard = 0;
    const struct explainer tell = {&heard, stop_here, NULL};
    assert_ok(format_kit_sample(&kit, &format_samples[0], &err), &err);
    assert_int_equal(explain_rows(kit.kind, kit.state, &kit.chunk, &tell, NULL, &err), -ERROR_STOPPED);
    assert_int_equal(heard, 2);
    format_kit_close(&kit);
}

struct writing { /* what is told, as one text */
    const struct format_kit *kit;
    struct bytes text;
};

static int write_text(void *context, const struct explained *e, struct error *err)
{
    struct writing *w = context;
    return bytes_printf(&w->text, err, "%s=%.*s%s ", e->name, (int)e->size, e->text, e->missing ? "?" : "");
}

static int write_name(void *context, const struct explained *e, struct error *err)
{
    struct writing *w = context;
    char room[EXPLAINED_ROOM];
    size_t size;
    const char *name = explained_name(w->kit->kind, w->kit->state, e, room, &size);
    return bytes_printf(&w->text, err, "%.*s|", (int)size, name);
}

static int write_row(void *context, float label, struct error *err)
{
    struct writing *w = context;
    return bytes_printf(&w->text, err, "-> %g\n", (double)label);
}

/* What `feature` and `row` write of a sample is `want`. */
static void check_written(const struct format_sample *sample, int (*feature)(void *, const struct explained *, struct error *),
                          int (*row)(void *, float, struct error *), const char *want)
{
    struct format_kit kit;
    struct error err = {0};
    struct writing w = {.kit = &kit};
    const struct explainer tell = {&w, feature, row};
    bytes_init(&w.text, 1 << 16);
    assert_ok(format_kit_sample(&kit, sample, &err), &err);
    assert_ok(explain_rows(kit.kind, kit.state, &kit.chunk, &tell, NULL, &err), &err);
    assert_string_equal(bytes_text(&w.text), want);
    bytes_close(&w.text);
    format_kit_close(&kit);
}

/* What a person sees. */
static void the_words_are_those_of_the_text(void **state)
{
    (void)state;
    static const struct {
        struct format_sample sample;
        const char *want;
    } cases[] = {
        {{.format = "csv", .text = "label,a,b\n1,\"x \"\"y\"\"\",\n0,\"p\nq\",z\r\n7,,\n"}, "a=x \"y\" b=? -> 1\na=p\nq b=z -> 0\n"},
        {{.format = "libsvm", .text = "1 qid:2 3:0.5 # note\n"}, "=3 -> 1\n"},
        {{.format = "libffm", .text = "0 2:3:1 65534:1:1\n"}, "2=2:3 65534=65534:1 -> 0\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_written(&cases[i].sample, write_text, write_row, cases[i].want);
}

#define ACCENTS "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9" /* 20 bytes */

/* What one of many texts stands for is called by what all of them have in common. */
static void classes_are_called_by_their_bounds(void **state)
{
    (void)state;
    static const char table[] = "{\"label\": \"y\", \"schema\": \"l:log,b:buckets(0;2.5),n:numeric,q:quantile(2)\"}";
    static const struct {
        struct format_sample sample;
        const char *want;
    } cases[] = {
        {{.format = "csv", .options = table, .text = "y,l,b,n,q,c\n1,3.5,-1,7,1,3\n0,-2.5,0,,,\n1,5,2.5,1e9,0,4\n"},
         ">= 3, < 5|< 0|(any number)|(any number)|3|-3|>= 0, < 2.5||||5|>= 2.5|(any number)|(any number)|4|"},
        {{.format = "jsonl", .options = table, .text = "{\"y\": 1, \"l\": 7, \"b\": 1}\n"}, ">= 6, < 8|>= 0, < 2.5|||"},
        {{.format = "csv", .options = "{\"label\": \"y\", \"schema\": \"l:log\"}", .crosses = "[[\"l\", \"c\"]]", .text = "y,l,c\n1,4,x\n1,,x\n"},
         ">= 3, < 5|x|>= 3, < 5*x||x|*x|"},
        {{.format = "criteo", .text = "1\t4\t-1\t2\t\t\t\t\t\t\t\t\t\t10\t3\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\n"},
         ">= 3, < 5|-1|2||||||||||>= 10, < 12|3||||||||||||||||||||||||||"},
        {{.format = "libffm", .text = "0 2:3:1\n"}, "2:3|"},
        {{.format = "csv",
          .options = "{\"label\": \"y\", \"schema\": \"b:buckets(0;2) missing=1, c:categorical missing=none\"}",
          .text = "y,b,c\n1,,\n"},
         ">= 0, < 2|none|"},
        {{.format = "csv", .options = "{\"label\": \"y\", \"schema\": \"c:categorical missing=" ACCENTS ACCENTS ACCENTS "\"}", .text = "y,c\n1,\n"},
         ACCENTS ACCENTS "\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9...|"}, /* cut between characters */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_written(&cases[i].sample, write_name, NULL, cases[i].want);
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    for (const struct format_sample *s = format_samples; s->format; s++) {
        struct format_kit kit;
        struct error err = {0};
        assert_ok(format_kit_sample(&kit, s, &err), &err);
        struct told told = {.kit = &kit};
        const struct explainer tell = {&told, take_feature, take_row};
        int rc = -1;
        for (unsigned k = 1; rc < 0 && k < 1000; k++) {
            told.rows = told.features = 0;
            err = (struct error){0};
            mem_fail_after(k);
            rc = explain_rows(kit.kind, kit.state, &kit.chunk, &tell, NULL, &err);
            if (!mem_fail_after(0)) assert_int_equal(rc, 0);
            else if (rc < 0) assert_int_equal(rc, -ERROR_NOMEM);
        }
        assert_int_equal(rc, 0);
        format_kit_close(&kit);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(explain_tells_what_parse_did),    cmocka_unit_test(who_listens_may_stop),
    cmocka_unit_test(the_words_are_those_of_the_text), cmocka_unit_test(classes_are_called_by_their_bounds),
    cmocka_unit_test(every_allocation_may_fail),
};
TEST_MAIN(tests)

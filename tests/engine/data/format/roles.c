/* Weight, group and time of a row: which texts are one, and what every format does with them. */
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "engine/data/format/roles.h"
#include "lib/format_kit.h"
#include "lib/test.h"

static void times(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t want;
    } good[] = {
        {"0", 0},
        {"-7", -7},
        {" 1764230400\t", 1764230400},
        {"9223372036854775807", INT64_MAX},
        {"1.9", 1},
        {"-1.1", -2},
        {"1e9", 1000000000},
        {"1970-01-01", 0},
        {"1970-01-02", 86400},
        {"2000-02-29", 951782400},
        {"2026-11-27", 1795737600},
        {"2026-11-27T08:00:00Z", 1795766400},
        {"2026-11-27 08:00", 1795766400},
        {"2026-11-27t08:00:30.999z", 1795766430},
        {"2026-11-27T08:00:00+02:00", 1795759200},
        {"2026-11-27T08:00:00-00:30", 1795768200},
        {"1969-12-31T23:59:59Z", -1},
        {"0000-01-01", -62167219200},
        {"9999-12-31T23:59:60", 253402300800},
    };
    static const char *const bad[] = {"",
                                      "x",
                                      "nan",
                                      "2026-13-01",
                                      "2026-00-01",
                                      "2026-02-29",
                                      "2100-02-29",
                                      "2026-11-31",
                                      "2026-1-1",
                                      "2026-11-27T",
                                      "2026-11-27x",
                                      "2026-11-27T24:00",
                                      "2026-11-27T08:60",
                                      "2026-11-27T08:00:61",
                                      "2026-11-27T08:00:00.",
                                      "2026-11-27T08:00:00+2",
                                      "2026-11-27T08:00:00Zz",
                                      "1e19",
                                      "-1e19",
                                      "08:00",
                                      "2026-11-27  08:00"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t got = 42;
        const char *why = role_time(good[i].text, good[i].text + strlen(good[i].text), &got);
        if (why || got != good[i].want) fail_msg("%s: %s, %lld", good[i].text, why ? why : "read", (long long)got);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t got;
        if (!role_time(bad[i], bad[i] + strlen(bad[i]), &got)) fail_msg("\"%s\" is a time", bad[i]);
    }
}

/* Every day of eight centuries, by the C library. */
static void days_agree_with_the_c_library(void **state)
{
    (void)state;
    for (int64_t day = -200000; day < 100000; day += 13) {
        time_t at = (time_t)(day * 86400 + 3723);
        struct tm tm;
        char text[40];
        int64_t got;
        assert_non_null(gmtime_r(&at, &tm));
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        assert_null(role_time(text, text + strlen(text), &got));
        assert_int_equal(got, at);
    }
}

static void weights(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "-1", "nan", "inf", "1e39", "1 2", "1e38", "1000001", "9e-7"};
    float got;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!role_weight(bad[i], bad[i] + strlen(bad[i]), &got)) fail_msg("\"%s\" is a weight", bad[i]);
    assert_null(role_weight(" 2.5 ", strchr(" 2.5 ", 0), &got));
    assert_null(role_weight("-0", strchr("-0", 0), &got));
    assert_null(role_weight("1e-6", strchr("1e-6", 0), &got)); /* the ends of what an evaluation can sum */
    assert_null(role_weight("1e6", strchr("1e6", 0), &got));
}

static const struct format_sample *sample_with_all(const char *format)
{
    for (const struct format_sample *s = format_samples; s->format; s++)
        if (strcmp(s->format, format) == 0 && s->weight && s->group && s->time) return s;
    return NULL;
}

static void criteo_columns_may_play_a_part(void **state)
{
    (void)state;
    struct format_kit kit, plain = {.format = "criteo", .context = {.hash_seed = 5}};
    struct error err = {0};
    const struct format_sample *s = sample_with_all("criteo");
    assert_ok(format_kit_sample(&kit, s, &err), &err);
    const struct rows *rows = &kit.out.rows;
    assert_int_equal(rows->count, 2);
    assert_int_equal(rows->layout_size, 36); /* I1, I2 and C2 are no features */
    assert_int_equal(rows->features, 2 * 36);
    assert_close(rows->weights[0], 0.5, 0, 0);
    assert_close(rows->weights[1], 3, 0, 0);
    assert_int_equal(rows->times[0], 1795737600);
    assert_int_equal(rows->times[1], 12);
    assert_true(rows->groups[0] == hash64("b", 1, 0) && rows->groups[1] == hash64("d", 1, 0));
    assert_string_equal(kit.kind->field_name(kit.state, 0), "I3");
    assert_string_equal(kit.kind->field_name(kit.state, 11), "C1");
    assert_string_equal(kit.kind->field_name(kit.state, 12), "C3");
    assert_null(kit.kind->field_name(kit.state, 36));
    /* The other columns' keys are what they are without roles. */
    char text[400];
    snprintf(text, sizeof text, "1\t1\t1%s", strchr(strchr(strchr(s->text, '\t') + 1, '\t') + 1, '\t'));
    *(strchr(text, '\n') + 1) = 0;
    assert_ok(format_kit_open(&plain, text, strlen(text), &err), &err);
    for (size_t c = 0, f = 0; c < 39; c++)
        if (c != 0 && c != 1 && c != 14) assert_int_equal(rows->keys[f++], plain.out.rows.keys[c]);
    format_kit_close(&plain);
    format_kit_close(&kit);
}

static void the_last_column_of_criteo_may_be_the_group(void **state)
{
    (void)state;
    static const char tabs[] = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
    char text[200];
    struct format_kit kit = {.format = "criteo", .context = {.group = "C26"}};
    struct error err = {0};
    snprintf(text, sizeof text, "1%sg\r\n0%s\r\n0%sh\n", tabs, tabs, tabs);
    assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
    assert_int_equal(kit.out.rows.count, 3);
    assert_true(kit.out.rows.groups[0] == hash64("g", 1, 0) && kit.out.rows.groups[1] == hash64("", 0, 0) &&
                kit.out.rows.groups[2] == hash64("h", 1, 0));
    format_kit_close(&kit);
}

static void criteo_without_labels(void **state)
{
    (void)state;
    struct format_kit with = {.format = "criteo"}, without = {.format = "criteo", .context = {.no_labels = true}};
    struct error err = {0};
    const char *labelled = format_samples[0].text;
    char text[1000] = "";
    for (const char *p = labelled; *p; p = strchr(p, '\n') + 1) { /* the same lines from the second column on */
        const char *end = strchr(p, '\n') + 1, *tab = memchr(p, '\t', (size_t)(end - p));
        strncat(text, tab ? tab + 1 : p, (size_t)(end - (tab ? tab + 1 : p)));
    }
    assert_ok(format_kit_open(&with, labelled, strlen(labelled), &err), &err);
    assert_ok(format_kit_open(&without, text, strlen(text), &err), &err);
    assert_int_equal(with.out.rows.count, 3);
    assert_int_equal(without.out.rows.count, 3);
    assert_memory_equal(with.out.rows.keys, without.out.rows.keys, with.out.rows.features * sizeof(uint32_t));
    assert_int_equal(without.out.bad.count, 1);
    assert_non_null(strstr(without.out.bad.text, "1 column, want 39 (no label, 13 integers"));
    for (int r = 0; r < 3; r++) assert_int_equal(without.out.rows.labels[r], 0);
    format_kit_close(&with), format_kit_close(&without);
}

static void csv_columns_may_play_a_part(void **state)
{
    (void)state;
    struct format_kit kit;
    struct error err = {0};
    assert_ok(format_kit_sample(&kit, sample_with_all("csv"), &err), &err);
    const struct rows *rows = &kit.out.rows;
    assert_int_equal(rows->count, 2);
    assert_int_equal(rows->layout_size, 1); /* a alone is a feature */
    assert_close(rows->weights[0] * 10 + rows->weights[1], 10.5, 0, 0);
    assert_true(rows->times[0] == 1795737600 && rows->times[1] == 8);
    assert_true(rows->groups[0] == hash64("u1", 2, 0) && rows->groups[1] == hash64("u2", 2, 0));
    assert_int_equal(kit.out.bad.line, 1);
    assert_non_null(strstr(kit.out.bad.text, "column 3"));
    assert_non_null(strstr(kit.out.bad.text, "\"x\" is not a weight"));
    format_kit_close(&kit);
}

static void libsvm_groups_by_qid(void **state)
{
    (void)state;
    static const char text[] = "1 qid:3 1:1\n0 qid:3 2:1\n1 1:1\n0 qid:12\n";
    struct format_kit with = {.format = "libsvm", .context = {.group = "qid"}}, without = {.format = "libsvm"};
    struct error err = {0};
    assert_ok(format_kit_open(&with, text, strlen(text), &err), &err);
    assert_int_equal(with.out.rows.count, 3);
    assert_true(with.out.rows.groups[0] == hash64("3", 1, 0) && with.out.rows.groups[1] == with.out.rows.groups[0] &&
                with.out.rows.groups[2] == hash64("12", 2, 0));
    assert_int_equal(with.out.bad.line, 2);
    assert_non_null(strstr(with.out.bad.text, "column 2: \"1:1\" is not qid:N"));
    assert_ok(format_kit_open(&without, text, strlen(text), &err), &err); /* passed over */
    assert_int_equal(without.out.rows.count, 4);
    assert_int_equal(without.out.rows.features, 3);
    assert_int_equal(without.out.rows.with & ROWS_GROUPS, 0);
    format_kit_close(&with), format_kit_close(&without);
}

/* Every format: a column that is not there is refused before anything is read, with the field and a way out. */
static void a_role_without_a_column_is_refused(void **state)
{
    (void)state;
    for (const struct format_sample *s = format_samples; s->format; s++)
        for (int r = 0; r < ROLES; r++) {
            struct format_sample other = *s;
            struct format_kit kit;
            struct error err = {0};
            *(r == ROLE_WEIGHT ? &other.weight : r == ROLE_GROUP ? &other.group : &other.time) = "no such";
            assert_true(format_kit_sample(&kit, &other, &err) < 0);
            assert_error(&err, ERROR_DATA, "no such");
            assert_string_equal(err.field, roles[r].pointer);
            format_kit_close(&kit);
        }
}

static void a_text_that_a_role_does_not_take_is_a_bad_row(void **state)
{
    (void)state;
    static const char tabs[] = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t";
    char text[100];
    struct format_kit kit = {.format = "criteo", .context = {.weight = "I1", .time = "I2"}};
    struct error err = {0};
    snprintf(text, sizeof text, "1\t-1\t5%s\n", tabs);
    assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
    assert_int_equal(kit.out.rows.count, 0);
    assert_non_null(strstr(kit.out.bad.text, "column 2: \"-1\" is not a weight"));
    format_kit_close(&kit);
    kit = (struct format_kit){.format = "criteo", .context = {.weight = "I1", .time = "I2"}};
    snprintf(text, sizeof text, "1\t1\tx%s\n", tabs);
    assert_ok(format_kit_open(&kit, text, strlen(text), &err), &err);
    assert_non_null(strstr(kit.out.bad.text, "column 3: \"x\" is not a time"));
    format_kit_close(&kit);
}

/* Rows to be scored: a role that nobody asks for may be missing, and where it is there it is neither read nor a feature. Features are the same. */
static void roles_that_nobody_reads(void **state)
{
    (void)state;
    enum { ALL = 1 << ROLE_WEIGHT | 1 << ROLE_GROUP | 1 << ROLE_TIME };
    static const struct {
        const char *format, *options, *weight, *group, *time, *with, *without; /* without: NULL: there is no such text */
    } cases[] = {
        {"csv", "{\"schema\": \"i:ignore\"}", "w", "u", "t", "label,a,w,u,t,i,b\n1,x,none,7,never,z,y\n0,z,,,,,\n", "label,a,b\n1,x,y\n0,z,\n"},
        {"csv", NULL, "w", "u", "", "w,label,a,u,b\n-1,1,x,7,y\n,0,z,,\n", "label,a,u,b\n1,x,,y\n0,z,,\n"},
        {"jsonl", "{\"schema\": \"i:ignore\"}", "w", "u", "t",
         "{\"label\": 1, \"a\": \"x\", \"b\": \"y\"}\n{\"label\": 0, \"a\": \"z\", \"w\": \"no\", \"u\": 7, \"t\": [], \"i\": 1}\n",
         "{\"label\": 1, \"a\": \"x\", \"b\": \"y\"}\n{\"label\": 0, \"a\": \"z\"}\n"},
        {"vw", NULL, "importance", "tag", "", "1 2.5 g1|a x |b y\n-1 0.5|a z\n", "1 |a x |b y\n-1 |a z\n"},
        {"libsvm", NULL, "", "qid", "", "1 qid:7 1:1 2:1\n0 3:1\n", "1 1:1 2:1\n0 3:1\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct format_kit kits[2];
        for (int w = 0; w < 2; w++) {
            const char *text = w ? cases[i].without : cases[i].with;
            struct error err = {0};
            kits[w] = (struct format_kit){
                .format = cases[i].format,
                .options = cases[i].options,
                .context = {.weight = cases[i].weight, .group = cases[i].group, .time = cases[i].time, .scoring = true, .unread = ALL}};
            assert_ok(format_kit_open(&kits[w], text, strlen(text), &err), &err);
            if (kits[w].out.bad.count) fail_msg("case %zu: %s", i, kits[w].out.bad.text);
            assert_int_equal(kits[w].out.rows.count, 2);
            assert_int_equal(kits[w].out.rows.with & (ROWS_WEIGHTS | ROWS_GROUPS | ROWS_TIMES), 0);
        }
        const struct rows *a = &kits[0].out.rows, *b = &kits[1].out.rows;
        assert_int_equal(a->features, b->features);
        assert_memory_equal(a->keys, b->keys, a->features * sizeof *a->keys);
        for (int w = 0; w < 2; w++) format_kit_close(&kits[w]);
    }
}

/* One that is asked for says for what, and what else can be done. */
static void roles_that_are_missing(void **state)
{
    (void)state;
    static const struct {
        const char *weight, *group, *says;
        bool scoring;
    } cases[] = {
        {"w", "",
         "no column \"w\"; the columns are label, a; it is the weight of a row (dataset.weight when the model was trained), by which the metrics "
         "weigh it: put it in, or take --no-labels",
         true},
        {"", "u", "it is the group of a row (dataset.group when the model was trained), within which GAUC, NDCG and the hit rate rank it", true},
        {"w", "", "no column \"w\"; the columns are label, a", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct format_kit kit = {
            .format = "csv", .context = {.weight = cases[i].weight, .group = cases[i].group, .scoring = cases[i].scoring, .unread = 1 << ROLE_TIME}};
        struct error err = {0};
        assert_true(format_kit_open(&kit, "label,a\n1,x\n", 12, &err) < 0);
        assert_error(&err, ERROR_DATA, cases[i].says);
        format_kit_close(&kit);
    }
    struct format_kit kit = {.format = "vw", .context = {.group = "tag", .scoring = true}};
    struct error err = {0};
    assert_ok(format_kit_open(&kit, "1 |a x\n", 7, &err), &err);
    assert_string_equal(kit.out.bad.text,
                        "column 3: \"1 \" has no tag, which is the row's group (dataset.group), within which GAUC, NDCG and the hit rate "
                        "rank it; predict --no-labels needs none");
    format_kit_close(&kit);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(roles_that_nobody_reads),
    cmocka_unit_test(roles_that_are_missing),
    cmocka_unit_test(times),
    cmocka_unit_test(days_agree_with_the_c_library),
    cmocka_unit_test(weights),
    cmocka_unit_test(criteo_columns_may_play_a_part),
    cmocka_unit_test(the_last_column_of_criteo_may_be_the_group),
    cmocka_unit_test(criteo_without_labels),
    cmocka_unit_test(csv_columns_may_play_a_part),
    cmocka_unit_test(libsvm_groups_by_qid),
    cmocka_unit_test(a_role_without_a_column_is_refused),
    cmocka_unit_test(a_text_that_a_role_does_not_take_is_a_bad_row),
};
TEST_MAIN(tests)

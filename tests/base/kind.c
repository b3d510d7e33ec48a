#include "base/kind.h"
#include "base/mem.h"
#include "lib/test.h"

#include <math.h>
#include <string.h>

/* One option of each type, and a group. */
struct params {
    int64_t count, auto_count;
    double share, start, decay;
    bool flag;
    int name;
    char text[OPTION_TEXT_SIZE], moment[OPTION_TEXT_SIZE], list[OPTION_TEXT_SIZE];
};
static const char *const colours[] = {"red", "green", NULL};
static const struct option options[] = {
    {"count", OPT_INT, offsetof(struct params, count), 3, 1, 10, .help = "how many"},
    {"auto_count", OPT_AUTO, offsetof(struct params, auto_count), 0, 1, 10, .help = "how many, or auto"},
    {"share", OPT_REAL, offsetof(struct params, share), 0.5, 0, 1, .help = "share", .flags = OPTION_ABOVE_MIN | OPTION_BELOW_MAX | OPTION_SAY_WHY},
    {"flag", OPT_BOOL, offsetof(struct params, flag), 1, .help = "flag"},
    {"name", OPT_NAME, offsetof(struct params, name), 1, .help = "colour", .choices = colours, .flags = OPTION_RUNTIME},
    {"text", OPT_TEXT, offsetof(struct params, text), .help = "text", .def_text = "hi"},
    {"moment", OPT_TEXT, offsetof(struct params, moment), .help = "when", .flags = OPTION_NUMBERS},
    {"list", OPT_LIST, offsetof(struct params, list), .help = "texts"},
    {"ramp.start", OPT_REAL, offsetof(struct params, start), 1, -INFINITY, INFINITY, .help = "start"},
    {"ramp.decay", OPT_REAL, offsetof(struct params, decay), 1, 0, 1, .help = "decay"},
    {0},
};

static void read_into(struct params *p, const char *text, struct faults *faults)
{
    struct error err = {0};
    struct option_set set = {options, p};
    static const char *const skip[] = {"kind", NULL};
    json_t *json = json_read(text, strlen(text), "test", &err);
    assert_non_null(json);
    faults->count = 0;
    options_read(&set, 1, json, "/o", skip, faults);
    json_decref(json);
}

static void options_fill_defaults(void **state)
{
    (void)state;
    static struct faults faults;
    struct params p;
    read_into(&p, "{\"kind\": \"skipped\"}", &faults);
    assert_int_equal(faults.count, 0);
    assert_int_equal(p.count, 3);
    assert_int_equal(p.auto_count, 0);
    assert_close(p.share, 0.5, 0, 0);
    assert_true(p.flag);
    assert_int_equal(p.name, 1);
    assert_string_equal(p.text, "hi");
}

static void options_read_every_type(void **state)
{
    (void)state;
    static struct faults faults;
    struct params p;
    read_into(&p,
              "{\"count\": 1e1, \"auto_count\": 4, \"share\": 0.25, \"flag\": false, \"name\": \"red\", \"text\": \"x\", \"ramp\": {\"start\": -7, "
              "\"decay\": 0}}",
              &faults);
    assert_int_equal(faults.count, 0);
    assert_true(p.count == 10 && p.auto_count == 4 && !p.flag && p.name == 0);
    assert_close(p.start, -7, 0, 0);
    read_into(&p, "{\"auto_count\": \"auto\", \"ramp\": 3}", &faults); /* a group's bare value is its first option's */
    assert_int_equal(faults.count, 0);
    assert_close(p.start, 3, 0, 0);
    assert_close(p.decay, 1, 0, 0);
}

static void options_faults_say_what_to_do(void **state)
{
    (void)state;
    static const struct {
        const char *text, *pointer, *detail;
    } rows[] = {
        {"{\"count\": 0}", "/o/count", "must be >= 1 and <= 10, got 0"},
        {"{\"count\": 2.5}", "/o/count", "must be an integer, got 2.5"},
        {"{\"count\": \"3\"}", "/o/count", "must be an integer, got \"3\""},
        {"{\"count\": 9223372036854775807}", "/o/count", "must be >= 1 and <= 10, got 9223372036854775807"},
        {"{\"auto_count\": \"some\"}", "/o/auto_count", "must be \"auto\" or an integer, got \"some\""},
        {"{\"auto_count\": 0}", "/o/auto_count", "must be >= 1 and <= 10, got 0"},
        {"{\"share\": 0}", "/o/share", "must be > 0 and < 1, got 0: share"},
        {"{\"share\": 1}", "/o/share", "must be > 0 and < 1, got 1: share"},
        {"{\"share\": null}", "/o/share", "must be a number, got null"},
        {"{\"flag\": 1}", "/o/flag", "must be true or false, got 1"},
        {"{\"name\": \"gren\"}", "/o/name", "\"gren\" is not known; did you mean \"green\"? one of red, green"},
        {"{\"name\": 5}", "/o/name", "5 is not known; one of red, green"},
        {"{\"text\": []}", "/o/text", "must be a string, got []"},
        {"{\"text\": \"a\\u0007\"}", "/o/text", "must not contain control characters"},
        {"{\"moment\": true}", "/o/moment", "must be a string or a number, got true"},
        {"{\"moment\": \"a\\u0007\"}", "/o/moment", "must not contain control characters"},
        {"{\"list\": 5}", "/o/list", "must be an array of strings, got 5"},
        {"{\"list\": [\"a\", 5]}", "/o/list/1", "must be a string, got 5"},
        {"{\"list\": [\"a\", \"b\\nc\"]}", "/o/list/1", "must not contain control characters"},
        {"{\"list\": [\"\"]}", "/o/list/0", "must not be empty"},
        {"{\"list\": \"\"}", "/o/list", "must not be empty"},
        {"{\"ramp\": {\"decay\": 2}}", "/o/ramp/decay", "must be >= 0 and <= 1, got 2"},
        {"{\"ramp\": {\"dekay\": 1}}", "/o/ramp/dekay", "is unknown; did you mean \"decay\"? one of start, decay"},
        {"{\"ramp.start\": 1}", "/o/ramp.start", "is unknown; one of kind, count, auto_count, share, flag, name, text, moment, list, ramp"},
        {"{\"a/b\": 1}", "/o/a~1b", "is unknown; one of kind, count, auto_count, share, flag, name, text, moment, list, ramp"},
        {"5", "/o", "must be an object, got 5"},
    };
    static struct faults faults;
    struct params p;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        read_into(&p, rows[i].text, &faults);
        assert_int_equal(faults.count, 1);
        assert_string_equal(faults.list[0].pointer, rows[i].pointer);
        assert_string_equal(faults.list[0].detail, rows[i].detail);
    }
}

static void a_text_may_be_a_number(void **state)
{
    (void)state;
    static const char *const rows[][2] = {{"\"7 May\"", "7 May"}, {"1200000", "1200000"},
                                          {"-5", "-5"},           {"9223372036854775807", "9223372036854775807"},
                                          {"0.25", "0.25"},       {"-1.7976931348623157e308", "-1.7976931348623157e308"}};
    static struct faults faults;
    struct params p;
    char text[80];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        snprintf(text, sizeof text, "{\"moment\": %s}", rows[i][0]);
        read_into(&p, text, &faults);
        assert_int_equal(faults.count, 0);
        assert_string_equal(p.moment, rows[i][1]);
    }
}

/* An array of texts, or one of them alone; what was read is written as an array; together they may not be too long. */
static void lists_hold_texts(void **state)
{
    (void)state;
    static struct faults faults;
    struct params p;
    struct error err = {0};
    char item[OPTION_TEXT_SIZE], text[OPTION_TEXT_SIZE + 64];
    read_into(&p, "{\"list\": [\"a\", \"b c\", \"d\"]}", &faults);
    assert_int_equal(faults.count, 0);
    const char *at = p.list, *const want[] = {"a", "b c", "d"};
    for (size_t i = 0; i < 3; i++) {
        assert_true(option_list_next(&at, item));
        assert_string_equal(item, want[i]);
    }
    assert_false(option_list_next(&at, item));
    json_t *object = json_object();
    assert_ok(options_write(options, &p, object, false, &err), &err);
    assert_int_equal(json_array_size(json_object_get(object, "list")), 3);
    assert_string_equal(json_string_value(json_array_get(json_object_get(object, "list"), 1)), "b c");
    json_decref(object);
    read_into(&p, "{\"list\": \"only\"}", &faults);
    assert_int_equal(faults.count, 0);
    assert_string_equal(p.list, "only");
    read_into(&p, "{\"list\": []}", &faults);
    assert_int_equal(faults.count, 0);
    assert_string_equal(p.list, "");
    for (int fits = 1; fits >= 0; fits--) { /* two items that fill the room to the last byte; then one byte more */
        snprintf(text, sizeof text, "{\"list\": [\"%0*d\", \"%0*d\"]}", 100, 0, OPTION_TEXT_SIZE - 1 - 101 + !fits, 0);
        read_into(&p, text, &faults);
        assert_int_equal(faults.count, fits ? 0 : 1);
    }
    snprintf(text, sizeof text, "{\"list\": [\"%0*d\", \"b\"]}", OPTION_TEXT_SIZE - 1, 0);
    read_into(&p, text, &faults);
    assert_int_equal(faults.count, 1);
    assert_string_equal(faults.list[0].pointer, "/o/list/1");
}

static void options_write_what_was_read(void **state)
{
    (void)state;
    static struct faults faults;
    struct params p;
    struct error err = {0};
    struct bytes text;
    json_t *object = json_object();
    read_into(&p, "{\"count\": 4, \"ramp\": 2}", &faults);
    assert_ok(options_write(options, &p, object, false, &err), &err);
    bytes_init(&text, 4096);
    assert_ok(json_write(object, &text, &err), &err);
    assert_string_equal(bytes_text(&text),
                        "{\"auto_count\": \"auto\", \"count\": 4, \"flag\": true, \"list\": [], \"moment\": \"\", \"name\": \"green\", "
                        "\"ramp\": {\"decay\": 1.0, \"start\": 2.0}, \"share\": 0.5, \"text\": \"hi\"}");
    json_object_clear(object);
    assert_ok(options_write(options, &p, object, true, &err), &err);
    assert_null(json_object_get(object, "name")); /* a runtime option is no part of a digest */
    assert_non_null(json_object_get(object, "count"));
    json_decref(object);
    bytes_close(&text);
}

static void options_describe_themselves(void **state)
{
    (void)state;
    json_t *rows = options_describe(options);
    assert_int_equal(json_array_size(rows), 10);
    const json_t *share = json_array_get(rows, 2), *name = json_array_get(rows, 4);
    assert_close(json_number_value(json_object_get(share, "exclusive_minimum")), 0, 0, 0);
    assert_string_equal(json_string_value(json_object_get(name, "default")), "green");
    assert_int_equal(json_array_size(json_object_get(name, "choices")), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 5), "type")), "string");
    assert_string_equal(json_string_value(json_object_get(json_array_get(rows, 6), "type")), "string or number");
    json_decref(rows);
}

static void kinds_are_found_by_name(void **state)
{
    (void)state;
    static const struct kind a = {.name = "a"}, b = {.name = "b"};
    static const struct kind *const kinds[] = {&a, &b, NULL};
    const char *names[3];
    assert_ptr_equal(kind_find(kinds, "b"), &b);
    assert_null(kind_find(kinds, "c"));
    kind_names(kinds, names, 3);
    assert_string_equal(names[1], "b");
    assert_null(names[2]);
    kind_names(kinds, names, 2);
    assert_null(names[1]);
}

static void faults_are_all_counted(void **state)
{
    (void)state;
    static struct faults faults;
    struct error err = {0};
    faults.count = 0;
    assert_int_equal(faults_error(&faults, &err), 0);
    for (int i = 0; i < 200; i++) faults_add(&faults, "/x", "fault %d \xff", i);
    assert_int_equal(faults.count, 200);
    assert_string_equal(faults.list[FAULTS_MAX - 1].detail, "fault 63 ?");
    assert_int_equal(faults_error(&faults, &err), -ERROR_INVALID);
    assert_error(&err, ERROR_INVALID, "/x fault 0 ?; /x fault 1 ?");
    assert_string_equal(err.msg + strlen(err.msg) - strlen("...; 136 more"), "...; 136 more");
    assert_string_equal(err.field, "/x");

    struct error whole = {0};
    faults.count = 0;
    faults_add(&faults, "", "the spec must be an object");
    faults_error(&faults, &whole);
    assert_string_equal(whole.msg, "the spec must be an object"); /* of the whole document: no pointer, and no blank in its place */
}

struct map_params {
    char map[OPTION_MAP_SIZE];
};

/* A map is a text or an object of strings, and is written as it was read. */
static void maps(void **state)
{
    (void)state;
    static const struct option rows[] = {{"map", OPT_MAP, offsetof(struct map_params, map), .help = "map"}, {0}};
    static const char *const good[] = {"{\"map\": \"a:b\"}", "{\"map\": \"\"}", "{\"map\": {\"a\": \"x\", \"b c\": \"\"}}"};
    static const char *const bad[][3] = {
        {"{\"map\": 3}", "/o/map", "must be a string or an object of strings, got 3"},
        {"{\"map\": {\"a\": 3}}", "/o/map/a", "must be a string, got 3"},
        {"{\"map\": {\"\": \"x\"}}", "/o/map/", "must have a name and a text without control characters"},
        {"{\"map\": {\"a\": \"\\n\"}}", "/o/map/a", "must have a name"},
        {"{\"map\": \"{}\"}", "/o/map", "must not begin with a brace"},
        {"{\"map\": \"\\n\"}", "/o/map", "must not contain control characters"},
    };
    static struct map_params p;
    static struct faults faults;
    struct bytes text;
    bytes_init(&text, 1 << 18);
    for (size_t i = 0; i < sizeof good / sizeof *good + sizeof bad / sizeof *bad; i++) {
        size_t b = i - sizeof good / sizeof *good;
        const char *input = i < sizeof good / sizeof *good ? good[i] : bad[b][0];
        json_t *json = json_read(input, strlen(input), "test", NULL), *written = json_object();
        faults.count = 0;
        options_read(&(struct option_set){rows, &p}, 1, json, "/o", NULL, &faults);
        bytes_clear(&text);
        if (i < sizeof good / sizeof *good) {
            assert_int_equal(faults.count, 0);
            assert_ok(options_write(rows, &p, written, true, NULL), NULL);
            assert_ok(json_write(written, &text, NULL), NULL);
            assert_string_equal(bytes_text(&text), input);
        } else {
            assert_int_equal(faults.count, 1);
            assert_string_equal(faults.list[0].pointer, bad[b][1]);
            assert_non_null(strstr(faults.list[0].detail, bad[b][2]));
        }
        json_decref(json), json_decref(written);
    }
    /* Too long, as a text and as an object. */
    for (int object = 0; object < 2; object++) {
        json_t *json = json_object(), *inner = json_object();
        char *longest = mem_zero(OPTION_MAP_SIZE + 1, NULL);
        memset(longest, 'x', OPTION_MAP_SIZE);
        json_object_set_new(inner, "a", json_string(longest));
        json_object_set_new(json, "map", object ? json_incref(inner) : json_string(longest));
        faults.count = 0;
        options_read(&(struct option_set){rows, &p}, 1, json, "/o", NULL, &faults);
        assert_int_equal(faults.count, 1);
        assert_non_null(strstr(faults.list[0].detail, "must be shorter than 65536 bytes"));
        mem_free(longest);
        json_decref(inner), json_decref(json);
    }
    bytes_close(&text);
}

struct ints_params {
    struct option_ints ints;
};
static const struct option ints_options[] = {
    {"ints", OPT_INTS, offsetof(struct ints_params, ints), 0, 1, 100, .help = "numbers", .def_text = "[4, 2]"}, {0}};

static void ints_read_into(struct ints_params *p, const char *text, struct faults *faults)
{
    json_t *json = json_read(text, strlen(text), "test", NULL);
    faults->count = 0;
    options_read(&(struct option_set){ints_options, p}, 1, json, "/o", NULL, faults);
    json_decref(json);
}

static void integers_in_an_array(void **state)
{
    (void)state;
    static struct faults faults;
    static const char *const bad[][3] = {
        {"{\"ints\": [1, 2, 3, 4, 5, 6]}", "/o/ints", "must have at most 5 items, got 6"},
        {"{\"ints\": [1, 0]}", "/o/ints/1", "must be >= 1 and <= 100, got 0"},
        {"{\"ints\": 101}", "/o/ints", "must be >= 1 and <= 100, got 101"},
        {"{\"ints\": [1.5]}", "/o/ints/0", "must be an integer, got 1.5"},
        {"{\"ints\": \"7\"}", "/o/ints", "must be an array of integers, got \"7\""},
    };
    struct ints_params p;
    struct error err = {0};
    ints_read_into(&p, "{}", &faults);
    assert_int_equal(p.ints.count, 2);
    assert_int_equal(p.ints.item[0], 4);
    assert_int_equal(p.ints.item[1], 2);
    ints_read_into(&p, "{\"ints\": [7, 1e2]}", &faults);
    assert_int_equal(faults.count, 0);
    assert_int_equal(p.ints.item[1], 100);
    json_t *object = json_object();
    assert_ok(options_write(ints_options, &p, object, false, &err), &err);
    assert_int_equal(json_array_size(json_object_get(object, "ints")), 2);
    assert_int_equal(json_integer_value(json_array_get(json_object_get(object, "ints"), 0)), 7);
    json_decref(object);
    ints_read_into(&p, "{\"ints\": 9}", &faults);
    assert_int_equal(p.ints.count, 1);
    assert_int_equal(p.ints.item[0], 9);
    ints_read_into(&p, "{\"ints\": []}", &faults);
    assert_int_equal(faults.count, 0);
    assert_int_equal(p.ints.count, 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        ints_read_into(&p, bad[i][0], &faults);
        assert_int_equal(faults.count, 1);
        assert_string_equal(faults.list[0].pointer, bad[i][1]);
        assert_string_equal(faults.list[0].detail, bad[i][2]);
    }
}

struct tuples_params {
    char tuples[OPTION_TUPLES_SIZE];
};

static void tuples(void **state)
{
    (void)state;
    static const struct option rows[] = {{"t", OPT_TUPLES, offsetof(struct tuples_params, tuples), 0, 2, 3, .help = "tuples"}, {0}};
    static const char *const cases[][3] = {
        {"{\"t\": [[\"a\", \"b\"], [\"c\", \"d\", \"e\"]]}", NULL, NULL},
        {"{\"t\": []}", NULL, NULL},
        {"{\"t\": \"a\"}", "/o/t", "must be an array of arrays of strings, got \"a\""},
        {"{\"t\": [\"a\"]}", "/o/t/0", "must be an array of 2 to 3 strings, got \"a\""},
        {"{\"t\": [[\"a\", \"b\"], [\"c\"]]}", "/o/t/1", "must be an array of 2 to 3 strings"},
        {"{\"t\": [[\"a\", 3]]}", "/o/t/0", "must be a string, got 3"},
        {"{\"t\": [[\"a\", \"\"]]}", "/o/t/0", "must hold names without control characters"},
    };
    static struct tuples_params p;
    static struct faults faults;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bytes text;
        bytes_init(&text, 1 << 16);
        json_t *json = json_read(cases[i][0], strlen(cases[i][0]), "test", NULL), *written = json_object();
        faults.count = 0;
        options_read(&(struct option_set){rows, &p}, 1, json, "/o", NULL, &faults);
        assert_int_equal(faults.count, cases[i][1] != NULL);
        if (cases[i][1]) {
            assert_string_equal(faults.list[0].pointer, cases[i][1]);
            assert_non_null(strstr(faults.list[0].detail, cases[i][2]));
        } else {
            assert_ok(options_write(rows, &p, written, true, NULL), NULL);
            assert_ok(json_write(written, &text, NULL), NULL);
            assert_string_equal(bytes_text(&text), cases[i][0]);
        }
        bytes_close(&text);
        json_decref(json), json_decref(written);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(options_fill_defaults),
    cmocka_unit_test(options_read_every_type),
    cmocka_unit_test(options_faults_say_what_to_do),
    cmocka_unit_test(options_write_what_was_read),
    cmocka_unit_test(options_describe_themselves),
    cmocka_unit_test(kinds_are_found_by_name),
    cmocka_unit_test(faults_are_all_counted),
    cmocka_unit_test(a_text_may_be_a_number),
    cmocka_unit_test(lists_hold_texts),
    cmocka_unit_test(maps),
    cmocka_unit_test(integers_in_an_array),
    cmocka_unit_test(tuples),
};
TEST_MAIN(tests)

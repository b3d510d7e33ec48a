/* data inspect from outside: what stands in its report and in its JSON, for a log that is guessed, one that is given and one from a pipe. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "lib/child.h"

/* What the command prints of that log as JSON; new reference. format NULL: guessed; piped: the log comes by standard input. */
static json_t *inspect_json(const char *name, const char *text, const char *format, bool piped)
{
    struct child c;
    char dir[PATH_SIZE], path[PATH_SIZE];
    struct error err = {0};
    assert_ok(path_join(path, test_dir(dir), name, &err), &err);
    test_write_file(path, text, strlen(text));
    const char *const args[] = {"data", "inspect", "--quiet", "--json", piped ? "-" : path, format ? "--format" : NULL, format, NULL};
    assert_int_equal(child_run(&c, &(struct child_options){.input = piped ? path : NULL}, args), 0);
    json_t *all = json_loads(c.out, 0, NULL);
    assert_non_null(all);
    child_close(&c);
    return all;
}

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static const json_t *field_at(const json_t *all, const char *name)
{
    size_t i;
    json_t *field;
    json_array_foreach (json_object_get(all, "fields"), i, field)
        if (strcmp(text_at(field, "name"), name) == 0) return field;
    fail_msg("no field \"%s\"", name);
    return NULL;
}

static void a_pipe_has_a_dataset_of_what_was_given(void **state)
{
    struct child c;
    char dir[PATH_SIZE], path[PATH_SIZE];
    struct error err = {0};
    static const char text[] = "label,a\n1,x\n0,y\n";
    (void)state;
    json_t *all = inspect_json("d.csv", text, "csv", true), *dataset = json_object_get(all, "dataset");
    assert_string_equal(text_at(dataset, "format"), "csv");
    assert_string_equal(text_at(dataset, "uri"), "-");
    assert_true(json_is_false(json_object_get(all, "guessed")));
    json_decref(all);
    assert_ok(path_join(path, test_dir(dir), "d.csv", &err), &err);
    test_write_file(path, text, sizeof text - 1);
    const struct child_options from = {.input = path};
    assert_int_equal(child_run(&c, &from, (const char *const[]){"data", "inspect", "--quiet", "--format", "csv", "-", NULL}), 0);
    assert_has(c.out, "\nformat: csv\n");
    child_close(&c);
    assert_int_equal(child_run(&c, &from, (const char *const[]){"data", "inspect", "--quiet", "-", NULL}), 64);
    assert_has(c.err, "say what it holds with --format");
    child_close(&c);
}

static void a_table_with_nothing_to_learn_from_is_described(void **state)
{
    static const char text[] = "label,a\n1,k\n0,k\n1,k\n";
    struct child c;
    char dir[PATH_SIZE], path[PATH_SIZE];
    struct error err = {0};
    (void)state;
    json_t *all = inspect_json("c.csv", text, NULL, false);
    const json_t *field = field_at(all, "a"), *warnings = json_object_get(all, "warnings");
    assert_string_equal(text_at(field, "ignored"), "one value only");
    assert_int_equal(json_integer_value(json_object_get(field, "distinct")), 1);
    assert_string_equal(text_at(json_array_get(json_object_get(field, "top"), 0), "text"), "k");
    assert_string_equal(json_string_value(json_array_get(warnings, 0)), "features: there are none, nothing can be learned");
    json_decref(all);
    assert_ok(path_join(path, test_dir(dir), "c.csv", &err), &err);
    test_write_file(path, text, sizeof text - 1);
    assert_int_equal(RUN(&c, "data", "inspect", "--quiet", path), 0);
    assert_has(c.out, "\nfeatures: 0 in all, 0 a row;");
    assert_has(c.out, "\na      (text) ");
    assert_has(c.out, "\nin brackets: ignored, these columns give no feature\n");
    assert_has(c.out, "\na: ignored: one value only\n");
    child_close(&c);
}

/* Missing rates, distinct and frequent values of columns that the guess, or the user, leaves out. */
static void ignored_columns_are_described(void **state)
{
    (void)state;
    json_t *all = inspect_json("t.csv", "label,when,c,n\n1,2026-11-01,k,5\n0,,k,7\n1,2026-11-02,k,5\n0,2026-11-02,k,8\n", NULL, false);
    const json_t *when = field_at(all, "when");
    assert_string_equal(text_at(when, "holds"), "date");
    assert_string_equal(text_at(when, "ignored"), "dates; a candidate for time");
    assert_close(json_number_value(json_object_get(when, "missing_rate")), 0.25, 0, 1e-9);
    assert_int_equal(json_integer_value(json_object_get(when, "distinct")), 2);
    assert_string_equal(text_at(field_at(all, "c"), "ignored"), "one value only");
    assert_true(json_is_null(json_object_get(field_at(all, "n"), "ignored")));
    assert_int_equal(json_integer_value(json_object_get(all, "features")), 4);
    json_decref(all);
    all = inspect_json("t.jsonl", "{\"label\": 1, \"a\": [1, 2], \"b\": \"x\"}\n{\"label\": 0, \"b\": \"y\"}\n",
                       "{\"format\": \"jsonl\", \"schema\": {\"a\": \"ignore missing=error\"}}", false);
    const json_t *a = field_at(all, "a");
    assert_string_equal(text_at(a, "ignored"), "the schema says so");
    assert_int_equal(json_integer_value(json_object_get(a, "distinct")), 2);
    assert_close(json_number_value(json_object_get(a, "missing_rate")), 0.5, 0, 1e-9);
    assert_int_equal(json_integer_value(json_object_get(all, "bad_rows")), 0); /* as training, which never looks there */
    json_decref(all);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_pipe_has_a_dataset_of_what_was_given),
    cmocka_unit_test(a_table_with_nothing_to_learn_from_is_described),
    cmocka_unit_test(ignored_columns_are_described),
};
int main(int argc, char **argv) { return test_main(argc, argv, tests, sizeof tests / sizeof *tests); }

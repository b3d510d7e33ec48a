/* The binary from outside, without a server: help, mistakes, exit codes, faults with file and line, full disks. */
#include "lib/child.h"

#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/str.h"
#include "cli/commands.h"

static void test_help(void **state)
{
    struct child c;
    (void)state;
    assert_int_equal(RUN(&c, "--help"), 0);
    for (size_t i = 0; commands[i]; i++) assert_has(c.out, commands[i]->summary);
    assert_string_equal(c.err, "");
    child_close(&c);
    assert_int_equal(child_run(&c, NULL, (const char *const[]){NULL}), 64); /* nothing asked: the same, as a mistake */
    assert_has(c.err, "Usage: trainyard COMMAND");
    child_close(&c);
}

/* Each command's --help, by both spellings: usage, every option, every exit code, an example. */
static void test_help_of_each(void **state)
{
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        const struct command *command = commands[i];
        char first[32], second[32] = "", option[64];
        struct child c, other;
        size_t words = strcspn(command->name, " ");
        snprintf(first, sizeof first, "%.*s", (int)words, command->name);
        if (command->name[words]) snprintf(second, sizeof second, "%s", command->name + words + 1);
        const char *const plain[] = {first, *second ? second : "--help", *second ? "--help" : NULL, NULL};
        const char *const asked[] = {"help", first, *second ? second : NULL, NULL};
        assert_int_equal(child_run(&c, NULL, plain), 0);
        assert_has(c.out, "Usage: trainyard ");
        assert_has(c.out, command->example);
        for (const struct arg *a = command->args; a && a->name; a++) snprintf(option, sizeof option, "--%s", a->name), assert_has(c.out, option);
        for (const struct arg *a = command->common_args; a && a->name; a++)
            snprintf(option, sizeof option, "--%s", a->name), assert_has(c.out, option);
        for (const struct exit_row *row = command->exits; row && row->text; row++)
            snprintf(option, sizeof option, "\n  %-4d", row->code), assert_has(c.out, option);
        for (const char *line = c.out; *line; line += strcspn(line, "\n"), line += *line == '\n') assert_true(strcspn(line, "\n") <= 110);
        assert_int_equal(child_run(&other, NULL, asked), 0);
        assert_string_equal(c.out, other.out);
        child_close(&other);
        child_close(&c);
    }
}

static void test_help_of_a_group(void **state)
{
    struct child c, other;
    (void)state;
    assert_int_equal(RUN(&c, "data", "--help"), 0);
    assert_has(c.out, "Usage: trainyard data COMMAND");
    assert_has(c.out, "\n  data gen ");
    assert_has(c.out, "\n  data inspect ");
    assert_null(strstr(c.out, "  checkpoint show"));
    assert_int_equal(RUN(&other, "help", "data"), 0);
    assert_string_equal(c.out, other.out);
    child_close(&other);
    child_close(&c);
}

static void test_unknown(void **state)
{
    struct child c;
    (void)state;
    assert_int_equal(RUN(&c, "serv"), 64);
    assert_has(c.err, "no command \"serv\"; did you mean \"serve\"?");
    child_close(&c);
    assert_int_equal(RUN(&c, "data", "gne"), 64);
    assert_has(c.err, "no command \"data gne\"; did you mean \"data gen\"?");
    child_close(&c);
    assert_int_equal(RUN(&c, "run", "x.json", "--dri", "d"), 64);
    assert_has(c.err, "trainyard run: no option --dri; did you mean --dir?\ntry: trainyard run --help\n");
    child_close(&c);
    assert_int_equal(RUN(&c, "submit", "x.json", "--wiat"), 2); /* CI's table, not sysexits */
    assert_has(c.err, "did you mean --wait?");
    child_close(&c);
    assert_int_equal(RUN(&c, "jobs", "extra\x1b[31m"), 64); /* what a terminal would obey is shown, not obeyed */
    assert_has(c.err, "extra\\x1b[31m");
    child_close(&c);
}

static void write_spec(char path[PATH_SIZE], const char *name, const char *text)
{
    char dir[PATH_SIZE];
    struct error err = {0};
    assert_ok(path_join(path, test_dir(dir), name, &err), &err);
    test_write_file(path, text, strlen(text));
}

static void test_validate(void **state)
{
    struct child c;
    char path[PATH_SIZE], again[PATH_SIZE];
    (void)state;
    write_spec(
        path, "bad.json",
        "{\n \"dataset\": {\"uri\": \"file:x\", \"format\": \"crtieo\"},\n \"model\": {\"kind\": \"lr\"},\n\n \"optimizer\": {\"lr\": -1}\n}\n");
    assert_int_equal(RUN(&c, "validate", path), 65);
    assert_has(c.err, "bad.json:2: /dataset/format");
    assert_has(c.err, "did you mean \"criteo\"?");
    assert_has(c.err, "bad.json:5: /optimizer/lr must be > 0");
    assert_has(c.err, "2 faults in ");
    assert_lacks(c.err, "::error");
    assert_string_equal(c.out, "");
    child_close(&c);

    const char *const actions[] = {"GITHUB_ACTIONS=true", NULL};
    child_run(&c, &(struct child_options){.env = actions}, (const char *const[]){"validate", path, NULL});
    assert_has(c.err, ",line=5,title=/optimizer/lr::must be > 0");
    child_close(&c);

    write_spec(path, "torn.json", "{\n \"dataset\": {\n");
    assert_int_equal(RUN(&c, "validate", path), 65);
    assert_has(c.err, "torn.json is not valid JSON: line ");
    child_close(&c);
    assert_int_equal(RUN(&c, "validate", "/nowhere/x.json"), 66);
    child_close(&c);

    write_spec(path, "good.json", "{\"dataset\": {\"uri\": \"file:x\", \"format\": \"criteo\"}, \"model\": {\"kind\": \"lr\"}}");
    assert_int_equal(RUN(&c, "validate", path, "--json"), 0);
    write_spec(again, "resolved.json", c.out);
    child_close(&c);
    struct child twice;
    assert_int_equal(RUN(&c, "validate", path), 0);
    assert_has(c.out, "good.json is valid; digest ");
    assert_int_equal(RUN(&twice, "validate", again), 0); /* the resolved form means the same */
    assert_string_equal(strstr(c.out, "digest"), strstr(twice.out, "digest"));
    child_close(&twice);
    child_close(&c);
    assert_int_equal(child_run(&c, &(struct child_options){.input = path}, (const char *const[]){"validate", "-", NULL}), 0);
    assert_has(c.out, "standard input is valid");
    child_close(&c);
}

static json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *json = json_read(text, strlen(text), "the output", &err);
    assert_ok(json ? 0 : -1, &err);
    return json;
}

static void test_kinds_and_version(void **state)
{
    struct child c;
    (void)state;
    assert_int_equal(RUN(&c, "kinds", "--json"), 0);
    json_t *kinds = parse(c.out);
    assert_true(json_array_size(json_object_get(kinds, "models")) >= 2);
    assert_true(json_array_size(json_object_get(kinds, "codecs")) >= 3);
    json_decref(kinds);
    child_close(&c);
    assert_int_equal(RUN(&c, "kinds", "optimizers"), 0);
    assert_has(c.out, "ftrl");
    assert_lacks(c.out, "criteo");
    child_close(&c);
    assert_int_equal(RUN(&c, "kinds", "optimisers"), 64);
    assert_has(c.err, "did you mean \"optimizers\"?");
    child_close(&c);
    assert_int_equal(RUN(&c, "version", "--json"), 0);
    json_t *version = parse(c.out);
    assert_true(json_is_string(json_object_get(json_object_get(version, "libraries"), "sqlite")));
    json_decref(version);
    child_close(&c);
    assert_int_equal(RUN(&c, "--version"), 0);
    assert_true(str_starts(c.out, "trainyard "));
    child_close(&c);
}

static void test_full_output(void **state)
{
    struct child c;
    (void)state;
    assert_int_equal(child_run(&c, &(struct child_options){.output = "/dev/full"}, (const char *const[]){"kinds", NULL}), 73);
    assert_has(c.err, "cannot write standard output");
    child_close(&c);
}

static void test_data_gen(void **state)
{
    struct child c;
    char dir[PATH_SIZE], path[PATH_SIZE], truth[PATH_SIZE];
    struct error err = {0};
    (void)state;
    test_dir(dir);
    assert_ok(path_join(path, dir, "clicks.tsv", &err), &err);
    assert_ok(path_join(truth, dir, "truth.tsv", &err), &err);
    assert_int_equal(RUN(&c, "data", "gen", "--rows", "2000", "--seed", "3", "--out", path, "--truth", truth, "--json", "-q"), 0);
    json_t *summary = parse(c.out);
    assert_int_equal(json_integer_value(json_object_get(summary, "rows")), 2000);
    assert_true(json_number_value(json_object_get(json_object_get(summary, "best"), "auc")) > 0.6);
    assert_true(json_integer_value(json_object_get(json_object_get(summary, "best_test"), "rows")) > 100);
    assert_string_equal(c.err, "");
    json_decref(summary);
    child_close(&c);
    assert_true(path_exists(&world_real, truth));
    assert_int_equal(RUN(&c, "data", "gen", "--rows", "0", "--out", path), 64);
    assert_has(c.err, "--rows must be from 1 to");
    child_close(&c);
    assert_int_equal(RUN(&c, "data", "gen", "--rows", "5000", "--out", "/dev/full"), 73);
    child_close(&c);
    assert_int_equal(RUN(&c, "data", "gen", "--out", "/nowhere/x.tsv"), 66);
    assert_has(c.err, "/nowhere/x.tsv");
    child_close(&c);
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_help),        cmocka_unit_test(test_help_of_each), cmocka_unit_test(test_help_of_a_group),
    cmocka_unit_test(test_unknown),     cmocka_unit_test(test_validate),     cmocka_unit_test(test_kinds_and_version),
    cmocka_unit_test(test_full_output), cmocka_unit_test(test_data_gen),
};
TEST_MAIN(tests)

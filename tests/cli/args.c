/* The option tables: parsing of a made-up command with every type, and promises that each real command's tables must keep. */
#include "lib/test.h"

#include <string.h>

#include "base/str.h"
#include "cli/commands.h"

static const char *const colours[] = {"red", "green", "blue", NULL};
struct common {
    bool json;
};
struct params {
    struct common common;
    bool loud;
    int64_t count;
    double rate;
    const char *name;
    int colour;
    struct arg_list roots;
};
static const struct arg common_args[] = {{.name = "json", .type = ARG_FLAG, .offset = offsetof(struct common, json), .help = "h"}, {0}};
#define AT(field) offsetof(struct params, field)
static const struct arg own_args[] = {
    {.name = "loud", .letter = 'l', .type = ARG_FLAG, .offset = AT(loud), .help = "h"},
    {.name = "count", .letter = 'n', .type = ARG_INT, .offset = AT(count), .value = "N", .def = 7, .min = -2, .max = 100, .help = "h"},
    {.name = "rate", .type = ARG_REAL, .offset = AT(rate), .value = "R", .def = 0.5, .min = 0, .max = 1, .help = "h"},
    {.name = "name", .type = ARG_TEXT, .offset = AT(name), .value = "NAME", .help = "whose", .required = true},
    {.name = "colour", .type = ARG_CHOICE, .offset = AT(colour), .value = "C", .def = 1, .choices = colours, .help = "h"},
    {.name = "root", .type = ARG_LIST, .offset = AT(roots), .value = "DIR", .help = "h"},
    {0}};
static const struct command made_up = {.name = "paint",
                                       .summary = "s",
                                       .operands = "FILE [MORE]",
                                       .operands_min = 1,
                                       .operands_max = 2,
                                       .args = own_args,
                                       .common_args = common_args,
                                       .params_size = sizeof(struct params)};

static int parse(struct params *params, struct call *call, struct error *err, const char *line)
{
    static char text[512];
    char *argv[32], *save = NULL;
    int argc = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) argv[argc++] = word;
    *params = (struct params){0};
    *call = (struct call){.params = params};
    *err = (struct error){0};
    return args_parse(call, &made_up, argc, argv, err);
}

static void test_values(void **state)
{
    struct params p;
    struct call call;
    struct error err;
    (void)state;
    assert_ok(parse(&p, &call, &err, "in --name a"), &err);
    assert_int_equal(p.count, 7);
    assert_close(p.rate, 0.5, 0, 0);
    assert_int_equal(p.colour, 1);
    assert_false(p.loud || p.common.json);
    assert_ok(parse(&p, &call, &err, "--name=b=c -l -n -2 in --rate 1 --json --colour blue --root x out --root=y"), &err);
    assert_string_equal(p.name, "b=c");
    assert_int_equal(p.count, -2);
    assert_close(p.rate, 1, 0, 0);
    assert_int_equal(p.colour, 2);
    assert_true(p.loud && p.common.json);
    assert_int_equal(p.roots.count, 2);
    assert_string_equal(p.roots.items[1], "y");
    assert_int_equal(call.operand_count, 2);
    assert_string_equal(call.operands[1], "out");
    assert_ok(parse(&p, &call, &err, "--name a -n5 -- --loud"), &err); /* glued value; an operand that looks like an option */
    assert_int_equal(p.count, 5);
    assert_false(p.loud);
    assert_string_equal(call.operands[0], "--loud");
    assert_ok(parse(&p, &call, &err, "--name a --name b -"), &err); /* the last wins; a lone dash is an operand */
    assert_string_equal(p.name, "b");
    assert_string_equal(call.operands[0], "-");
}

static void test_mistakes(void **state)
{
    static const struct {
        const char *line, *part;
    } rows[] = {
        {"in --name a --cuont 3", "no option --cuont; did you mean --count?"},
        {"in --name a --jsn", "did you mean --json?"},
        {"in --name a -z", "no option -z"},
        {"in --name a --count", "--count needs a value: --count N"},
        {"in --name a --count 1.5", "--count needs a whole number, got \"1.5\""},
        {"in --name a --count 101", "--count must be from -2 to 100, got 101"},
        {"in --name a --count 99999999999999999999", "needs a whole number"},
        {"in --name a --rate nan", "--rate needs a number"},
        {"in --name a --rate 1.01", "must be from 0 to 1"},
        {"in --name a --colour rde", "no \"rde\"; did you mean \"red\"? one of red, green, blue"},
        {"in --name a --loud=yes", "--loud takes no value, got \"yes\""},
        {"in --name=", "--name needs a NAME, got an empty text"},
        {"in", "--name NAME is missing: whose"},
        {"--name a", "FILE [MORE] is missing"},
        {"1 2 3 --name a", "one argument too many: \"3\"; usage: trainyard paint FILE [MORE]"},
    };
    struct params p;
    struct call call;
    struct error err;
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(parse(&p, &call, &err, rows[i].line) < 0);
        assert_error(&err, ERROR_USAGE, rows[i].part);
    }
}

static void test_help_comes_first(void **state)
{
    struct params p;
    struct call call;
    struct error err;
    (void)state;
    assert_ok(parse(&p, &call, &err, "--count nonsense -h"), &err);
    assert_true(call.help);
    assert_true(parse(&p, &call, &err, "--name a -- -h --count 3 4") < 0); /* behind -- it is an operand: three of them are too many */
    assert_false(call.help);
}

static void test_list_ceiling(void **state)
{
    struct params p = {0};
    struct call call = {.params = &p};
    struct error err = {0};
    char flag[] = "--root=a";
    char *argv[ARG_LIST_MAX + 1];
    (void)state;
    for (size_t i = 0; i <= ARG_LIST_MAX; i++) argv[i] = flag;
    assert_true(args_parse(&call, &made_up, ARG_LIST_MAX + 1, argv, &err) < 0);
    assert_error(&err, ERROR_USAGE, "--root may be given 64 times at most");
}

static void check_table(const struct command *command, const struct arg *table, const struct arg *other)
{
    for (const struct arg *a = table; a && a->name; a++) {
        assert_true(a->help && *a->help);
        assert_int_equal(a->value == NULL, a->type == ARG_FLAG);
        assert_true(strcmp(a->name, "help") != 0 && a->letter != 'h');
        assert_true(a->offset < command->params_size);
        if (a->type == ARG_INT || a->type == ARG_REAL) assert_true(a->def >= a->min && a->def <= a->max);
        if (a->required) assert_true(a->type == ARG_TEXT || a->type == ARG_LIST);
        for (const struct arg *b = a + 1; b->name; b++) {
            assert_string_not_equal(a->name, b->name);
            assert_true(a->letter == 0 || a->letter != b->letter);
        }
        for (const struct arg *b = other; b && b->name; b++) {
            assert_string_not_equal(a->name, b->name);
            assert_true(a->letter == 0 || a->letter != b->letter);
        }
    }
}

static void test_every_command(void **state)
{
    char prefix[64];
    (void)state;
    for (size_t i = 0; commands[i]; i++) {
        const struct command *c = commands[i];
        assert_true(*c->summary && c->run && c->operands && c->params_size > 0);
        assert_true(c->operands_max <= OPERANDS_MAX && c->operands_min <= c->operands_max);
        snprintf(prefix, sizeof prefix, "trainyard %s", c->name);
        assert_true(str_starts(c->example, prefix));
        check_table(c, c->args, c->common_args);
        check_table(c, c->common_args, NULL);
        for (size_t j = 0; commands[j]; j++) assert_true(i == j || strcmp(c->name, commands[j]->name) != 0);
    }
}

static const struct CMUnitTest tests[] = {
    cmocka_unit_test(test_values),       cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_help_comes_first),
    cmocka_unit_test(test_list_ceiling), cmocka_unit_test(test_every_command),
};
TEST_MAIN(tests)

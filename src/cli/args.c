/* Parsing by table. Both tables of a command (its own, and the one it shares with its kind) are seen as one list; a row writes at
 * its offset in the command's params struct, which starts with the shared struct. */
#include "cli/args.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

enum { NAMES_MAX = 64, HELP_COLUMN = 26 };

static const struct arg *const no_args = &(const struct arg){0};

static const struct arg *table_of(const struct command *command, size_t index)
{
    const struct arg *table = index == 0 ? command->args : command->common_args;
    return table ? table : no_args;
}

static const struct arg *find_name(const struct command *command, const char *name, size_t length)
{
    for (size_t t = 0; t < ARG_TABLES; t++)
        for (const struct arg *a = table_of(command, t); a->name; a++)
            if (strlen(a->name) == length && strncmp(a->name, name, length) == 0) return a;
    return NULL;
}

static const struct arg *find_letter(const struct command *command, char letter)
{
    for (size_t t = 0; t < ARG_TABLES; t++)
        for (const struct arg *a = table_of(command, t); a->name; a++)
            if (a->letter == letter) return a;
    return NULL;
}

static int unknown(const struct command *command, const char *text, size_t length, struct error *err)
{
    const char *names[NAMES_MAX + 1] = {"help"};
    char name[64] = "", nearest[96] = "";
    size_t count = 1;
    for (size_t t = 0; t < ARG_TABLES; t++)
        for (const struct arg *a = table_of(command, t); a->name && count < NAMES_MAX; a++) names[count++] = a->name;
    names[count] = NULL;
    snprintf(name, sizeof name, "%.*s", (int)(length < 63 ? length : 63), text);
    const char *near = str_nearest(name, names);
    if (near) snprintf(nearest, sizeof nearest, "; did you mean --%s?", near);
    char shown[96];
    return error_set(err, ERROR_USAGE, NULL, "no option --%s%s", str_shown(shown, sizeof shown, name, strlen(name), 60), nearest);
}

static void defaults(const struct command *command, void *params)
{
    for (size_t t = 0; t < ARG_TABLES; t++)
        for (const struct arg *a = table_of(command, t); a->name; a++) {
            void *at = (char *)params + a->offset;
            if (a->type == ARG_INT) *(int64_t *)at = (int64_t)a->def;
            else if (a->type == ARG_REAL) *(double *)at = a->def;
            else if (a->type == ARG_CHOICE) *(int *)at = (int)a->def;
        }
}

static int store_number(const struct arg *a, void *at, const char *value, struct error *err)
{
    char shown[96];
    int64_t whole = 0;
    double real = 0;
    bool parsed = a->type == ARG_INT ? str_to_int64(value, &whole) : str_to_double(value, &real);
    if (a->type == ARG_INT) real = (double)whole;
    str_shown(shown, sizeof shown, value, strlen(value), 60);
    if (!parsed) return error_set(err, ERROR_USAGE, NULL, "--%s needs a%s number, got \"%s\"", a->name, a->type == ARG_INT ? " whole" : "", shown);
    if (!(real >= a->min && real <= a->max))
        return error_set(err, ERROR_USAGE, NULL, "--%s must be from %.15g to %.15g, got %s", a->name, a->min, a->max, shown);
    if (a->type == ARG_INT) *(int64_t *)at = whole;
    else *(double *)at = real;
    return 0;
}

static int store_choice(const struct arg *a, void *at, const char *value, struct error *err)
{
    for (int i = 0; a->choices[i]; i++)
        if (strcmp(a->choices[i], value) == 0) {
            *(int *)at = i;
            return 0;
        }
    char shown[96], choices[256];
    return error_set(err, ERROR_USAGE, NULL, "--%s: no \"%s\"; %s", a->name, str_shown(shown, sizeof shown, value, strlen(value), 60),
                     str_choices(choices, sizeof choices, value, a->choices));
}

static int store(const struct arg *a, void *params, const char *value, struct error *err)
{
    void *at = (char *)params + a->offset;
    struct arg_list *list = at;
    switch (a->type) {
    case ARG_FLAG: *(bool *)at = true; return 0;
    case ARG_INT:
    case ARG_REAL: return store_number(a, at, value, err);
    case ARG_CHOICE: return store_choice(a, at, value, err);
    case ARG_TEXT:
        if (!*value) return error_set(err, ERROR_USAGE, NULL, "--%s needs a %s, got an empty text", a->name, a->value);
        *(const char **)at = value;
        return 0;
    case ARG_LIST:
        if (list->count == ARG_LIST_MAX) return error_set(err, ERROR_USAGE, NULL, "--%s may be given %d times at most", a->name, ARG_LIST_MAX);
        list->items[list->count++] = value;
        return 0;
    case ARG_END: break;
    }
    return error_set(err, ERROR_INTERNAL, NULL, "option --%s has no type", a->name);
}

static bool given(const struct arg *a, const void *params)
{
    const void *at = (const char *)params + a->offset;
    return a->type == ARG_LIST ? ((const struct arg_list *)at)->count > 0 : *(const char *const *)at != NULL;
}

/* One argument that starts with a dash; takes the next one from *at as its value where one is needed. */
static int parse_option(struct call *call, int argc, char **argv, int *at, struct error *err)
{
    const char *text = argv[*at], *value = NULL, *name = text + 2;
    bool is_long = text[1] == '-';
    size_t length = is_long ? strcspn(name, "=") : 1;
    const struct arg *a = is_long ? find_name(call->command, name, length) : find_letter(call->command, text[1]);
    char shown[96];
    if (!a && is_long) return unknown(call->command, name, length, err);
    if (!a) return error_set(err, ERROR_USAGE, NULL, "no option %s", str_shown(shown, sizeof shown, text, strlen(text), 60));
    if (is_long && name[length] == '=') value = name + length + 1;
    else if (!is_long && text[2]) value = text + 2;
    if (a->type == ARG_FLAG && value)
        return error_set(err, ERROR_USAGE, NULL, "--%s takes no value, got \"%s\"", a->name,
                         str_shown(shown, sizeof shown, value, strlen(value), 60));
    if (a->type != ARG_FLAG && !value) {
        if (*at + 1 >= argc) return error_set(err, ERROR_USAGE, NULL, "--%s needs a value: --%s %s", a->name, a->name, a->value);
        value = argv[++*at];
    }
    return store(a, call->params, value, err);
}

int args_parse(struct call *call, const struct command *command, int argc, char **argv, struct error *err)
{
    bool only_operands = false;
    char shown[96];
    call->command = command;
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            call->help = true;
            return 0;
        }
    defaults(command, call->params);
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && argv[i][0] == '-' && argv[i][1]) {
            int rc = parse_option(call, argc, argv, &i, err);
            if (rc < 0) return rc;
        } else if (call->operand_count == command->operands_max || call->operand_count == OPERANDS_MAX) {
            return error_set(err, ERROR_USAGE, NULL, "one argument too many: \"%s\"; usage: trainyard %s%s%s",
                             str_shown(shown, sizeof shown, argv[i], strlen(argv[i]), 60), command->name, *command->operands ? " " : "",
                             command->operands);
        } else {
            call->operands[call->operand_count++] = argv[i];
        }
    }
    if (call->operand_count < command->operands_min) return error_set(err, ERROR_USAGE, NULL, "%s is missing", command->operands);
    for (size_t t = 0; t < ARG_TABLES; t++)
        for (const struct arg *a = table_of(command, t); a->name; a++)
            if (a->required && !given(a, call->params))
                return error_set(err, ERROR_USAGE, NULL, "--%s %s is missing: %s", a->name, a->value, a->help);
    return 0;
}

void text_wrap(FILE *out, const char *text, size_t indent, size_t column, size_t width)
{
    bool first = true;
    while (*text) {
        size_t word = strcspn(text, " \n");
        if (!first && column + 1 + word > width) {
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', out);
            column++;
        }
        fwrite(text, 1, word, out);
        column += word;
        first = false;
        text += word;
        if (*text == '\n') { /* a new paragraph */
            fprintf(out, "\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        if (*text) text++;
    }
    fputc('\n', out);
}

static void help_row(FILE *out, const struct arg *a, size_t width)
{
    char head[96], help[512];
    int head_width = a->letter ? snprintf(head, sizeof head, "  -%c, --%s", a->letter, a->name) : snprintf(head, sizeof head, "  --%s", a->name);
    if (a->value && head_width > 0 && (size_t)head_width < sizeof head) {
        int more = snprintf(head + head_width, sizeof head - (size_t)head_width, " %s%s", a->value, a->type == ARG_LIST ? " ..." : "");
        head_width += more > 0 ? more : 0;
    }
    int used = snprintf(help, sizeof help, "%s", a->help);
    if (used < 0 || (size_t)used >= sizeof help) used = 0;
    if (a->type == ARG_CHOICE) snprintf(help + used, sizeof help - (size_t)used, " [default: %s]", a->choices[(int)a->def]);
    else if ((a->type == ARG_INT || a->type == ARG_REAL) && a->def != 0)
        snprintf(help + used, sizeof help - (size_t)used, " [default: %.15g]", a->def);
    else if (a->required) snprintf(help + used, sizeof help - (size_t)used, " (required)");
    if (head_width > HELP_COLUMN - 2) {
        fprintf(out, "%s\n%*s", head, HELP_COLUMN, "");
    } else {
        fprintf(out, "%-*s", HELP_COLUMN, head);
    }
    text_wrap(out, help, HELP_COLUMN, HELP_COLUMN, width);
}

void args_help(FILE *out, const struct command *command, size_t width)
{
    fprintf(out, "Usage: trainyard %s%s%s", command->name, *command->operands ? " " : "", command->operands);
    for (size_t t = 0; t < ARG_TABLES; t++)
        for (const struct arg *a = table_of(command, t); a->name; a++)
            if (a->required) fprintf(out, " --%s %s", a->name, a->value);
    fputs(" [options]\n\n", out);
    text_wrap(out, command->summary, 0, 0, width);
    if (command->details) {
        fputc('\n', out);
        text_wrap(out, command->details, 0, 0, width);
    }
    fputs("\nOptions:\n", out);
    for (size_t t = 0; t < ARG_TABLES; t++)
        for (const struct arg *a = table_of(command, t); a->name; a++) help_row(out, a, width);
    help_row(out, &(struct arg){.name = "help", .letter = 'h', .type = ARG_FLAG, .help = "print this text"}, width);
    if (command->exits) {
        fputs("\nExit codes:\n", out);
        for (const struct exit_row *row = command->exits; row->text; row++) {
            fprintf(out, "  %-4d", row->code);
            text_wrap(out, row->text, 6, 6, width);
        }
    }
    fprintf(out, "\nExample:\n  %s\n", command->example);
}

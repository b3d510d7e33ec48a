/* The command line as tables: what a command accepts stands in rows, from which the parser, the help text and "did you mean" come.
 *
 * `--name VALUE`, `--name=VALUE`, `-n VALUE`, `--` before operands that start with a dash; options and operands in any order; the
 * last mention of an option wins, a list gathers all. Values are borrowed from argv. Nothing here prints but args_help(). */
#ifndef TRAINYARD_CLI_ARGS_H
#define TRAINYARD_CLI_ARGS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum { ARG_LIST_MAX = 64, ARG_TABLES = 2, OPERANDS_MAX = 8 };

enum arg_type {
    ARG_END,
    ARG_FLAG,   /* bool */
    ARG_INT,    /* int64_t within min..max; default def */
    ARG_REAL,   /* double within min..max; default def */
    ARG_TEXT,   /* const char *; NULL when not given */
    ARG_CHOICE, /* int: index in choices; default def */
    ARG_LIST,   /* struct arg_list: one item a mention */
};

struct arg_list {
    const char *items[ARG_LIST_MAX];
    size_t count;
};

struct arg {
    const char *name; /* without dashes; NULL ends the table */
    char letter;      /* 'f' for -f, or 0 */
    enum arg_type type;
    size_t offset;     /* in the params struct of its table */
    const char *value; /* what stands for the value in the help: "DIR"; NULL for a flag */
    const char *help;  /* one sentence: meaning, unit, default when it is not a number */
    double def, min, max;
    const char *const *choices; /* NULL-terminated */
    bool required;              /* ARG_TEXT and ARG_LIST only */
};

/* Rows that commands have in common; `at`: the offset of an int64_t, or of a bool. */
#define ARG_WORKERS(at, text) \
    { \
        .name = "workers", .letter = 'w', .type = ARG_INT, .offset = (at), .value = "P", .max = WORKERS_MAX, .help = text \
    }
#define ARG_JSON(at, text) \
    { \
        .name = "json", .type = ARG_FLAG, .offset = (at), .help = text \
    }
#define ARG_QUIET(at, text) \
    { \
        .name = "quiet", .letter = 'q', .type = ARG_FLAG, .offset = (at), .help = text \
    }

struct exit_row { /* for the help: what an exit code means; ends with a NULL text */
    int code;
    const char *text;
};

struct call;

/* One subcommand: one file and one row in commands[]. */
struct command {
    const char *name;     /* "run"; two words for a group: "data gen" */
    const char *summary;  /* one line, for the list of commands */
    const char *details;  /* a paragraph more, or NULL */
    const char *operands; /* for the usage line: "SPEC.json"; "" when there are none */
    size_t operands_min, operands_max;
    const struct arg *args;        /* own options, in a struct of params_size bytes */
    const struct arg *common_args; /* options shared by several commands, in the struct at the START of params; NULL: none */
    size_t params_size;
    int usage_exit;               /* exit code of a usage error */
    const struct exit_row *exits; /* NULL: 0 and the codes of base/error.h */
    const char *example;
    int (*run)(const struct call *call, struct error *err); /* exit code >= 0, or a negative error code with err set */
    int (*exit_of)(const struct error *err);                /* exit code of a failure; NULL: error_exit_code */
};

struct call { /* a parsed command line; all borrowed for the run of the command */
    const struct command *command;
    void *params; /* the command's own struct, defaults filled in */
    const char *operands[OPERANDS_MAX];
    size_t operand_count;
    bool help; /* --help or -h was there: nothing else was checked */
};

/* args_parse: fill call (params zeroed by the caller, params_size bytes) from argv after the command's name. ERROR_USAGE names the
 * argument, the reason and the valid choices. */
int args_parse(struct call *call, const struct command *command, int argc, char **argv, struct error *err);

void args_help(FILE *out, const struct command *command, size_t width);

/* text_wrap: print text in words of at most `width` columns; lines after the first start `indent` columns in. `column` = where the
 * first line already stands. */
void text_wrap(FILE *out, const char *text, size_t indent, size_t column, size_t width);

#endif

/* Finding and running a command. Failures are printed here, in one form: "trainyard run: what, where, what to do". Output that
 * cannot be written is a failure too: a full disk behind `trainyard jobs > file` must not end with 0. */
#include "cli/commands.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/terminal.h"

enum { USAGE_EXIT = 64, NAMES_MAX = 64 };

const struct command *const commands[] = {&command_serve,
                                          &command_run,
                                          &command_predict,
                                          &command_export,
                                          &command_submit,
                                          &command_jobs,
                                          &command_job,
                                          &command_logs,
                                          &command_events,
                                          &command_cancel,
                                          &command_pause,
                                          &command_resume,
                                          &command_data_gen,
                                          &command_data_inspect,
                                          &command_validate,
                                          &command_kinds,
                                          &command_compare,
                                          &command_checkpoint_show,
                                          &command_checkpoint_verify,
                                          &command_checkpoint_diff,
                                          &command_checkpoint_export,
                                          &command_version,
                                          NULL};

static bool in_group(const struct command *command, const char *group)
{
    return str_starts(command->name, group) && command->name[strlen(group)] == ' ';
}

/* The commands of a group ("data": data gen, data inspect), or all: NULL. */
static void list(FILE *out, const char *group)
{
    fputs("Commands:\n", out);
    for (size_t i = 0; commands[i]; i++) {
        if (group && !in_group(commands[i], group)) continue;
        fprintf(out, "  %-20s", commands[i]->name);
        text_wrap(out, commands[i]->summary, 22, 22, terminal_width(out));
    }
}

static void help(FILE *out)
{
    fputs("Trainyard trains click-through-rate models: one job in this process, or a service with a queue and a dashboard.\n\n"
          "Usage: trainyard COMMAND [options]\n\n",
          out);
    list(out, NULL);
    fputs("\nClient commands talk to --server URL, $TRAINYARD_SERVER or http://127.0.0.1:8080, with the token of --token-file FILE\n"
          "or $TRAINYARD_TOKEN. `trainyard COMMAND --help` explains one command.\n\nExample:\n"
          "  trainyard serve --data-root data\n",
          out);
}

static void help_group(const char *group)
{
    printf("Usage: trainyard %s COMMAND [options]\n\n", group);
    list(stdout, group);
    printf("\n`trainyard %s COMMAND --help` explains one command.\n", group);
}

/* How many leading words of argv are the command's name; 0: it is another command. */
static int name_match(const struct command *command, int argc, char **argv)
{
    const char *name = command->name;
    for (int words = 0; words < argc; words++) {
        size_t length = strcspn(name, " ");
        if (strlen(argv[words]) != length || strncmp(argv[words], name, length) != 0) return 0;
        if (!name[length]) return words + 1;
        name += length + 1;
    }
    return 0;
}

static bool is_group(const char *word)
{
    for (size_t i = 0; commands[i]; i++)
        if (in_group(commands[i], word)) return true;
    return false;
}

static int unknown(int argc, char **argv)
{
    const char *names[NAMES_MAX + 1];
    char typed[128], shown[160], choices[512];
    size_t count = 0;
    bool group = is_group(argv[0]);
    for (size_t i = 0; commands[i] && count < NAMES_MAX; i++)
        if (!group || in_group(commands[i], argv[0])) names[count++] = commands[i]->name;
    names[count] = NULL;
    if (group && argc > 1) snprintf(typed, sizeof typed, "%.60s %.60s", argv[0], argv[1]);
    else snprintf(typed, sizeof typed, "%.120s", argv[0]);
    fprintf(stderr, "trainyard: no command \"%s\"; %s\n", str_shown(shown, sizeof shown, typed, strlen(typed), 120),
            str_choices(choices, sizeof choices, typed, names));
    return USAGE_EXIT;
}

static int report(const struct command *command, const struct error *err)
{
    fprintf(stderr, "trainyard %s: ", command->name);
    print_clean(stderr, err->msg, strlen(err->msg));
    fputc('\n', stderr);
    if (err->code != ERROR_USAGE) return command->exit_of ? command->exit_of(err) : error_exit_code(err->code);
    fprintf(stderr, "try: trainyard %s --help\n", command->name);
    return command->usage_exit;
}

/* Everything printed must have arrived; a reader that went away (`| head`) is no failure of ours. */
static int flush_output(const struct command *command, int code)
{
    errno = 0;
    if ((fflush(stdout) == 0 && !ferror(stdout)) || errno == EPIPE || code != 0) return code;
    struct error err = {0};
    error_set_errno(&err, errno ? errno : EIO, NULL, "cannot write standard output");
    return report(command, &err);
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct error err = {0};
    struct call call = {.params = mem_zero(command->params_size, &err)};
    int rc = call.params ? args_parse(&call, command, argc, argv, &err) : -ERROR_NOMEM;
    if (rc == 0 && call.help) args_help(stdout, command, terminal_width(stdout));
    else if (rc == 0) rc = command->run(&call, &err);
    int code = rc < 0 ? report(command, &err) : rc;
    mem_free(call.params);
    return flush_output(command, code);
}

int cli_main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* a reader that went away shows as EPIPE, which each writer checks */
    if (argc < 2) {
        help(stderr);
        return USAGE_EXIT;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || (strcmp(argv[1], "help") == 0 && argc == 2)) {
        help(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0) return run_command(&command_version, 0, NULL);
    bool asked = strcmp(argv[1], "help") == 0;
    argc -= asked ? 2 : 1;
    argv += asked ? 2 : 1;
    for (size_t i = 0; commands[i]; i++) {
        int words = name_match(commands[i], argc, argv);
        if (words == 0) continue;
        char flag[] = "--help", *help_flag[] = {flag};
        return asked ? run_command(commands[i], 1, help_flag) : run_command(commands[i], argc - words, argv + words);
    }
    if (is_group(argv[0]) && (asked || (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)))) {
        help_group(argv[0]);
        return 0;
    }
    return unknown(argc, argv);
}

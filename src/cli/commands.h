/* The commands: a new one is one file and one word in commands[]. */
#ifndef TRAINYARD_CLI_COMMANDS_H
#define TRAINYARD_CLI_COMMANDS_H

#include "cli/args.h"

extern const struct command *const commands[]; /* NULL-terminated, in the order of the help */

extern const struct command command_serve, command_run, command_predict, command_export, command_submit, command_jobs, command_job, command_logs,
    command_events, command_cancel, command_pause, command_resume, command_data_gen, command_data_inspect, command_validate, command_kinds,
    command_checkpoint_show, command_checkpoint_verify, command_checkpoint_diff, command_checkpoint_export, command_compare, command_version;

/* cli_main: the whole program: find the command, parse, run, print the failure. Returns the exit code. */
int cli_main(int argc, char **argv);

#endif

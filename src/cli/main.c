/* The program: everything is in cli/commands.c, so that tests can link it. */
#include "cli/commands.h"

int main(int argc, char **argv) { return cli_main(argc, argv); }

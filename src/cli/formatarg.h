/* A format given on the command line: its name, or the object that a specification's dataset would have. */
#ifndef TRAINYARD_CLI_FORMATARG_H
#define TRAINYARD_CLI_FORMATARG_H

#include "base/kind.h"

struct format_arg { /* zeroed: none given */
    const struct kind *kind;
    void *params; /* kind->params_size bytes, or NULL */
};

/* format_arg_read: text NULL: none. ERROR_USAGE: not known, with the ones that are, or the options' faults. */
int format_arg_read(struct format_arg *arg, const char *text, struct error *err);
void format_arg_close(struct format_arg *arg);

#endif

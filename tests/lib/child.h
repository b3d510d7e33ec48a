/* The real binary ($TRAINYARD) as a child process: arguments in, exit code and what it printed out. Output goes to files, so nothing can
 * block on a full pipe, and it can be looked at while the child runs.
 *
 * Everything that fails fails the test, with a message; a child that outlives its deadline is killed first. Main thread only. */
#ifndef TRAINYARD_TESTS_LIB_CHILD_H
#define TRAINYARD_TESTS_LIB_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/test.h"

enum { CHILD_ARGS_MAX = 24, CHILD_DEADLINE_MS = 60000 };

struct child {
    pid_t pid;           /* 0: it was waited for */
    char dir[PATH_SIZE]; /* its out and err files */
    char out_path[PATH_SIZE], err_path[PATH_SIZE];
    char *out, *err; /* what it printed; after child_wait() */
    int code;        /* exit code; 128 + signal when one killed it */
};

struct child_options {
    const char *input;      /* file for standard input; NULL: /dev/null */
    const char *output;     /* file for standard output; NULL: captured */
    const char *const *env; /* "NAME=value" added to the environment; NULL-terminated, or NULL. The TRAINYARD_ names of ours are taken out */
};

/* child_start: argv after the program's name, NULL-terminated. options may be NULL. */
void child_start(struct child *c, const struct child_options *options, const char *const *args);
int child_wait(struct child *c); /* its exit code; reads out and err */
void child_signal(struct child *c, int signal_number);
void child_until(struct child *c, bool in_err, const char *text); /* polls until it has printed that */
void child_close(struct child *c);                                /* kills it when it still runs; safe twice */

/* run_child: start, wait. `args` as a literal list: RUN(&c, "kinds", "--json"). */
int child_run(struct child *c, const struct child_options *options, const char *const *args);
#define RUN(c, ...) child_run((c), NULL, (const char *const[]){__VA_ARGS__, NULL})

/* assert_has: text contains part; the message shows both. */
#define assert_has(text, part) child_assert_has((text), (part), true, __FILE__, __LINE__)
#define assert_lacks(text, part) child_assert_has((text), (part), false, __FILE__, __LINE__)
void child_assert_has(const char *text, const char *part, bool want, const char *file, int line);

#endif

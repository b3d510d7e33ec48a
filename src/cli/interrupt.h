/* Ctrl-C and SIGTERM as a count that loops look at; the third one ends the process in the ordinary way. */
#ifndef TRAINYARD_CLI_INTERRUPT_H
#define TRAINYARD_CLI_INTERRUPT_H

#include <stdbool.h>
#include <stdint.h>

void interrupt_watch(void); /* from now on signals only count */
int interrupt_count(void);

/* interrupt_wait: sleep for ms, or until more than `seen` signals have come; ms < 0: until then. True when more have come. */
bool interrupt_wait(int64_t ms, int seen);

#endif

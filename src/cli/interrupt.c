#include "cli/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <time.h>

enum { PATIENCE = 3 };

static volatile sig_atomic_t interrupts;

static void count(int signal_number)
{
    if (++interrupts < PATIENCE) return;
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

void interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = count}; /* no SA_RESTART: blocked calls return at once */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int interrupt_count(void) { return interrupts; }

bool interrupt_wait(int64_t ms, int seen)
{
    sigset_t block, before;
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    sigemptyset(&block);
    sigaddset(&block, SIGINT);
    sigaddset(&block, SIGTERM);
    /* blocked while we look, let in by ppoll alone: a signal between the two cannot be slept over */
    sigprocmask(SIG_BLOCK, &block, &before);
    if (interrupts <= seen) ppoll(NULL, 0, ms < 0 ? NULL : &time, &before);
    sigprocmask(SIG_SETMASK, &before, NULL);
    return interrupts > seen;
}

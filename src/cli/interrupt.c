/* The handler counts and pokes an eventfd; waiting polls that. So it does not matter which thread a signal lands on, and one that comes
 * just before the poll is seen by it. */
#include "cli/interrupt.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { PATIENCE = 3 };

static volatile sig_atomic_t interrupts;
static int poked = -1;

static void count(int signal_number)
{
    int before = errno;
    uint64_t one = 1;
    interrupts++;
    ssize_t written = write(poked, &one, sizeof one); /* can only fail when it is poked already */
    (void)written;
    if (interrupts >= PATIENCE) {
        signal(signal_number, SIG_DFL);
        raise(signal_number);
    }
    errno = before;
}

void interrupt_watch(void)
{
    struct sigaction action = {.sa_handler = count}; /* no SA_RESTART: blocked calls return at once */
    if (poked < 0) poked = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int interrupt_count(void) { return interrupts; }

bool interrupt_wait(int64_t ms, int seen)
{
    struct pollfd poll_fd = {.fd = poked, .events = POLLIN};
    uint64_t pokes;
    do {
        if (interrupts > seen) return true;
        if (poll(&poll_fd, 1, ms < 0 || ms > INT32_MAX ? -1 : (int)ms) > 0 && read(poked, &pokes, sizeof pokes) < 0) continue;
    } while (ms < 0);
    return interrupts > seen;
}

#include "engine/train/stop.h"

#include <signal.h>
#include <stdatomic.h>

#include "engine/train/job.h"

enum { STOP_POLL_MS = 200 };

static atomic_bool signalled; /* signals are global by nature; whoever reads rows asks from a thread of its own */

static void on_signal(int number)
{
    (void)number;
    atomic_store(&signalled, true);
}

void stop_signals_catch(void)
{
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
    atomic_store(&signalled, false);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int job_stop_asked(struct job *job)
{
    if (atomic_load(&signalled)) return 1;
    int64_t now = world_mono_ms(job->world);
    if (now - atomic_load(&job->stop_polled_ms) >= STOP_POLL_MS) {
        atomic_store(&job->stop_polled_ms, now);
        atomic_store(&job->stop_seen, rundir_stop_asked(job->world, job->dir.path));
    }
    return atomic_load(&job->stop_seen); /* whoever asks hears of it, not only who polled */
}

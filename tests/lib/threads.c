#include "lib/threads.h"

#include <pthread.h>
#include <stdint.h>

enum { THREADS_MAX = 16 };

struct work {
    parallel_task task;
    void *context;
    unsigned index, step, count;
    unsigned failed; /* the first index that failed, or count */
    struct error error;
};

static void *work_run(void *arg)
{
    struct work *w = arg;
    w->failed = w->count;
    for (unsigned i = w->index; i < w->count && w->failed == w->count; i += w->step)
        if (w->task(w->context, i, &w->error) < 0) w->failed = i;
    return NULL;
}

static int threads_run(void *impl, parallel_task task, void *context, unsigned count, struct error *err)
{
    unsigned workers = (unsigned)(uintptr_t)impl, first = count;
    struct work work[THREADS_MAX] = {0};
    pthread_t threads[THREADS_MAX];
    for (unsigned i = 0; i < workers; i++) {
        work[i] = (struct work){.task = task, .context = context, .index = i, .step = workers, .count = count};
        if (pthread_create(&threads[i], NULL, work_run, &work[i]) != 0) __builtin_trap();
    }
    for (unsigned i = 0; i < workers; i++) {
        pthread_join(threads[i], NULL);
        if (work[i].failed >= first) continue;
        first = work[i].failed;
        if (err) *err = work[i].error;
    }
    return first == count ? 0 : err ? -(int)err->code : -ERROR_INTERNAL;
}

struct parallel threads_parallel(unsigned workers)
{
    if (workers < 1 || workers > THREADS_MAX) __builtin_trap();
    return (struct parallel){.impl = (void *)(uintptr_t)workers, .workers = workers, .run = threads_run};
}

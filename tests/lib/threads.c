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

static struct aside { /* one at a time */
    pthread_t thread;
    int (*task)(void *context, struct error *err);
    void *context;
    int rc;
    struct error error;
} aside;

static void *aside_run(void *arg)
{
    (void)arg;
    aside.rc = aside.task(aside.context, &aside.error);
    return NULL;
}

static int threads_begin(void *impl, int (*task)(void *context, struct error *err), void *context, struct error *err)
{
    (void)impl, (void)err;
    aside = (struct aside){.task = task, .context = context};
    if (pthread_create(&aside.thread, NULL, aside_run, NULL) != 0) __builtin_trap();
    return 0;
}

static int threads_end(void *impl, struct error *err)
{
    (void)impl;
    pthread_join(aside.thread, NULL);
    return aside.rc < 0 ? error_set(err, aside.error.code, aside.error.field, "%s", aside.error.msg) : 0;
}

struct parallel threads_parallel(unsigned workers)
{
    if (workers < 1 || workers > THREADS_MAX) __builtin_trap();
    return (struct parallel){.impl = (void *)(uintptr_t)workers, .workers = workers, .run = threads_run, .begin = threads_begin, .end = threads_end};
}

/* Parallel work as a parameter: rooms below engine/train may not know libuv, so whoever calls them says how to run tasks side by side. */
#ifndef TRAINYARD_BASE_PARALLEL_H
#define TRAINYARD_BASE_PARALLEL_H

#include "base/error.h"

typedef int (*parallel_task)(void *context, unsigned index, struct error *err); /* one of `count` tasks; 0 or a negative code */

struct parallel {
    void *impl;
    unsigned workers; /* tasks that truly run at once, >= 1 */
    /* run: task(context, 0 .. count-1), at most `workers` at a time, in no stated order; returns when all have ended. The error of the
     * lowest failing index wins. count <= workers: all of them run at the same moment, so they may wait for each other. */
    int (*run)(void *impl, parallel_task task, void *context, unsigned count, struct error *err);
    /* begin: one more task, aside, on a thread that is none of the workers'; one at a time. end: wait for it; its result. Both on the thread that
     * calls run. NULL: there is no such thread, so do the work yourself. */
    int (*begin)(void *impl, int (*task)(void *context, struct error *err), void *context, struct error *err);
    int (*end)(void *impl, struct error *err);
};

extern const struct parallel parallel_inline; /* one worker: the caller's thread, in index order */

#endif

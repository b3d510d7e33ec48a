/* A few threads that run tasks in the order they came: where handlers may wait for SQLite and for disks, so that the network thread
 * never does. A task is embedded in what it works on; nothing is allocated to queue it, so queueing cannot fail for memory. */
#ifndef TRAINYARD_SERVICE_HTTP_POOL_H
#define TRAINYARD_SERVICE_HTTP_POOL_H

#include <stdbool.h>

#include "base/error.h"

struct task {
    void (*run)(struct task *task); /* owns the task while it runs; may queue it again */
    struct task *next;              /* the pool's, while it is queued */
};

struct pool;

int pool_start(struct pool **out, unsigned threads, struct error *err);
bool pool_add(struct pool *pool, struct task *task); /* false: the pool is stopping, and the task is the caller's still */
void pool_stop(struct pool *pool);                   /* runs what is queued, joins the threads, frees. NULL is fine */

#endif

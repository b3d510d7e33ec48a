/* See pool.h. */
#include "service/http/pool.h"

#include <pthread.h>

#include "base/mem.h"

enum { POOL_THREADS_MAX = 64 };

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t work;
    struct task *first, **last;
    bool stopping;
    unsigned count;
    pthread_t threads[POOL_THREADS_MAX];
};

static void *pool_work(void *context)
{
    struct pool *pool = context;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->first && !pool->stopping) pthread_cond_wait(&pool->work, &pool->lock);
        struct task *task = pool->first;
        if (!task) break;
        if (!(pool->first = task->next)) pool->last = &pool->first;
        pthread_mutex_unlock(&pool->lock);
        task->run(task);
        pthread_mutex_lock(&pool->lock);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

int pool_start(struct pool **out, unsigned threads, struct error *err)
{
    struct pool *pool = mem_zero(sizeof *pool, err);
    if (!pool) return -ERROR_NOMEM;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pool->last = &pool->first;
    if (threads > POOL_THREADS_MAX) threads = POOL_THREADS_MAX;
    while (pool->count < threads) {
        int why = pthread_create(&pool->threads[pool->count], NULL, pool_work, pool);
        if (why) {
            pool_stop(pool);
            return error_set_errno(err, why, NULL, "cannot start worker thread %u of %u", pool->count + 1, threads);
        }
        pool->count++;
    }
    *out = pool;
    return 0;
}

bool pool_add(struct pool *pool, struct task *task)
{
    pthread_mutex_lock(&pool->lock);
    bool taken = !pool->stopping;
    if (taken) {
        task->next = NULL;
        *pool->last = task;
        pool->last = &task->next;
        pthread_cond_signal(&pool->work);
    }
    pthread_mutex_unlock(&pool->lock);
    return taken;
}

void pool_stop(struct pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++) pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->work);
    pthread_mutex_destroy(&pool->lock);
    mem_free(pool);
}

#include "engine/comm/barrier.h"

void barrier_init(struct barrier *b, unsigned parties, unsigned spins)
{
    b->parties = parties;
    b->spins = spins;
    atomic_init(&b->arrived, 0);
    atomic_init(&b->generation, 0);
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->turned, NULL);
}

void barrier_close(struct barrier *b)
{
    pthread_mutex_destroy(&b->mutex);
    pthread_cond_destroy(&b->turned);
}

static inline void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

void barrier_wait(struct barrier *b)
{
    unsigned generation = atomic_load(&b->generation);
    if (atomic_fetch_add(&b->arrived, 1) + 1 == b->parties) {
        atomic_store(&b->arrived, 0);
        pthread_mutex_lock(&b->mutex); /* so that nobody checks and then sleeps past the broadcast */
        atomic_fetch_add(&b->generation, 1);
        pthread_cond_broadcast(&b->turned);
        pthread_mutex_unlock(&b->mutex);
        return;
    }
    for (unsigned i = 0; i < b->spins; i++) {
        if (atomic_load(&b->generation) != generation) return;
        relax();
    }
    pthread_mutex_lock(&b->mutex);
    while (atomic_load(&b->generation) == generation) pthread_cond_wait(&b->turned, &b->mutex);
    pthread_mutex_unlock(&b->mutex);
}

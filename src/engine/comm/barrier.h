/* A barrier for the P workers of a team: spins for a short while, since steps are a millisecond long, then sleeps, since P may exceed the cores. */
#ifndef TRAINYARD_ENGINE_COMM_BARRIER_H
#define TRAINYARD_ENGINE_COMM_BARRIER_H

#include <pthread.h>
#include <stdatomic.h>

struct barrier {
    unsigned parties, spins;
    _Atomic unsigned arrived, generation;
    pthread_mutex_t mutex;
    pthread_cond_t turned;
};

void barrier_init(struct barrier *b, unsigned parties, unsigned spins); /* spins: tries before sleeping; 0 where threads outnumber cores */
void barrier_close(struct barrier *b);

/* barrier_wait: returns when all parties have come; everything written before it is visible after it. */
void barrier_wait(struct barrier *b);

#endif

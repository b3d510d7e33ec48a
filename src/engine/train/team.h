/* A team: P workers that live as long as the job, on libuv's pool (P - 1 work items and the caller as worker 0), and meet at a barrier around
 * each phase; and background work (prefetch, checkpoint writer) on the same pool. The one file that knows uv. */
#ifndef TRAINYARD_ENGINE_TRAIN_TEAM_H
#define TRAINYARD_ENGINE_TRAIN_TEAM_H

#include <stdbool.h>
#include <uv.h>

#include "base/parallel.h"
#include "engine/comm/barrier.h"

enum { TEAM_HELPERS = 3 }; /* pool threads beyond the workers: prefetch, checkpoint, one to spare */

typedef int (*team_phase)(void *context, unsigned worker, struct error *err);

struct team_member;
struct team {
    unsigned workers;
    struct parallel parallel; /* the team seen as a way to run tasks */
    /* private */
    uv_loop_t loop;
    struct barrier barrier;
    struct team_member *members;
    team_phase phase;
    void *context;
    bool stopping;
    struct background *aside; /* of parallel.begin */
};

/* team_start: size the pool (once a process) and start the workers. beside: threads of the pool that other teams will want. The struct must not move
 * afterwards. */
int team_start(struct team *team, unsigned workers, unsigned beside, struct error *err);
void team_stop(struct team *team); /* safe on a zeroed struct; background work must have ended */

/* team_run: phase(context, w) for each w < workers, at once; the error of the lowest worker. Called by the thread that started the team. */
int team_run(struct team *team, team_phase phase, void *context, struct error *err);

struct background {
    uv_work_t work;
    int (*task)(void *context, struct error *err);
    void *context;
    struct team *team;
    bool running;
    int rc;
    struct error err;
};
int background_start(struct team *team, struct background *b, int (*task)(void *context, struct error *err), void *context, struct error *err);
bool background_busy(struct background *b);                   /* polls; false also before the first start */
int background_wait(struct background *b, struct error *err); /* its result; 0 when it never ran */

#endif

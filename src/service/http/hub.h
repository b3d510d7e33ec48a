/* The hub: who waits for news of jobs, and who wakes them. One thread that hears from the store that a job changed, and then
 *   - queues long polls of that job again (their handler looks anew), or when their time is up;
 *   - has event streams of that job filled by a worker;
 *   - sends a heartbeat on streams that were silent, which is also how a client that vanished is noticed;
 *   - calls the server's sweep for connections that are too slow.
 * News that come close together are handled at once, at most HUB_FANOUT_MS apart, so a burst of commits costs one look a follower.
 *
 * A connection that waits is suspended, and a suspended connection belongs to whoever will resume it: nobody else touches it, so the
 * hub's lock guards only its lists and the state of streams. */
#ifndef TRAINYARD_SERVICE_HTTP_HUB_H
#define TRAINYARD_SERVICE_HTTP_HUB_H

#include <stdint.h>

#include "base/clock.h"
#include "base/world.h"
#include "service/http/pool.h"

struct store;
struct follower;
struct hub;

enum { HUB_FANOUT_MS = 20, HUB_TICK_MS = 200 };

struct hub_config {
    const struct world *world;
    struct store *store;
    struct pool *pool;
    int64_t heartbeat_ms;
    void (*sweep)(void *context); /* every tick, on the hub's thread, without its lock; may be NULL */
    void *sweep_context;
};

int hub_start(struct hub **out, const struct hub_config *config, struct error *err);

/* hub_stop: ends every stream, lets every long poll look a last time, joins the thread. From then on hub_wait() and streams wait no
 * more. The pool must run still. hub_free() comes when nothing uses it any more. */
void hub_stop(struct hub *hub);
void hub_free(struct hub *hub); /* NULL is fine */

/* A long poll: embedded in the exchange. */
struct waiter {
    char job[ID_SIZE];
    int64_t until_ms; /* monotonic */
    struct task *task;
    struct waiter *prev, *next;
};
uint64_t hub_news(struct hub *hub); /* count of news so far: take it before looking at the job */

/* hub_wait: queue waiter->task when the job changes or time is up. seen: what hub_news() said before the caller looked. */
enum hub_wait {
    HUB_WAITING, /* the waiter is the hub's; the caller must not touch what it stands in */
    HUB_LOOK,    /* there was news since: look again */
    HUB_OVER,    /* time is up, or the hub is stopping: answer with what there is */
};
enum hub_wait hub_wait(struct hub *hub, struct waiter *waiter, uint64_t seen);

/* Streams (follower.c). All under the hub's lock but for the reading of a stream's own bytes by whoever has it. */
bool hub_lock(struct hub *hub); /* true: the hub is stopping */
void hub_unlock(struct hub *hub);
void hub_add_follower(struct hub *hub, struct follower *follower);    /* lock held */
void hub_remove_follower(struct hub *hub, struct follower *follower); /* lock held */
uint64_t hub_followers(struct hub *hub);                              /* open ones; takes the lock */
const struct hub_config *hub_config(const struct hub *hub);

#endif

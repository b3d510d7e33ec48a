/* See hub.h. */
#include "service/http/hub.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/mem.h"
#include "base/str.h"
#include "service/http/follower.h"
#include "service/store/store.h"

enum { HUB_CHANGED_MAX = 64 }; /* jobs remembered between two fan-outs; beyond it everybody looks */

struct hub {
    struct hub_config config;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    pthread_t thread;
    bool stopping, watching;
    uint64_t news;                          /* count of all */
    char changed[HUB_CHANGED_MAX][ID_SIZE]; /* jobs since the last fan-out */
    size_t changed_count;                   /* HUB_CHANGED_MAX + 1: more than could be remembered */
    int64_t fanout_ms;                      /* monotonic, of the last one */
    struct waiter *waiters;
    struct follower *followers;
    uint64_t follower_count;
};

/* On the store's committing thread. */
static void hub_heard(void *context, const char *job_id, int64_t event_id)
{
    struct hub *hub = context;
    (void)event_id;
    pthread_mutex_lock(&hub->lock);
    hub->news++;
    bool known = hub->changed_count > HUB_CHANGED_MAX;
    for (size_t i = 0; i < hub->changed_count && !known; i++) known = !strcmp(hub->changed[i], job_id);
    if (!known) {
        if (hub->changed_count < HUB_CHANGED_MAX) str_copy(hub->changed[hub->changed_count], ID_SIZE, job_id);
        hub->changed_count++;
    }
    pthread_cond_signal(&hub->wake);
    pthread_mutex_unlock(&hub->lock);
}

static bool hub_changed(const struct hub *hub, const char *job)
{
    if (hub->changed_count > HUB_CHANGED_MAX) return true;
    for (size_t i = 0; i < hub->changed_count; i++)
        if (!strcmp(hub->changed[i], job)) return true;
    return false;
}

static void waiter_unlist(struct hub *hub, struct waiter *w)
{
    if (w->prev) w->prev->next = w->next;
    else hub->waiters = w->next;
    if (w->next) w->next->prev = w->prev;
    w->prev = w->next = NULL;
}

/* Runs with the lock held. Once a waiter is queued it belongs to the worker, so it is unlisted before. */
static void hub_fanout(struct hub *hub, int64_t now)
{
    for (struct waiter *w = hub->waiters, *next; w; w = next) {
        next = w->next;
        if (w->until_ms > now && !hub->stopping && !hub_changed(hub, w->job)) continue;
        waiter_unlist(hub, w);
        pool_add(hub->config.pool, w->task);
    }
    for (struct follower *s = hub->followers; s; s = s->next) {
        bool all = s->job_count == 0, changed = all && hub->changed_count > 0;
        for (size_t i = 0; i < s->job_count && !changed; i++) changed = hub_changed(hub, s->jobs[i].id);
        follower_tick(s, changed, hub->stopping, now);
    }
    hub->changed_count = 0;
    hub->fanout_ms = now;
}

static void hub_sleep_until(struct hub *hub, int64_t until_ms)
{
    struct timespec at = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
    pthread_cond_timedwait(&hub->wake, &hub->lock, &at);
}

static void *hub_work(void *context)
{
    struct hub *hub = context;
    const struct world *world = hub->config.world;
    int64_t tick_ms = world_mono_ms(world) + HUB_TICK_MS;
    pthread_mutex_lock(&hub->lock);
    while (!hub->stopping) {
        int64_t now = world_mono_ms(world), due = tick_ms;
        if (hub->changed_count > 0 && hub->fanout_ms + HUB_FANOUT_MS < due) due = hub->fanout_ms + HUB_FANOUT_MS;
        if (now < due) {
            hub_sleep_until(hub, due);
            continue;
        }
        hub_fanout(hub, now);
        if (now < tick_ms) continue;
        tick_ms = now + HUB_TICK_MS;
        if (!hub->config.sweep) continue;
        pthread_mutex_unlock(&hub->lock);
        hub->config.sweep(hub->config.sweep_context);
        pthread_mutex_lock(&hub->lock);
    }
    hub_fanout(hub, world_mono_ms(world));
    pthread_mutex_unlock(&hub->lock);
    return NULL;
}

int hub_start(struct hub **out, const struct hub_config *config, struct error *err)
{
    pthread_condattr_t attr;
    struct hub *hub = mem_zero(sizeof *hub, err);
    if (!hub) return -ERROR_NOMEM;
    hub->config = *config;
    pthread_mutex_init(&hub->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC); /* the clock of world_mono_ms() */
    pthread_cond_init(&hub->wake, &attr);
    pthread_condattr_destroy(&attr);
    int rc = store_watch(config->store, hub_heard, hub, err);
    if (rc == 0) {
        int why = pthread_create(&hub->thread, NULL, hub_work, hub);
        if (why) {
            store_unwatch(config->store, hub_heard, hub);
            rc = error_set_errno(err, why, NULL, "cannot start the thread that wakes followers");
        }
    }
    if (rc < 0) {
        hub_free(hub);
        return rc;
    }
    hub->watching = true;
    *out = hub;
    return 0;
}

void hub_stop(struct hub *hub)
{
    if (!hub || !hub->watching) return;
    store_unwatch(hub->config.store, hub_heard, hub);
    pthread_mutex_lock(&hub->lock);
    hub->stopping = true;
    pthread_cond_signal(&hub->wake);
    pthread_mutex_unlock(&hub->lock);
    pthread_join(hub->thread, NULL);
    hub->watching = false;
}

void hub_free(struct hub *hub)
{
    if (!hub) return;
    pthread_cond_destroy(&hub->wake);
    pthread_mutex_destroy(&hub->lock);
    mem_free(hub);
}

uint64_t hub_news(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    uint64_t news = hub->news;
    pthread_mutex_unlock(&hub->lock);
    return news;
}

enum hub_wait hub_wait(struct hub *hub, struct waiter *waiter, uint64_t seen)
{
    enum hub_wait what = HUB_WAITING;
    pthread_mutex_lock(&hub->lock);
    if (hub->stopping || world_mono_ms(hub->config.world) >= waiter->until_ms) what = HUB_OVER;
    else if (hub->news != seen) what = HUB_LOOK;
    else {
        waiter->prev = NULL;
        waiter->next = hub->waiters;
        if (hub->waiters) hub->waiters->prev = waiter;
        hub->waiters = waiter;
    }
    pthread_mutex_unlock(&hub->lock);
    return what;
}

bool hub_lock(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    return hub->stopping;
}

void hub_unlock(struct hub *hub) { pthread_mutex_unlock(&hub->lock); }
const struct hub_config *hub_config(const struct hub *hub) { return &hub->config; }

void hub_add_follower(struct hub *hub, struct follower *follower)
{
    follower->prev = NULL;
    follower->next = hub->followers;
    if (hub->followers) hub->followers->prev = follower;
    hub->followers = follower;
    hub->follower_count++;
}

void hub_remove_follower(struct hub *hub, struct follower *follower)
{
    if (follower->prev) follower->prev->next = follower->next;
    else hub->followers = follower->next;
    if (follower->next) follower->next->prev = follower->prev;
    follower->prev = follower->next = NULL;
    hub->follower_count--;
}

uint64_t hub_followers(struct hub *hub)
{
    pthread_mutex_lock(&hub->lock);
    uint64_t count = hub->follower_count;
    pthread_mutex_unlock(&hub->lock);
    return count;
}

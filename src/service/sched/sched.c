/* The scheduler's thread: one turn looks at every run, takes leave of those that ended, and starts what fits.
 *
 * A turn comes every 100 ms while something runs, every 200 ms otherwise (a retry may become due), and at once when a process ends or a
 * caller changed a row. */
#include "service/sched/internal.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

enum { CANDIDATES = 16 };

void sched_poke(struct sched *s)
{
    atomic_store(&s->dirty, true);
    uv_async_send(&s->wake);
}

void live_publish(struct sched *s)
{
    pthread_mutex_lock(&s->lock);
    s->live_count = 0;
    for (struct run *run = s->runs; run && s->live_count < RUNS_MAX; run = run->next) {
        struct live *live = &s->live[s->live_count++];
        str_copy(live->id, sizeof live->id, run->job.id);
        live->slots = run->job.slots;
    }
    pthread_mutex_unlock(&s->lock);
}

/* ---- a turn ---- */

static void runs_turn(struct sched *s, bool changed)
{
    for (struct run **at = &s->runs; *at;) {
        struct run *run = *at;
        struct error err = {0};
        run->stale |= changed;
        run_turn(run);
        bool gone = false;
        if (run_ended(run)) {
            gone = run_finish(run, &err) == 0;
            if (!gone) run_complain(run, &err);
        }
        if (!gone) {
            at = &run->next;
            continue;
        }
        *at = run->next;
        s->slots_used -= run->job.slots;
        run_free(run);
        live_publish(s);
        atomic_store(&s->dirty, true);
    }
}

static bool run_exists(const struct sched *s, const char *id)
{
    for (const struct run *run = s->runs; run; run = run->next)
        if (strcmp(run->job.id, id) == 0) return true;
    return false;
}

static void hold_set(struct sched *s, const char *reason, const char *why)
{
    pthread_mutex_lock(&s->lock);
    bool fresh = why[0] && strcmp(s->hold, why) != 0;
    str_copy(s->hold_reason, sizeof s->hold_reason, reason);
    str_copy(s->hold, sizeof s->hold, why);
    pthread_mutex_unlock(&s->lock);
    if (fresh) log_warn("no job is started: %s", why);
}

/* Start the first job in line; true: it did something, look again. The order is strict: a job that does not fit yet is not overtaken. */
static bool start_next(struct sched *s)
{
    struct job_list next;
    struct error err = {0};
    bool again = false;
    if (store_jobs_next(s->config.store, world_utc_ms(s->config.world), CANDIDATES, &next, &err) < 0) {
        log_error("the queue: %s", err.msg);
        return false;
    }
    size_t i = 0;
    while (i < next.count && run_exists(s, next.items[i].id)) i++; /* its former process is still ending */
    if (i < next.count && next.items[i].slots <= s->config.slots - s->slots_used) {
        int rc = launch_job(s, &next.items[i], &err);
        again = rc == 0 || rc == -ERROR_CONFLICT; /* conflict: cancelled meanwhile */
        if (!again) {                             /* the fault of the disk or the server, not of the job: it waits, and says so */
            s->retry_ms = world_mono_ms(s->config.world) + RETRY_MS;
            hold_set(s, rc == -ERROR_NOSPACE ? "disk" : "server", err.msg);
        }
    }
    job_list_close(&next);
    return again;
}

static void disk_look(struct sched *s)
{
    char why[256], free_text[32], low_text[32];
    int64_t total = 0, left = disk_free(s->config.state_dir, &total);
    pthread_mutex_lock(&s->lock);
    s->stats.disk_free_bytes = left;
    s->stats.disk_total_bytes = total;
    pthread_mutex_unlock(&s->lock);
    bool low = left >= 0 && left < s->config.disk_low_bytes;
    if (low)
        snprintf(why, sizeof why, "disk: %s free in %.100s, %s are needed", str_bytes(free_text, sizeof free_text, (uint64_t)left),
                 s->config.state_dir, str_bytes(low_text, sizeof low_text, (uint64_t)s->config.disk_low_bytes));
    if (low || world_mono_ms(s->config.world) >= s->retry_ms) hold_set(s, low ? "disk" : "", low ? why : "");
}

static void stats_note(struct sched *s)
{
    int64_t now = world_mono_ms(s->config.world), runs = 0, lag_bytes = 0, lag_ms = 0;
    for (const struct run *run = s->runs; run; run = run->next) {
        runs++;
        if (run->lag_bytes > lag_bytes) lag_bytes = run->lag_bytes;
        if (run->lag_since_ms > 0 && now - run->lag_since_ms > lag_ms) lag_ms = now - run->lag_since_ms;
    }
    pthread_mutex_lock(&s->lock);
    s->stats.runs = runs;
    s->stats.slots_used = s->slots_used;
    s->stats.tail_lag_bytes = lag_bytes;
    s->stats.tail_lag_ms = lag_ms;
    s->turned_ms = now;
    pthread_mutex_unlock(&s->lock);
}

static void keys_expire(struct sched *s)
{
    struct error err = {0};
    int64_t now = world_utc_ms(s->config.world);
    if (now - s->keys_expired_ms < 3600 * 1000) return;
    s->keys_expired_ms = now;
    if (store_keys_expire(s->config.store, now - KEYS_KEEP_MS, &err) < 0) log_warn("idempotency keys: %s", err.msg);
}

static void turn(struct sched *s)
{
    bool changed = atomic_exchange(&s->dirty, false);
    disk_look(s);
    runs_turn(s, changed);
    if (!s->hold[0]) /* only this thread writes it */
        while (start_next(s)) continue;
    keys_expire(s);
    stats_note(s);
    uint64_t pause = s->runs ? TURN_BUSY_MS : TURN_IDLE_MS;
    if (uv_timer_get_repeat(&s->timer) != pause) {
        uv_timer_set_repeat(&s->timer, pause);
        uv_timer_again(&s->timer);
    }
}

/* ---- the thread ---- */

static void on_timer(uv_timer_t *timer) { turn(timer->data); }

static void on_wake(uv_async_t *wake)
{
    struct sched *s = wake->data;
    if (!atomic_load(&s->stop_asked)) {
        turn(s);
        return;
    }
    uv_close((uv_handle_t *)&s->timer, NULL);
    uv_close((uv_handle_t *)&s->wake, NULL);
    while (s->runs) { /* closing a handle does not touch its process */
        struct run *run = s->runs;
        s->runs = run->next;
        run_free(run);
    }
}

static void loop_main(void *arg)
{
    struct sched *s = arg;
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

static int defaults(struct sched *s, const struct sched_config *config, struct error *err)
{
    struct sched_config *c = &s->config;
    size_t size = sizeof s->executable;
    *c = *config;
    s->cores = uv_available_parallelism();
    if (c->slots <= 0) c->slots = s->cores;
    if (c->slots > RUNS_MAX) c->slots = RUNS_MAX;
    if (c->stop_grace_ms <= 0) c->stop_grace_ms = 30000;
    if (c->lost_max <= 0) c->lost_max = 3;
    if (c->backoff_ms <= 0) c->backoff_ms = 1000;
    if (c->disk_low_bytes == 0) c->disk_low_bytes = 256LL << 20;
    s->stats.slots_total = c->slots;
    s->stats.disk_low_bytes = c->disk_low_bytes;
    if (config->executable) {
        if (!str_copy(s->executable, size, config->executable)) return error_set(err, ERROR_TOOLARGE, NULL, "the executable's path is too long");
    } else if (uv_exepath(s->executable, &size) < 0) return error_set(err, ERROR_INTERNAL, NULL, "cannot find the path of this program");
    int rc = path_join(s->runs_dir, c->state_dir, "runs", err);
    if (rc == 0) rc = path_join(s->cache_dir, c->state_dir, "cache", err);
    return rc < 0 ? rc : path_mkdirs(c->world, s->runs_dir, err);
}

static int loop_open(struct sched *s, struct error *err)
{
    int rc = uv_loop_init(&s->loop);
    if (rc < 0) return error_set(err, ERROR_INTERNAL, NULL, "cannot make an event loop: %s", uv_strerror(rc));
    s->timer.data = s->wake.data = s;
    rc = uv_timer_init(&s->loop, &s->timer);
    if (rc == 0) rc = uv_async_init(&s->loop, &s->wake, on_wake);
    if (rc < 0) {
        uv_close((uv_handle_t *)&s->timer, NULL);
        uv_run(&s->loop, UV_RUN_DEFAULT);
        uv_loop_close(&s->loop);
        return error_set(err, ERROR_INTERNAL, NULL, "cannot watch the event loop: %s", uv_strerror(rc));
    }
    return 0;
}

struct sched *sched_start(const struct sched_config *config, struct error *err)
{
    struct sched *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    pthread_mutex_init(&s->lock, NULL);
    int rc = defaults(s, config, err);
    if (rc == 0) rc = loop_open(s, err);
    if (rc < 0) {
        pthread_mutex_destroy(&s->lock);
        mem_free(s);
        return NULL;
    }
    rc = recover(s, err);
    live_publish(s);
    stats_note(s);
    atomic_store(&s->dirty, true);
    if (rc == 0 && uv_timer_start(&s->timer, on_timer, 0, TURN_BUSY_MS) < 0) rc = error_set(err, ERROR_INTERNAL, NULL, "cannot start the timer");
    if (rc == 0 && uv_thread_create(&s->thread, loop_main, s) < 0) rc = error_set(err, ERROR_INTERNAL, NULL, "cannot start the scheduler's thread");
    s->thread_runs = rc == 0;
    if (rc == 0) return s;
    sched_stop(s);
    return NULL;
}

void sched_stop(struct sched *s)
{
    if (!s) return;
    atomic_store(&s->stop_asked, true);
    uv_async_send(&s->wake);
    if (s->thread_runs) uv_thread_join(&s->thread);
    else uv_run(&s->loop, UV_RUN_DEFAULT);
    uv_loop_close(&s->loop);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

void sched_stats(struct sched *s, struct sched_stats *out)
{
    pthread_mutex_lock(&s->lock);
    *out = s->stats;
    out->loop_age_ms = world_mono_ms(s->config.world) - s->turned_ms;
    pthread_mutex_unlock(&s->lock);
}

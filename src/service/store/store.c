/* Opening and closing the store, its transactions, readers, watchers and figures; see store.h.
 *
 * The writer's mutex is recursive, so a write function that is called between store_begin() and store_end() joins that transaction,
 * and outside of them makes its own. A read never touches the writer. */
#include "service/store/internal.h"

#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

const double store_txn_bounds[STORE_TXN_BUCKETS] = {.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5};

static void locks_init(struct store *s)
{
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&s->writing, &recursive);
    pthread_mutexattr_destroy(&recursive);
    pthread_mutex_init(&s->reading, NULL);
    pthread_mutex_init(&s->watching, NULL);
    pthread_mutex_init(&s->counting, NULL);
    pthread_cond_init(&s->reader_free, NULL);
}

static int store_lock(struct store *s, const char *dir, struct error *err)
{
    char path[PATH_SIZE];
    struct error why = {0};
    int rc = path_join(path, dir, "store.lock", err);
    if (rc == 0) rc = file_open(s->world, path, FILE_APPEND, &s->lock, err);
    if (rc < 0) return rc;
    rc = file_lock(s->lock, false, &why);
    if (rc == -ERROR_CONFLICT) return error_set(err, ERROR_CONFLICT, NULL, "%s is in use by another server; stop it, or choose another --state", dir);
    return rc < 0 ? error_set(err, why.code, NULL, "%s", why.msg) : 0;
}

static int last_event_load(struct store *s, struct error *err)
{
    struct query q = query_begin(&s->writer, STATEMENT_EVENT_LAST);
    int rc = query_step(&q, err);
    if (rc > 0) s->last_event = query_int_at(&q, 0);
    return query_end(&q, rc < 0 ? rc : 0, err);
}

struct store *store_open(const struct world *w, const char *dir, struct error *err)
{
    struct store *s = mem_zero(sizeof *s, err);
    if (!s) return NULL;
    s->world = w;
    locks_init(s);
    int rc = path_mkdirs(w, dir, err);
    if (rc == 0) rc = path_join(s->path, dir, "trainyard.db", err);
    if (rc == 0) rc = store_lock(s, dir, err);
    if (rc == 0) rc = conn_open(&s->writer, s->path, true, err);
    if (rc == 0) rc = store_migrate(&s->writer, w, err);
    if (rc == 0) rc = last_event_load(s, err);
    if (rc == 0) return s;
    store_close(s);
    return NULL;
}

void store_close(struct store *s)
{
    if (!s) return;
    for (size_t i = 0; i < READERS_MAX; i++)
        if (s->reader_open[i]) conn_close(&s->readers[i]);
    if (s->writer.db) conn_close(&s->writer); /* the last connection checkpoints the WAL and removes it */
    file_close(s->lock, NULL);
    pthread_mutex_destroy(&s->writing);
    pthread_mutex_destroy(&s->reading);
    pthread_mutex_destroy(&s->watching);
    pthread_mutex_destroy(&s->counting);
    pthread_cond_destroy(&s->reader_free);
    mem_free(s);
}

/* ---- transactions ---- */

int txn_enter(struct store *s, struct error *err)
{
    pthread_mutex_lock(&s->writing);
    if (s->depth == 0) {
        s->broken = false;
        s->touched_count = 0;
        s->touched_last = 0;
        s->began_ns = world_mono_ns(s->world);
        struct query q = query_begin(&s->writer, STATEMENT_BEGIN_IMMEDIATE);
        int rc = query_end_done(&q, err);
        if (rc < 0) {
            pthread_mutex_unlock(&s->writing);
            return rc;
        }
    }
    s->depth++;
    return 0;
}

static void txn_count(struct store *s)
{
    double seconds = (double)(world_mono_ns(s->world) - s->began_ns) / 1e9;
    size_t bucket = 0;
    while (bucket < STORE_TXN_BUCKETS && seconds > store_txn_bounds[bucket]) bucket++;
    pthread_mutex_lock(&s->counting);
    s->txn_buckets[bucket]++;
    s->txn_count++;
    s->txn_seconds += seconds;
    pthread_mutex_unlock(&s->counting);
}

static void watchers_tell(struct store *s, const struct touched *touched, size_t count)
{
    static const struct touched any = {.job = ""};
    if (count > TOUCHED_MAX) touched = &any, count = 1;
    pthread_mutex_lock(&s->watching);
    for (size_t w = 0; w < WATCHERS_MAX; w++)
        for (size_t i = 0; s->watchers[w].changed && i < count; i++)
            s->watchers[w].changed(s->watchers[w].context, touched[i].job, touched[i].job[0] ? touched[i].event : s->last_event);
    pthread_mutex_unlock(&s->watching);
}

int txn_leave(struct store *s, int rc, struct error *err)
{
    struct touched touched[TOUCHED_MAX];
    size_t count = 0;
    if (rc < 0) s->broken = true;
    if (--s->depth == 0) {
        bool commit = rc >= 0 && !s->broken;
        if (rc >= 0 && s->broken) rc = error_set(err, ERROR_INTERNAL, NULL, "a write of this transaction failed; all of it was undone");
        struct query q = query_begin(&s->writer, commit ? STATEMENT_COMMIT : STATEMENT_ROLLBACK);
        int ended = query_end_done(&q, commit ? err : NULL);
        if (commit && ended < 0) {
            rc = ended;
            if (!sqlite3_get_autocommit(s->writer.db)) {
                q = query_begin(&s->writer, STATEMENT_ROLLBACK);
                query_end_done(&q, NULL);
            }
        }
        if (commit && ended == 0) {
            count = s->touched_count;
            memcpy(touched, s->touched, sizeof touched);
            if (s->touched_last > s->last_event) s->last_event = s->touched_last;
        }
        txn_count(s);
    }
    pthread_mutex_unlock(&s->writing);
    if (count > 0) watchers_tell(s, touched, count);
    return rc;
}

int store_begin(struct store *s, struct error *err) { return txn_enter(s, err); }
int store_end(struct store *s, int rc, struct error *err) { return txn_leave(s, rc, err); }

/* ---- readers ---- */

int reader_take(struct store *s, struct conn **out, struct error *err)
{
    size_t i;
    pthread_mutex_lock(&s->reading);
    for (;;) {
        for (i = 0; i < READERS_MAX && s->reader_busy[i]; i++) continue;
        if (i < READERS_MAX) break;
        pthread_cond_wait(&s->reader_free, &s->reading);
    }
    s->reader_busy[i] = true;
    pthread_mutex_unlock(&s->reading);

    struct conn *c = &s->readers[i];
    int rc = s->reader_open[i] ? 0 : conn_open(c, s->path, false, err);
    if (rc == 0) {
        s->reader_open[i] = true;
        struct query q = query_begin(c, STATEMENT_BEGIN);
        rc = query_end_done(&q, err);
    }
    *out = c;
    if (rc == 0) return 0;
    pthread_mutex_lock(&s->reading);
    s->reader_busy[i] = false;
    pthread_cond_signal(&s->reader_free);
    pthread_mutex_unlock(&s->reading);
    return rc;
}

void reader_give(struct store *s, struct conn *c)
{
    struct query q = query_begin(c, STATEMENT_COMMIT);
    query_end_done(&q, NULL);
    pthread_mutex_lock(&s->reading);
    s->reader_busy[c - s->readers] = false;
    pthread_cond_signal(&s->reader_free);
    pthread_mutex_unlock(&s->reading);
}

/* ---- watchers ---- */

int store_watch(struct store *s, store_changed changed, void *context, struct error *err)
{
    size_t i = 0;
    pthread_mutex_lock(&s->watching);
    while (i < WATCHERS_MAX && s->watchers[i].changed) i++;
    if (i < WATCHERS_MAX) s->watchers[i].changed = changed, s->watchers[i].context = context;
    pthread_mutex_unlock(&s->watching);
    return i < WATCHERS_MAX ? 0 : error_set(err, ERROR_INTERNAL, NULL, "more than %d watchers of the store", WATCHERS_MAX);
}

void store_unwatch(struct store *s, store_changed changed, void *context)
{
    pthread_mutex_lock(&s->watching);
    for (size_t i = 0; i < WATCHERS_MAX; i++)
        if (s->watchers[i].changed == changed && s->watchers[i].context == context) s->watchers[i].changed = NULL;
    pthread_mutex_unlock(&s->watching);
}

/* ---- figures and checks ---- */

int64_t store_last_event(struct store *s) { return s->last_event; }

static int stats_states(struct store *s, struct conn *c, struct store_stats *out, struct error *err)
{
    int rc;
    struct query q = query_begin(c, STATEMENT_STATES_COUNT);
    while ((rc = query_step(&q, err)) > 0) {
        enum job_state state;
        enum job_cause cause;
        if (!job_state_parse(query_text_at(&q, 0), &state)) continue;
        int64_t n = query_int_at(&q, 2), oldest = world_utc_ms(s->world) - query_int_at(&q, 3);
        out->jobs[state] += n;
        if (state == JOB_FAILED && job_cause_parse(query_text_at(&q, 1), &cause)) out->failed_by_cause[cause] += n;
        if (state == JOB_QUEUED && oldest > out->oldest_queued_ms) out->oldest_queued_ms = oldest;
    }
    return query_end(&q, rc, err);
}

int store_stats(struct store *s, struct store_stats *out, struct error *err)
{
    struct file_stat st;
    char wal[PATH_SIZE + 8];
    memset(out, 0, sizeof *out);
    struct conn *c;
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    rc = stats_states(s, c, out, err);
    if (rc == 0) {
        struct query q = query_begin(c, STATEMENT_PAGES);
        if ((rc = query_step(&q, err)) > 0) out->db_bytes = query_int_at(&q, 0);
        rc = query_end(&q, rc < 0 ? rc : 0, err);
    }
    reader_give(s, c);
    if (rc < 0) return rc;
    str_copy(wal, sizeof wal, s->path);
    strncat(wal, "-wal", sizeof wal - strlen(wal) - 1);
    out->wal_bytes = path_stat(s->world, wal, &st, NULL) == 0 ? (int64_t)st.size_bytes : 0;
    out->events = s->last_event;
    pthread_mutex_lock(&s->counting);
    memcpy(out->txn_buckets, s->txn_buckets, sizeof out->txn_buckets);
    out->txn_count = s->txn_count;
    out->txn_seconds = s->txn_seconds;
    pthread_mutex_unlock(&s->counting);
    return 0;
}

int store_check(struct store *s, struct error *err)
{
    static const char *const checks[] = {"PRAGMA integrity_check", "PRAGMA foreign_key_check"};
    struct conn *c;
    int rc = reader_take(s, &c, err);
    if (rc < 0) return rc;
    for (size_t i = 0; rc == 0 && i < sizeof checks / sizeof *checks; i++) {
        struct query q = query_begin_text(c, "check", checks[i]);
        while ((rc = query_step(&q, err)) > 0)
            if (strcmp(query_text_at(&q, 0), "ok") != 0) break;
        if (rc > 0) rc = error_set(err, ERROR_INTERNAL, NULL, "%s: %s: %s", s->path, checks[i] + strlen("PRAGMA "), query_text_at(&q, 0));
        rc = query_end(&q, rc, err);
    }
    reader_give(s, c);
    return rc;
}

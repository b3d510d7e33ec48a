/* What the files of this room share: the store's insides, transactions and readers. Nobody outside includes this. */
#ifndef TRAINYARD_SERVICE_STORE_INTERNAL_H
#define TRAINYARD_SERVICE_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "service/store/query.h"
#include "service/store/store.h"

enum { READERS_MAX = 8, WATCHERS_MAX = 8, TOUCHED_MAX = 16 };

struct touched { /* a job that the open transaction added events to */
    char job[ID_SIZE];
    int64_t event;
};

struct store {
    const struct world *world;
    char path[PATH_SIZE];
    struct file *lock;

    pthread_mutex_t writing; /* recursive: the thread in a transaction owns it; guards what follows up to touched_last */
    struct conn writer;
    unsigned depth;
    bool broken; /* a nested write failed: the whole transaction rolls back */
    int64_t began_ns;
    struct touched touched[TOUCHED_MAX];
    size_t touched_count; /* > TOUCHED_MAX: more jobs than fit */
    int64_t touched_last; /* greatest event number of the transaction */

    pthread_mutex_t reading;
    pthread_cond_t reader_free;
    struct conn readers[READERS_MAX];
    bool reader_open[READERS_MAX], reader_busy[READERS_MAX];

    pthread_mutex_t watching;
    struct {
        store_changed changed;
        void *context;
    } watchers[WATCHERS_MAX];

    pthread_mutex_t counting; /* guards the next three */
    uint64_t txn_buckets[STORE_TXN_BUCKETS + 1], txn_count;
    double txn_seconds;
    _Atomic int64_t last_event;
};

/* txn_enter: take the writer, open a transaction unless this thread is in one; txn_leave(rc) closes what txn_enter opened and returns the
 * result. Every txn_enter that returned 0 needs its txn_leave. */
int txn_enter(struct store *s, struct error *err);
int txn_leave(struct store *s, int rc, struct error *err);

/* reader_take: a connection in a read transaction of its own (one snapshot). Waits while all are busy. After success: reader_give(). */
int reader_take(struct store *s, struct conn **out, struct error *err);
void reader_give(struct store *s, struct conn *c);

int store_migrate(struct conn *c, const struct world *w, struct error *err);

/* ---- rows; in a transaction, on the writer ---- */

/* job_num: the row number and state of a job; ERROR_NOTFOUND. */
int job_num(struct conn *c, const char *id, int64_t *num, enum job_state *state, struct error *err);

/* job_read: the columns JOB_COLUMNS of q's current row into *job (job_close after success); num may be NULL. */
int job_read(struct query *q, struct job *job, int64_t *num, struct error *err);

struct event_new {
    int64_t job, seq, attempt, step, utc_ms;
    enum event_type type;
    const json_t *body;
};
/* event_insert: *id is the new number, or 0 when (job, seq) is there already. */
int event_insert(struct store *s, const char *job_id, const struct event_new *event, int64_t *id, struct error *err);

/* job_move_row: compare and swap of the row alone, without an event. */
int job_move_row(struct store *s, const char *id, int64_t num, const struct job_move *move, int64_t now_ms, struct error *err);

/* event_apply: what a stored event means for the other tables. state: in and out, the job's. */
int event_apply(struct store *s, const char *job_id, int64_t num, enum job_state *state, const struct event *event, int64_t id, struct error *err);

/* filter_compile: the text of a filter as SQL after WHERE, with its values to bind. */
enum { FILTER_VALUES_MAX = 32 };
struct filter {
    struct bytes sql;
    char *values[FILTER_VALUES_MAX]; /* texts; numbers when is_number */
    bool is_number[FILTER_VALUES_MAX];
    size_t count;
};
int filter_compile(struct filter *f, const char *text, struct error *err);
void filter_close(struct filter *f); /* safe on a zeroed struct */

#endif

/* The store: every SQL statement of the program, over one SQLite file in the state directory.
 *
 * The idea: one writer connection (WAL, synchronous=FULL, every transaction BEGIN IMMEDIATE) behind a mutex, and a small pool of reader
 * connections, each read short. So every function here may be called from any thread, and what a function has reported as done is on
 * disk. State moves are compare-and-swap: store_job_move() says ERROR_CONFLICT when the job was no longer in the state it should leave.
 *
 * Job rows are the truth about what was accepted; the run directory is the truth about what a run did. Events of runs come in
 * exactly once: they are unique by (job, seq), and the tailer's offset is written in the transaction of the events that it covers.
 * The server adds `state` events of its own (seq 0) for moves that no run reported: queued, starting, cancelled, worker lost, ...
 * All events share one server-wide, ever-growing number, by which streams resume.
 *
 * Writes are grouped by store_begin() ... store_end(), which may nest; a write function called outside of them makes its own transaction. Who wants
 * to hear of changes registers with store_watch(). The store does not look into run directories and knows no queue order: see sched.h. */
#ifndef TRAINYARD_SERVICE_STORE_STORE_H
#define TRAINYARD_SERVICE_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "contract/event.h"
#include "contract/job.h"

struct store;

enum {
    JOB_REASON_SIZE = 32,
    JOB_MESSAGE_SIZE = 2048,
    JOB_NAME_SIZE = 256,
    LIST_LIMIT_DEFAULT = 50,
    LIST_LIMIT_MAX = 1000,
    IDEMPOTENCY_KEY_MAX = 255
};

/* store_open: open or make DIR/trainyard.db, take DIR/store.lock (ERROR_CONFLICT: another server has it), migrate. NULL on failure. */
struct store *store_open(const struct world *w, const char *dir, struct error *err);
void store_close(struct store *s); /* no call may be in progress; checkpoints the WAL. NULL is fine */

/* store_begin takes the writer and opens a transaction; store_end commits when rc is 0, else rolls back; returns rc or the
 * commit's failure. Between them the same thread calls the write functions below. Watchers are told after the commit. */
int store_begin(struct store *s, struct error *err);
int store_end(struct store *s, int rc, struct error *err);

/* store_watch: changed(context, job, event) after every commit that added events: the job's id and its newest event's number. Called on the
 * committing thread with no lock of the store held: be brief and call no store function from there (set a flag, wake your own
 * thread). At most 8 watchers. store_unwatch returns when no call to it is in progress. */
typedef void (*store_changed)(void *context, const char *job_id, int64_t event_id);
int store_watch(struct store *s, store_changed changed, void *context, struct error *err);
void store_unwatch(struct store *s, store_changed changed, void *context);

/* ---- jobs ---- */

enum job_wish { WISH_NONE, WISH_CANCEL, WISH_PAUSE, WISH_TIMEOUT }; /* why a job is stopping */

struct job { /* a row; job_close() frees the JSON */
    char id[ID_SIZE], name[JOB_NAME_SIZE], experiment[JOB_NAME_SIZE], owner[64];
    enum job_state state;
    enum job_cause cause; /* of failed */
    enum job_wish wish;
    char reason[JOB_REASON_SIZE];                                    /* why it is in this state, one word: "submitted", "worker_lost", "user" */
    char message[JOB_MESSAGE_SIZE];                                  /* the same for people */
    int64_t priority, slots;                                         /* slots: CPU slots that it takes while it runs */
    int64_t created_ms, queued_ms, started_ms, ended_ms, changed_ms; /* UTC; 0: not yet. started: the first attempt */
    int64_t not_before_ms;                                           /* back-off of a retry; 0: none */
    int64_t attempt;                                                 /* of the newest event of the run; 0: none yet */
    int64_t launches, losses;                                        /* processes started; attempts lost since the last progress */
    int64_t progress_step;                                           /* step of the newest checkpoint; 0: none */
    int64_t event_id;    /* number of the job's newest event: changes with every change, so fit for a weak ETag */
    int64_t tail_offset; /* bytes of events.ndjson that are in the store */
    json_t *labels;      /* object of strings */
    json_t *asked;       /* the body as the user gave it; NULL in a list */
    json_t *spec;        /* resolved, as the user sees it (dataset.uri as given) */
    json_t *latest;      /* body of the newest metric event, or NULL: step, loss, progress, eta_ms, rows_per_s */
    json_t *evaluated;   /* "metrics" of the newest evaluation, or NULL */
};
void job_close(struct job *job); /* safe on a zeroed struct, and twice */

struct job_new {
    const char *id, *name, *experiment, *owner;
    int64_t priority, slots;
    const json_t *labels, *asked, *spec, *run_spec; /* run_spec: what the run gets, with absolute paths */
    const char *idempotency_key;                    /* NULL: none */
    const char *request_hash;                       /* with a key: digest of the request */
};

/* store_job_insert: one transaction: the key, the job in `queued`, its first event. When the key is known with the same hash: *existing gets
 * the id of that job and nothing is inserted (*existing is "" otherwise). ERROR_CONFLICT: the key was used with another request. */
int store_job_insert(struct store *s, const struct job_new *job, char existing[ID_SIZE], struct error *err);
int store_key_find(struct store *s, const char *key, const char *request_hash, char existing[ID_SIZE],
                   struct error *err); /* the same look-up alone */
int store_keys_expire(struct store *s, int64_t before_ms, struct error *err);

int store_job_get(struct store *s, const char *id, struct job *out, struct error *err);   /* ERROR_NOTFOUND */
int store_job_run_spec(struct store *s, const char *id, json_t **out, struct error *err); /* new reference */

/* store_job_move: from -> to, and a `state` event that says so: {state, from, reason, message, cause?, attempt}. ERROR_CONFLICT: it is no longer
 * in `from`. The move must be legal (job_state_may). reason, message: copied. */
struct job_move {
    enum job_state from, to;
    enum job_wish wish;
    enum job_cause cause;
    const char *reason, *message;
    int64_t not_before_ms;
};
int store_job_move(struct store *s, const char *id, const struct job_move *move, struct error *err);

int store_job_delete(struct store *s, const char *id, struct error *err); /* with events, metrics, ... ERROR_CONFLICT: not final */

/* A page of jobs. filter: clauses joined by AND: state = running, state IN (queued, running), experiment = "ctr", name ~ night (contains), priority
 * >= 1, labels.git = 3f2a9c1; != too. order_by: created, changed, name or priority, then " asc" or " desc"; default "created desc". NULL or "": none.
 * page_token: from the page before, with the same filter and order; keyset, so jobs that come meanwhile shift nothing. */
struct job_list {
    struct job *items;
    size_t count;
    char next_page_token[600]; /* "" at the end */
};
int store_job_list(struct store *s, const char *filter, const char *order_by, int64_t limit, const char *page_token, struct job_list *out,
                   struct error *err);
void job_list_close(struct job_list *list);

/* store_job_wish: change the wish of a stopping job; ERROR_CONFLICT: it is not stopping (any more). */
int store_job_wish(struct store *s, const char *id, enum job_wish wish, struct error *err);

/* store_jobs_active: all jobs that are not final (paused ones too), by priority, then age. store_jobs_next: the first `limit` queued jobs whose
 * back-off is over, in that order. Both without JSON parts. */
int store_jobs_active(struct store *s, struct job_list *out, struct error *err);
int store_jobs_next(struct store *s, int64_t now_ms, size_t limit, struct job_list *out, struct error *err);

/* store_queue_ahead: how many queued jobs (whose back-off is over) come before this one, and the first of the line ("" when there is none). */
int store_queue_ahead(struct store *s, const char *id, int64_t now_ms, int64_t *ahead, char first[ID_SIZE], struct error *err);

/* ---- events ---- */

struct event_row { /* borrowed for the call */
    int64_t id;    /* server-wide number */
    const char *job;
    int64_t seq; /* in the job's events.ndjson; 0: made by the server */
    int64_t attempt, step, utc_ms;
    enum event_type type;
    const char *body; /* JSON object on one line */
    size_t body_size;
};
struct event_query {
    const char *const *jobs; /* ids; NULL: of all jobs */
    size_t job_count;
    int64_t after;  /* only greater numbers */
    unsigned types; /* bits 1u << EVENT_...; 0: all */
    size_t limit;   /* 0: 1000 */
};
/* store_events: calls each() in number order while a reader is held: copy and return. each != 0 ends the reading, without error. */
int store_events(struct store *s, const struct event_query *query, int (*each)(void *context, const struct event_row *row), void *context,
                 struct error *err);
int64_t store_last_event(struct store *s); /* greatest number so far; from memory */

/* store_events_add: what the tailer read, in one go: events (in file order; those already stored are skipped), metric rows, checkpoints,
 * evaluation, the job's latest values and state moves that the run reported, and the new offset. */
int store_events_add(struct store *s, const char *id, struct event *events, size_t count, int64_t offset, struct error *err);

/* ---- metrics, evaluation, checkpoints, attempts ---- */

struct metric_point {
    int64_t step, attempt, utc_ms;
    double value; /* NaN: the run reported null (not finite) */
};
struct metric_series {
    char name[64];
    size_t total; /* points in the range before thinning */
    size_t count;
    struct metric_point *points; /* by step; of a step that came twice only the latest attempt */
};
struct metric_set {
    struct metric_series *series; /* by name */
    size_t count;
};
struct metric_query {
    const char *const *names; /* NULL: all */
    size_t name_count;
    int64_t from_step, to_step; /* inclusive; to_step 0: to the end */
    size_t max_points;          /* a series; 0: all. Thinned by buckets that keep first, last, least and greatest, so no spike is lost */
};
int store_metrics(struct store *s, const char *id, const struct metric_query *query, struct metric_set *out, struct error *err);
void metric_set_close(struct metric_set *set);

int store_evaluation(struct store *s, const char *id, json_t **out, struct error *err); /* new reference; ERROR_NOTFOUND: none yet */

struct checkpoint {
    char id[ID_SIZE], job[ID_SIZE]; /* ckpt_... */
    int64_t step, attempt, size_bytes, utc_ms;
    char sha256[SHA256_HEX];
    char path[256]; /* in the run directory, checked: relative, no ".." */
    bool best;
    json_t *metrics; /* object, owned */
};
struct checkpoint_list {
    struct checkpoint *items; /* by step */
    size_t count;
};
int store_checkpoints(struct store *s, const char *job, struct checkpoint_list *out, struct error *err);
int store_checkpoint_get(struct store *s, const char *id, struct checkpoint *out, struct error *err);
void checkpoint_list_close(struct checkpoint_list *list);
void checkpoint_close(struct checkpoint *c);

struct attempt {                  /* one process */
    int64_t launch;               /* 1, 2, ... of the job */
    int64_t attempt;              /* the run's own number, as in its events; 0: it wrote none */
    int64_t pid, pid_start;       /* process and its start time in ticks after boot: together unique */
    int64_t started_ms, ended_ms; /* ended 0: still there */
    int64_t exit_code, signal;    /* exit_code -1: unknown (it outlived the server that started it) or killed; signal 0: none */
    enum job_cause cause;
    char message[JOB_MESSAGE_SIZE];
    int64_t log_from; /* run.log's size when it started */
};
struct attempt_list {
    struct attempt *items; /* by launch */
    size_t count;
};
int store_attempts(struct store *s, const char *job, struct attempt_list *out, struct error *err); /* ERROR_NOTFOUND: no such job */
void attempt_list_close(struct attempt_list *list);
int store_attempt_start(struct store *s, const char *job, int64_t log_from, int64_t *launch, struct error *err);
int store_attempt_pid(struct store *s, const char *job, int64_t launch, int64_t pid, int64_t pid_start, struct error *err);
int store_attempt_end(struct store *s, const char *job, const struct attempt *end,
                      struct error *err);                                               /* exit_code, signal, cause, message of end->launch */
int store_job_lost(struct store *s, const char *id, int64_t losses, struct error *err); /* sets losses */

/* ---- figures for /metrics: from memory or one cheap read, never waiting for the writer ---- */

enum { STORE_TXN_BUCKETS = 12 };
extern const double store_txn_bounds[STORE_TXN_BUCKETS]; /* seconds: .0005 ... 2.5 */
struct store_stats {
    int64_t jobs[JOB_STATES];
    int64_t failed_by_cause[CAUSES];
    int64_t oldest_queued_ms; /* age of the job that waits longest; 0: none */
    int64_t events, wal_bytes, db_bytes;
    uint64_t txn_buckets[STORE_TXN_BUCKETS + 1], txn_count; /* not cumulative; last: beyond all bounds */
    double txn_seconds;
};
int store_stats(struct store *s, struct store_stats *out, struct error *err);

/* store_check: integrity_check and foreign_key_check; ERROR_INTERNAL with what is broken. Slow: for tests and `--check`. */
int store_check(struct store *s, struct error *err);

#endif

/* The scheduler: decides which job runs, starts runs, watches them, and reads what they report.
 *
 * One thread with a libuv loop owns all processes and tails. The functions below may be called from any thread: they read or change the
 * store and wake the loop. A run is `EXECUTABLE run STATE/runs/<id>/spec.json --dir STATE/runs/<id> --workers SLOTS`, detached, its output
 * appended to run.log. A server that ends, however, never ends a run; the next server finds it by its lock (contract/rundir.h), goes on
 * reading its events where the store says, and decides when the lock is free.
 *
 * Order of truth: the job's row (with its resolved spec) is what was accepted; the run directory is made from the row just before a
 * launch, so a kill at any instant leaves either no job or a whole one. What a run did is what its events say. */
#ifndef TRAINYARD_SERVICE_SCHED_SCHED_H
#define TRAINYARD_SERVICE_SCHED_SCHED_H

#include "contract/registry.h"
#include "contract/rundir.h"
#include "service/store/store.h"

struct sched;

struct sched_config { /* zeroed numbers mean the default */
    const struct world *world;
    struct store *store;
    const struct registry *registry;
    const char *state_dir;         /* runs live in STATE/runs/<id> */
    const char *const *sources;    /* NULL-terminated prefixes of remote data (remotes.h); NULL: none may be read */
    const char *const *data_roots; /* NULL-terminated folders; `file:` URIs stay below them */
    const char *executable;        /* NULL: this program */
    int64_t slots;                 /* CPU slots; default: cores */
    int64_t stop_grace_ms;         /* from the stop file to SIGTERM, then as long again to SIGKILL; default 30000 */
    int64_t lost_max;              /* attempts lost without progress before a job fails; default 3 */
    int64_t backoff_ms;            /* before the first retry; doubles; default 1000 */
    int64_t disk_low_bytes;        /* below it new jobs are refused; default 256 MiB; -1: never */
};

/* sched_start: reconcile every job that is not final with its run directory, then start the loop. Returns after the reconciliation, so
 * listen afterwards. Borrows everything in config until sched_stop(). NULL on failure. */
struct sched *sched_start(const struct sched_config *config, struct error *err);
void sched_stop(struct sched *s); /* ends the loop; runs go on. NULL is fine */

/* sched_check: the body of POST /v1/jobs:validate: all faults at once (dataset.uri against the roots as well). *resolved: new reference to the
 * spec with every default; NULL on failure. ERROR_INVALID: see faults. */
int sched_check(struct sched *s, const json_t *body, json_t **resolved, struct faults *faults, struct error *err);

struct submission {
    const json_t *body;          /* borrowed */
    const char *owner;           /* who asks; "" when there are no tokens */
    const char *idempotency_key; /* NULL: none. Equal key and equal JSON: the job made first; other JSON: ERROR_CONFLICT */
};
/* sched_submit: accept a job. On return it is on disk. *replayed: the key was known and *out is that job. ERROR_INVALID: see faults.
 * ERROR_NOSPACE: the disk is low. job_close(out) after success. */
int sched_submit(struct sched *s, const struct submission *submission, struct job *out, bool *replayed, struct faults *faults, struct error *err);

/* Wishes. Each fills *out with the job after it (job_close). ERROR_NOTFOUND; ERROR_CONFLICT names the state and what is possible.
 * cancel: queued or paused -> cancelled at once; starting, running -> stopping, then cancelled. Repeating it is fine.
 * pause: queued -> paused; starting, running -> stopping (checkpoint), then paused. resume: paused -> queued. */
int sched_cancel(struct sched *s, const char *who, const char *id, struct job *out, struct error *err);
int sched_pause(struct sched *s, const char *who, const char *id, struct job *out, struct error *err);
int sched_resume(struct sched *s, const char *who, const char *id, struct job *out, struct error *err);
int sched_delete(struct sched *s, const char *id, struct error *err); /* row and files of a final job */

/* Why a queued job waits. reason: "" when it does not wait. */
struct job_wait {
    char reason[JOB_REASON_SIZE]; /* "slots", "priority", "retry", "ending", "disk", "server" (it cannot start runs now) */
    int64_t ahead;                /* queued jobs before it */
    char blocked_by[ID_SIZE];     /* "" or the job that holds what it needs */
    char message[512];
};
int sched_wait_of(struct sched *s, const struct job *job, struct job_wait *out, struct error *err);

/* Files of a job. ERROR_NOTFOUND says what is missing. */
int sched_run_path(struct sched *s, const char *id, const char *name, char out[PATH_SIZE], struct error *err); /* name: NULL: the folder */
int sched_checkpoint_path(struct sched *s, const struct checkpoint *c, char out[PATH_SIZE],
                          struct error *err); /* ERROR_NOTFOUND: deleted since (checkpoint.keep) */

/* sched_log_tail: the last `lines` lines (0: all) of run.log, at most max_bytes, whole lines only. from (may be NULL): offset of the first byte
 * given; total: size of the file. A job without log gives "". */
int sched_log_tail(struct sched *s, const char *id, int64_t lines, size_t max_bytes, struct bytes *out, uint64_t *from, uint64_t *total,
                   struct error *err);

struct sched_stats {
    int64_t slots_total, slots_used, runs; /* runs: live processes */
    int64_t tail_lag_bytes, tail_lag_ms;   /* worst of all runs, at the last look */
    int64_t disk_free_bytes, disk_total_bytes, disk_low_bytes;
    int64_t loop_age_ms;      /* since the loop last turned: beyond some seconds it is stuck (readyz) */
    int64_t launches, losses; /* since start */
};
void sched_stats(struct sched *s, struct sched_stats *out);

#endif

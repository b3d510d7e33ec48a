/* What the files of this room share. The loop's thread owns `runs` and everything in it; `lock` guards what other threads look at. */
#ifndef TRAINYARD_SERVICE_SCHED_INTERNAL_H
#define TRAINYARD_SERVICE_SCHED_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "contract/spec.h"
#include "service/sched/sched.h"

enum {
    TURN_BUSY_MS = 100,    /* between looks at the events of runs */
    TURN_IDLE_MS = 200,    /* while nothing runs: retries that become due */
    START_GRACE_MS = 5000, /* a run found after a restart may need this long to take its lock */
    RETRY_MS = 1000,       /* after a failure that only time mends: a full disk */
    COMPLAIN_MS = 10000,   /* between equal complaints in the log */
    KEYS_KEEP_MS = 48 * 3600 * 1000,
    RUNS_MAX = 256
};

struct run { /* a process, ours or of an earlier server */
    struct sched *sched;
    struct run *next;
    struct job job; /* as last read; JSON parts are not kept */
    int64_t launch; /* its row of attempts */
    int64_t pid, pid_start;
    int64_t log_from;
    int64_t timeout_ms, deadline_utc_ms; /* 0: none */
    int64_t since_ms;                    /* mono: when we got it */
    bool ours, exited, closing, stale;   /* stale: look at the job's row again */
    uv_process_t process;                /* ours */
    int64_t exit_code;
    int64_t signal;
    struct file *events; /* NULL until the file exists */
    struct event_reader reader;
    struct error tail_error; /* events.ndjson cannot be read on */
    int64_t lag_since_ms;    /* mono: bytes have been waiting since; 0: none */
    int64_t lag_bytes;
    enum job_wish stop_asked; /* the wish that the stop file speaks of */
    int64_t stop_ms;          /* mono: when the stop file was written; 0: not yet */
    int signalled;            /* SIGTERM or SIGKILL that we sent; 0: none */
    int64_t complained_ms;    /* mono: when a failure of the store was last logged; 0: all is well */
    int64_t checked_ms;       /* mono: when an adopted process was last looked for */
};

struct live { /* what others may know of a run */
    char id[ID_SIZE];
    int64_t slots;
};

struct sched {
    struct sched_config config;
    char runs_dir[PATH_SIZE], executable[PATH_SIZE], cache_dir[PATH_SIZE];
    int64_t cores;

    uv_loop_t loop;
    uv_timer_t timer;
    uv_async_t wake;
    uv_thread_t thread;
    bool thread_runs, stopping;
    _Atomic bool stop_asked, dirty; /* dirty: rows changed: look for jobs to start and stop */
    struct run *runs;
    int64_t slots_used;
    int64_t keys_expired_ms;
    int64_t retry_ms; /* mono: a launch failed for want of space or access; none before this */

    pthread_mutex_t lock; /* guards the rest */
    struct live live[RUNS_MAX];
    size_t live_count;
    struct sched_stats stats;
    int64_t turned_ms; /* mono */
    char hold_reason[JOB_REASON_SIZE];
    char hold[256]; /* why nothing is started, or "" */
};

/* launch.c */
int run_directory(struct sched *s, const char *id, char out[PATH_SIZE], struct error *err);
int launch_job(struct sched *s, const struct job *job, struct error *err);
int64_t process_start_time(const struct world *w, int64_t pid); /* ticks after boot; 0: no such process, or it is dead */

/* parent.c. parent_has_id: the spec's warm start is from a checkpoint's id. parent_resolve: that as the path of its file, into paths; its digest goes
 * into both specs, so that no other file can take its place. parent_hold: links to it in the directory of the job to be, of which run_spec speaks
 * from here on; nothing to do without such a parent. parent_let_go: takes them away. parent_recover: the same where a kill left them without a job.
 */
bool parent_has_id(const struct spec *spec);
int parent_resolve(struct sched *s, const struct spec *spec, json_t *paths, json_t *resolved, json_t *run_spec, struct faults *faults,
                   struct error *err);
int parent_hold(struct sched *s, const struct spec *spec, const char *id, json_t *run_spec, struct error *err);
void parent_let_go(struct sched *s, const char *id);
void parent_recover(struct sched *s, const char *id);

/* tail.c */
int run_tail(struct run *run, bool to_end); /* events into the store; 0, or a code that is also logged */

/* supervise.c */
struct run *run_new(struct sched *s, const struct job *job, struct error *err);
void run_free(struct run *run);
void run_complain(struct run *run, const struct error *why); /* logs, at most every few seconds */
void run_turn(struct run *run);                              /* tail, stop, time out, end */
bool run_ended(struct run *run);
int run_finish(struct run *run, struct error *err); /* decides what becomes of the job; the process must be gone */

/* recover.c */
int recover(struct sched *s, struct error *err);

/* disk.c */
int64_t disk_free(const char *path, int64_t *total); /* -1: unknown */

/* sched.c */
void sched_poke(struct sched *s);
void live_publish(struct sched *s);

#endif

/* What a new server makes of what it finds, before it listens: jobs that have, or had, a process; deletions that were cut short.
 *
 * Each job in starting, running or stopping gets a run without a child handle: it is alive and watched from now on,
 * or finished like any other run that ended. */
#include "service/sched/internal.h"

#include <string.h>

#include "base/log.h"
#include "base/str.h"

#define DELETED_PREFIX ".deleted-"

static int launch_read(struct run *run, struct error *err)
{
    struct attempt_list list;
    int rc = store_attempts(run->sched->config.store, run->job.id, &list, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < list.count; i++) {
        const struct attempt *a = &list.items[i];
        if (a->launch < run->launch) continue;
        run->launch = a->launch;
        run->pid = a->pid;
        run->pid_start = a->pid_start;
        run->log_from = a->log_from;
        if (run->timeout_ms > 0) run->deadline_utc_ms = a->started_ms + run->timeout_ms;
    }
    attempt_list_close(&list);
    return 0;
}

static int adopt(struct sched *s, const struct job *job, struct error *err)
{
    struct run *run = run_new(s, job, err);
    if (!run) return -ERROR_NOMEM;
    int rc = launch_read(run, err);
    if (rc < 0) {
        run_free(run);
        return rc;
    }
    run_tail(run, false);
    run->stale = true;
    run->checked_ms = world_mono_ms(s->config.world) - 3600 * 1000; /* look at once */
    if (run_ended(run)) {
        rc = run_finish(run, err);
        run_free(run);
        return rc;
    }
    log_info("job %s: its run (pid %lld) lives; watching it again", job->id, (long long)run->pid);
    run->next = s->runs;
    s->runs = run;
    s->slots_used += job->slots;
    return 0;
}

/* ---- what was cut short: deletions (runs/.deleted-<id>), and jobs that were not accepted yet ---- */

struct cut_short {
    struct sched *s;
    int rc;
    struct error *err;
};

static int cut_short_each(void *context, const char *name)
{
    struct cut_short *d = context;
    char from[PATH_SIZE], to[PATH_SIZE];
    struct job job;
    if (!str_starts(name, DELETED_PREFIX)) {
        parent_recover(d->s, name);
        return 0;
    }
    const char *id = name + strlen(DELETED_PREFIX);
    d->rc = path_join(from, d->s->runs_dir, name, d->err);
    if (d->rc < 0 || run_directory(d->s, id, to, NULL) < 0) return d->rc;
    int found = store_job_get(d->s->config.store, id, &job, NULL);
    if (found == 0) {
        job_close(&job);
        log_info("job %s: its deletion was cut short; its files are back", id);
        d->rc = path_rename(d->s->config.world, from, to, d->err);
    } else if (found == -ERROR_NOTFOUND) d->rc = path_remove_tree(d->s->config.world, from, d->err);
    return d->rc;
}

int recover(struct sched *s, struct error *err)
{
    struct job_list jobs;
    struct cut_short cut_short = {s, 0, err};
    int rc = path_list(s->config.world, s->runs_dir, cut_short_each, &cut_short, err);
    if (rc == 0) rc = cut_short.rc;
    if (rc == 0) rc = store_jobs_active(s->config.store, &jobs, err);
    if (rc < 0) return error_wrap(err, "reconciling jobs");
    for (size_t i = 0; rc == 0 && i < jobs.count; i++) {
        const struct job *job = &jobs.items[i];
        if (job->state != JOB_QUEUED && job->state != JOB_PAUSED) rc = adopt(s, job, err);
        if (rc < 0) error_wrap(err, "reconciling job %s", job->id);
    }
    job_list_close(&jobs);
    return rc;
}

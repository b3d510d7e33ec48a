/* Starting a run: its directory from the job's row, then the row, then the process.
 *
 * A kill between any two of these steps is repaired by recover(): a directory without a started process is simply used again, a job in
 * `starting` without a process goes back to the queue. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "service/sched/internal.h"

int run_directory(struct sched *s, const char *id, char out[PATH_SIZE], struct error *err)
{
    if (!id_valid(id, "job_")) return error_set(err, ERROR_NOTFOUND, NULL, "no job %.64s", id);
    return path_join(out, s->runs_dir, id, err);
}

/* /proc/PID/stat: "pid (comm) state ppid ... starttime ...", field 22; comm may hold anything, so count from the last ')'. */
int64_t process_start_time(const struct world *w, int64_t pid)
{
    char path[64];
    struct bytes text;
    int64_t start = 0;
    if (pid <= 0) return 0;
    snprintf(path, sizeof path, "/proc/%lld/stat", (long long)pid);
    bytes_init(&text, 16 << 10);
    if (file_slurp(w, path, &text, NULL) == 0) {
        const char *at = strrchr(bytes_text(&text), ')');
        char state = 0;
        long long value = 0;
        if (at && sscanf(at, ") %c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lld", &state, &value) == 2 &&
            state != 'Z' && state != 'X')
            start = value;
    }
    bytes_close(&text);
    return start;
}

static int directory_prepare(struct sched *s, const char *id, const char *dir, struct error *err)
{
    char path[PATH_SIZE];
    struct bytes text;
    json_t *spec = NULL;
    const struct world *w = s->config.world;
    int rc = path_mkdirs(w, dir, err);
    if (rc == 0) rc = rundir_clear_stop(w, dir, err);
    if (rc == 0) rc = path_join(path, dir, RUNDIR_SPEC, err);
    if (rc < 0 || path_exists(w, path)) return rc;
    bytes_init(&text, 16 << 20);
    rc = store_job_run_spec(s->config.store, id, &spec, err);
    if (rc == 0) rc = json_write_pretty(spec, &text, err);
    if (rc == 0) rc = file_publish(w, path, text.data, text.size, err);
    if (rc == 0) rc = path_sync_dir(w, s->runs_dir, err);
    json_decref(spec);
    bytes_close(&text);
    return rc;
}

static int64_t log_size(struct sched *s, const char *dir)
{
    char path[PATH_SIZE];
    struct file_stat st;
    return path_join(path, dir, RUNDIR_LOG, NULL) == 0 && path_stat(s->config.world, path, &st, NULL) == 0 ? (int64_t)st.size_bytes : 0;
}

static void process_exit(uv_process_t *process, int64_t status, int term_signal)
{
    struct run *run = process->data;
    run->exited = true;
    run->exit_code = term_signal ? -1 : status;
    run->signal = term_signal;
    atomic_store(&run->sched->dirty, true);
    uv_async_send(&run->sched->wake);
}

static int spawn(struct run *run, const char *dir, struct error *err)
{
    struct sched *s = run->sched;
    char spec[PATH_SIZE], log[PATH_SIZE], workers[32];
    uv_fs_t opened;
    int rc = path_join(spec, dir, RUNDIR_SPEC, err);
    if (rc == 0) rc = path_join(log, dir, RUNDIR_LOG, err);
    if (rc < 0) return rc;
    snprintf(workers, sizeof workers, "%lld", (long long)run->job.slots);
    int fd = uv_fs_open(NULL, &opened, log, UV_FS_O_WRONLY | UV_FS_O_APPEND | UV_FS_O_CREAT | O_CLOEXEC, 0666, NULL);
    uv_fs_req_cleanup(&opened);
    if (fd < 0) return error_set_errno(err, -fd, NULL, "cannot open %s", log);
    const char *const args[] = {s->executable, "run", spec, "--dir", dir, "--workers", workers, "--cache", s->cache_dir, NULL};
    uv_stdio_container_t streams[3] = {{.flags = UV_IGNORE}, /* /dev/null */
                                       {.flags = UV_INHERIT_FD, .data.fd = fd},
                                       {.flags = UV_INHERIT_FD, .data.fd = fd}};
    uv_process_options_t options = {.exit_cb = process_exit,
                                    .file = s->executable,
                                    .args = (char **)args,
                                    /* libuv only reads them */ .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 3,
                                    .stdio = streams};
    run->process.data = run;
    run->ours = true; /* from here on the handle needs uv_close */
    rc = uv_spawn(&s->loop, &run->process, &options);
    uv_fs_close(NULL, &opened, fd, NULL);
    uv_fs_req_cleanup(&opened);
    if (rc < 0) return error_set_errno(err, -rc, NULL, "cannot start %s", s->executable);
    run->pid = uv_process_get_pid(&run->process);
    run->pid_start = process_start_time(s->config.world, run->pid);
    uv_unref((uv_handle_t *)&run->process);
    return 0;
}

static int row_launch(struct run *run, struct error *err)
{
    char message[200];
    struct store *store = run->sched->config.store;
    snprintf(message, sizeof message, "process %lld of this job starts with %lld worker%s", (long long)run->job.launches + 1,
             (long long)run->job.slots, str_s((uint64_t)run->job.slots));
    struct job_move move = {.from = JOB_QUEUED, .to = JOB_STARTING, .reason = "launched", .message = message};
    int rc = store_begin(store, err);
    if (rc < 0) return rc;
    rc = store_job_move(store, run->job.id, &move, err);
    if (rc == 0) rc = store_attempt_start(store, run->job.id, run->log_from, &run->launch, err);
    return store_end(store, rc, err);
}

static void launch_failed(struct run *run, const struct error *why)
{
    struct store *store = run->sched->config.store;
    struct error err = {0};
    struct attempt end = {.launch = run->launch, .exit_code = -1, .cause = CAUSE_INTERNAL};
    str_copy(end.message, sizeof end.message, why->msg);
    struct job_move move = {.from = JOB_STARTING, .to = JOB_FAILED, .cause = CAUSE_INTERNAL, .reason = "not_started", .message = why->msg};
    int rc = store_begin(store, &err);
    if (rc == 0) {
        rc = store_attempt_end(store, run->job.id, &end, &err);
        if (rc == 0) rc = store_job_move(store, run->job.id, &move, &err);
        rc = store_end(store, rc, &err);
    }
    if (rc < 0) log_error("job %s: %s", run->job.id, err.msg);
}

/* A run of which no row knows the process may live in the directory: a server was killed right after it had started it. Then that one is
 * the launch, and is watched by its lock instead of started twice. */
static int run_begin(struct run *run, const char *dir, struct error *err)
{
    if (rundir_alive(run->sched->config.world, dir, NULL) != 1) return spawn(run, dir, err);
    log_warn("job %s: a run lives in its directory already; watching that one", run->job.id);
    return 0;
}

static void run_enlist(struct run *run)
{
    struct sched *s = run->sched;
    run->stale = true;
    run->next = s->runs;
    s->runs = run;
    s->slots_used += run->job.slots;
    pthread_mutex_lock(&s->lock);
    s->stats.launches++;
    pthread_mutex_unlock(&s->lock);
    live_publish(s);
}

int launch_job(struct sched *s, const struct job *job, struct error *err)
{
    char dir[PATH_SIZE];
    struct error why = {0};
    int rc = run_directory(s, job->id, dir, err);
    if (rc == 0) rc = directory_prepare(s, job->id, dir, err);
    if (rc < 0) return rc;
    struct run *run = run_new(s, job, err);
    if (!run) return -ERROR_NOMEM;
    run->log_from = log_size(s, dir);
    if ((rc = row_launch(run, err)) < 0) {
        run_free(run);
        return rc;
    }
    if (run_begin(run, dir, &why) < 0) {
        log_error("job %s: %s", job->id, why.msg);
        launch_failed(run, &why);
        run_free(run);
        return 0;
    }
    if (run->timeout_ms > 0) run->deadline_utc_ms = world_utc_ms(s->config.world) + run->timeout_ms;
    if (run->ours) {
        log_info("job %s: process %lld started, pid %lld, %lld slots", job->id, (long long)run->launch, (long long)run->pid, (long long)job->slots);
        rc = store_attempt_pid(s->config.store, job->id, run->launch, run->pid, run->pid_start, &why);
        if (rc < 0) log_warn("job %s: %s", job->id, why.msg);
    }
    run_enlist(run);
    return 0;
}

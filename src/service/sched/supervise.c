/* Watching one run: its wishes to stop, its time limit, its end, and what the end means for the job.
 *
 *   final state event read                     -> the store moved the job with the event; only the attempt is closed here
 *   "stopped", or exit 75                      -> what was wished: cancelled, paused, failed/timeout; nobody here wished: queued again
 *   another exit code, no final event          -> failed, with the code's cause and the end of run.log
 *   died by a signal, or gone without a trace  -> cancelled or paused if that was wished; else lost: queued again with a growing
 *                                                 pause, failed after config.lost_max losses without a new checkpoint
 *
 * Stopping escalates: stop file, after stop_grace_ms SIGTERM, after as long again SIGKILL to its process group. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "service/sched/internal.h"

enum { ADOPTED_CHECK_MS = 300, LOG_TAIL_BYTES = 1200, LOG_TAIL_LINES = 5, BACKOFF_MAX_MS = 600000, EXIT_STOPPED = 75 };

static const struct world *world_of(const struct run *run) { return run->sched->config.world; }
static struct store *store_of(const struct run *run) { return run->sched->config.store; }

/* The job's scalars without its JSON, which a run has no use for. */
static void job_plain(struct run *run, const struct job *job)
{
    run->job = *job;
    run->job.labels = run->job.asked = run->job.spec = run->job.latest = run->job.evaluated = NULL;
}

struct run *run_new(struct sched *s, const struct job *job, struct error *err)
{
    json_t *spec;
    struct run *run = mem_zero(sizeof *run, err);
    if (!run) return NULL;
    run->sched = s;
    run->exit_code = -1;
    run->since_ms = world_mono_ms(s->config.world);
    job_plain(run, job);
    event_reader_init(&run->reader, (uint64_t)job->tail_offset);
    if (store_job_run_spec(s->config.store, job->id, &spec, err) < 0) {
        run_free(run);
        return NULL;
    }
    run->timeout_ms = json_integer_value(json_object_get(json_object_get(spec, "resources"), "timeout_ms"));
    json_decref(spec);
    return run;
}

void run_complain(struct run *run, const struct error *why)
{
    int64_t now = world_mono_ms(world_of(run));
    if (run->complained_ms > 0 && now - run->complained_ms < COMPLAIN_MS) return;
    run->complained_ms = now;
    log_error("job %s: %s; trying again", run->job.id, why->msg);
}

static void handle_closed(uv_handle_t *handle) { mem_free(handle->data); }

void run_free(struct run *run)
{
    if (!run) return;
    event_reader_close(&run->reader);
    file_close(run->events, NULL);
    run->events = NULL;
    if (!run->ours) {
        mem_free(run);
        return;
    }
    if (run->closing) return;
    run->closing = true;
    uv_close((uv_handle_t *)&run->process, handle_closed);
}

static int job_refresh(struct run *run, struct error *err)
{
    struct job job;
    int rc = store_job_get(store_of(run), run->job.id, &job, err);
    if (rc < 0) return rc;
    job_plain(run, &job);
    job_close(&job);
    run->stale = false;
    return 0;
}

/* ---- stopping ---- */

/* The process, if it is still the one that we mean: a number can be used again once its process is gone. */
static bool process_is_ours(const struct run *run)
{
    if (run->ours) return !run->exited;
    return run->pid > 1 && run->pid_start > 0 && process_start_time(world_of(run), run->pid) == run->pid_start;
}

static void run_signal(struct run *run, int signum)
{
    if (!process_is_ours(run)) return;
    log_warn("job %s: pid %lld did not stop in time; sending %s", run->job.id, (long long)run->pid, signum == SIGKILL ? "SIGKILL" : "SIGTERM");
    uv_kill(signum == SIGKILL ? (int)-run->pid : (int)run->pid, signum); /* detached: it leads its own group */
    run->signalled = signum;
}

static void run_stop(struct run *run)
{
    char dir[PATH_SIZE];
    struct error err = {0};
    int64_t now = world_mono_ms(world_of(run)), grace = run->sched->config.stop_grace_ms;
    if (run->stop_ms == 0 || run->stop_asked != run->job.wish) {
        int rc = run_directory(run->sched, run->job.id, dir, &err);
        if (rc == 0) rc = rundir_ask_stop(world_of(run), dir, run->job.wish == WISH_CANCEL, &err);
        if (rc < 0) log_warn("job %s: %s", run->job.id, err.msg); /* the signals follow all the same */
        if (run->stop_ms == 0) run->stop_ms = now;
        run->stop_asked = run->job.wish;
    } else if (run->signalled == 0 && now - run->stop_ms >= grace) run_signal(run, SIGTERM);
    else if (run->signalled == SIGTERM && now - run->stop_ms >= 2 * grace) run_signal(run, SIGKILL);
}

static void run_time_out(struct run *run)
{
    struct error err = {0};
    char message[200];
    snprintf(message, sizeof message, "the time limit of %lld ms (resources.timeout_ms) is over; it checkpoints and stops",
             (long long)run->timeout_ms);
    struct job_move move = {.from = run->job.state, .to = JOB_STOPPING, .wish = WISH_TIMEOUT, .reason = "timeout", .message = message};
    int rc = store_job_move(store_of(run), run->job.id, &move, &err);
    if (rc < 0 && rc != -ERROR_CONFLICT) log_error("job %s: %s", run->job.id, err.msg);
    run->stale = true;
}

void run_turn(struct run *run)
{
    struct error err = {0};
    run_tail(run, false);
    if (run->stale && job_refresh(run, &err) < 0) log_error("job %s: %s", run->job.id, err.msg);
    bool working = run->job.state == JOB_STARTING || run->job.state == JOB_RUNNING;
    if (run->deadline_utc_ms > 0 && working && world_utc_ms(world_of(run)) >= run->deadline_utc_ms) run_time_out(run);
    if (run->stale && job_refresh(run, &err) < 0) log_error("job %s: %s", run->job.id, err.msg);
    if (run->job.state == JOB_STOPPING && run->job.wish != WISH_NONE) run_stop(run);
}

bool run_ended(struct run *run)
{
    char dir[PATH_SIZE];
    int64_t now = world_mono_ms(world_of(run));
    if (run->ours) return run->exited;
    if (now - run->checked_ms < ADOPTED_CHECK_MS) return false;
    run->checked_ms = now;
    if (run->pid_start > 0 && process_start_time(world_of(run), run->pid) == run->pid_start) return false;
    if (run->job.state == JOB_STARTING && now - run->since_ms < START_GRACE_MS && run->pid == 0) return false;
    return run_directory(run->sched, run->job.id, dir, NULL) == 0 && rundir_alive(world_of(run), dir, NULL) == 0;
}

/* ---- the end ---- */

struct last_state {
    int64_t attempt;
    char state[16];
};

static int last_state_each(void *context, const struct event_row *row)
{
    struct last_state *last = context;
    if (row->seq == 0) return 0;
    json_t *body = json_read(row->body, row->body_size, "event", NULL);
    last->attempt = row->attempt;
    const char *state = json_string_value(json_object_get(body, "state"));
    str_copy(last->state, sizeof last->state, state ? state : "");
    json_decref(body);
    return 0;
}

/* What the run itself said last, in the attempt of this process; "" when it said nothing. */
static int last_state_read(struct run *run, struct last_state *last, struct error *err)
{
    struct attempt_list attempts = {0};
    const char *jobs[] = {run->job.id};
    struct event_query query = {.jobs = jobs, .job_count = 1, .types = 1u << EVENT_STATE, .limit = 1000000};
    memset(last, 0, sizeof *last);
    int rc = store_events(store_of(run), &query, last_state_each, last, err);
    if (rc == 0) rc = store_attempts(store_of(run), run->job.id, &attempts, err);
    if (rc < 0) return rc;
    for (size_t i = 0; i < attempts.count; i++)
        if (attempts.items[i].launch == run->launch && attempts.items[i].attempt != last->attempt) last->state[0] = 0;
    attempt_list_close(&attempts);
    return 0;
}

/* The last lines of this process in run.log, on one line, bytes that are no plain text shown as \xNN. */
static void log_tail_text(struct run *run, char *buf, size_t size)
{
    char dir[PATH_SIZE], path[PATH_SIZE], raw[LOG_TAIL_BYTES];
    struct file *f = NULL;
    struct file_stat st;
    int64_t n = 0;
    buf[0] = 0;
    if (run_directory(run->sched, run->job.id, dir, NULL) < 0 || path_join(path, dir, RUNDIR_LOG, NULL) < 0) return;
    if (file_open(world_of(run), path, FILE_READ, &f, NULL) < 0) return;
    if (file_stat(f, &st, NULL) == 0) {
        uint64_t from = st.size_bytes > LOG_TAIL_BYTES ? st.size_bytes - LOG_TAIL_BYTES : 0;
        if (from < (uint64_t)run->log_from) from = (uint64_t)run->log_from;
        n = file_read_at(f, raw, sizeof raw, from, NULL);
    }
    file_close(f, NULL);
    while (n > 0 && (raw[n - 1] == '\n' || raw[n - 1] == ' ')) n--;
    int64_t start = n;
    for (int lines = 0; start > 0; start--)
        if (raw[start - 1] == '\n' && ++lines == LOG_TAIL_LINES) break;
    size_t out = 0;
    for (int64_t i = start; i < n && out + 5 < size; i++) {
        unsigned char c = (unsigned char)raw[i];
        if (c == '\n') out += (size_t)snprintf(buf + out, size - out, " | ");
        else if (c >= 32 && c < 127) buf[out++] = (char)c;
        else out += (size_t)snprintf(buf + out, size - out, "\\x%02x", c);
    }
    buf[out] = 0;
}

static const char *signal_text(int64_t signum, bool by_us)
{
    static const struct {
        int signum;
        const char *text;
    } known[] = {
        {SIGKILL, "SIGKILL (somebody's kill -9, or the kernel when memory ran out)"},
        {SIGSEGV, "SIGSEGV (an invalid memory access: a fault of the program)"},
        {SIGABRT, "SIGABRT (the program found itself in an impossible state)"},
        {SIGBUS, "SIGBUS (a mapped file was cut, or the disk is full or broken)"},
        {SIGFPE, "SIGFPE"},
        {SIGILL, "SIGILL (an instruction that this CPU does not have)"},
        {SIGTERM, "SIGTERM"},
        {SIGINT, "SIGINT"},
        {SIGHUP, "SIGHUP"},
        {SIGXCPU, "SIGXCPU (a CPU time limit)"},
    };
    if (signum == SIGKILL && by_us) return "SIGKILL (sent by the server, since it did not stop in time)";
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].signum == signum) return known[i].text;
    return strsignal((int)signum);
}

static void death_text(struct run *run, char *buf, size_t size)
{
    char tail[LOG_TAIL_BYTES * 4], how[200];
    log_tail_text(run, tail, sizeof tail);
    if (run->signal) snprintf(how, sizeof how, "the run was ended by %s", signal_text(run->signal, run->signalled == SIGKILL));
    else if (run->exit_code >= 0) snprintf(how, sizeof how, "the run ended with exit code %lld", (long long)run->exit_code);
    else snprintf(how, sizeof how, "the run is gone (it ended while no server watched it) and left no final word");
    snprintf(buf, size, "%s; %s%.1000s", how, tail[0] ? "run.log ends: " : "run.log is empty", tail);
}

struct verdict {
    struct job_move move;
    bool lost;
    char message[JOB_MESSAGE_SIZE];
};

static void say(struct verdict *v, enum job_state to, enum job_cause cause, const char *reason, const char *message)
{
    v->move.to = to;
    v->move.cause = cause;
    v->move.reason = reason;
    str_copy(v->message, sizeof v->message, message);
}

static void verdict_lost(struct run *run, struct verdict *v, const char *death)
{
    const struct sched_config *config = &run->sched->config;
    int64_t losses = run->job.losses + 1, wait = config->backoff_ms;
    char text[JOB_MESSAGE_SIZE], from[64] = "the start";
    for (int64_t i = 1; i < losses && wait < BACKOFF_MAX_MS; i++) wait *= 2;
    if (run->job.progress_step > 0) snprintf(from, sizeof from, "the checkpoint of step %lld", (long long)run->job.progress_step);
    v->lost = true;
    if (losses >= config->lost_max) {
        snprintf(text, sizeof text, "lost %lld times without progress, given up: %.1800s", (long long)losses, death);
        say(v, JOB_FAILED, CAUSE_WORKER_LOST, "worker_lost", text);
        return;
    }
    v->move.not_before_ms = world_utc_ms(world_of(run)) + wait;
    snprintf(text, sizeof text, "%.1800s; goes on from %s (loss %lld of at most %lld without progress)", death, from, (long long)losses,
             (long long)config->lost_max);
    say(v, JOB_QUEUED, CAUSE_NONE, "worker_lost", text);
}

static void verdict_wished(struct run *run, struct verdict *v, bool saved)
{
    char text[300];
    switch (run->job.wish) {
    case WISH_CANCEL: say(v, JOB_CANCELLED, CAUSE_NONE, "cancelled", "stopped as asked; its checkpoints stay"); break;
    case WISH_PAUSE:
        say(v, JOB_PAUSED, CAUSE_NONE, "paused",
            saved ? "stopped after a checkpoint, as asked; resume goes on from there"
                  : "ended before it could save a checkpoint; resume goes on from the last one");
        break;
    case WISH_TIMEOUT:
        snprintf(text, sizeof text, "the time limit of %lld ms (resources.timeout_ms) was over; %s", (long long)run->timeout_ms,
                 saved ? "its last checkpoint can be resumed by a job with a longer limit" : "it ended before it could save a checkpoint");
        say(v, JOB_FAILED, CAUSE_TIMEOUT, "timeout", text);
        break;
    case WISH_NONE: say(v, JOB_QUEUED, CAUSE_NONE, "stopped", "the run was stopped from outside of the server; it goes on from its last checkpoint");
    }
}

static void verdict_of(struct run *run, const struct last_state *last, struct verdict *v)
{
    char death[JOB_MESSAGE_SIZE], text[JOB_MESSAGE_SIZE];
    bool said_stopped = strcmp(last->state, "stopped") == 0;
    v->move.from = run->job.state;
    death_text(run, death, sizeof death);
    if (run->tail_error.code != ERROR_NONE) {
        snprintf(text, sizeof text, "its record of events is damaged: %.900s; %.900s", run->tail_error.msg, death);
        say(v, JOB_FAILED, CAUSE_INTERNAL, "events_damaged", text);
    } else if (run->job.wish != WISH_NONE || said_stopped) verdict_wished(run, v, said_stopped || run->exit_code == EXIT_STOPPED);
    else if (run->signal == 0 && run->exit_code >= 0 && run->exit_code != EXIT_STOPPED) {
        enum job_cause cause = run->exit_code == 0 ? CAUSE_INTERNAL : job_cause_of_exit((int)run->exit_code);
        say(v, JOB_FAILED, cause == CAUSE_NONE ? CAUSE_INTERNAL : cause, "exit", death);
    } else verdict_lost(run, v, death);
    v->move.message = v->message;
}

static int verdict_write(struct run *run, struct verdict *v, struct error *err)
{
    struct store *store = store_of(run);
    struct attempt end = {.launch = run->launch, .exit_code = run->exit_code, .signal = run->signal};
    bool over = job_state_final(run->job.state) || run->job.state == JOB_QUEUED || run->job.state == JOB_PAUSED;
    end.cause = over ? run->job.cause : v->lost ? CAUSE_WORKER_LOST : v->move.cause;
    str_copy(end.message, sizeof end.message, over ? run->job.message : v->message);
    int rc = store_begin(store, err);
    if (rc < 0) return rc;
    rc = store_attempt_end(store, run->job.id, &end, err);
    if (rc == 0 && !over && v->lost) rc = store_job_lost(store, run->job.id, run->job.losses + 1, err);
    if (rc == 0 && !over) rc = store_job_move(store, run->job.id, &v->move, err);
    return store_end(store, rc, err);
}

int run_finish(struct run *run, struct error *err)
{
    struct last_state last;
    struct verdict v = {0};
    int rc = run_tail(run, true);
    if (rc < 0 && run->tail_error.code == ERROR_NONE) return error_set(err, (enum error_code) - rc, NULL, "its last events are not stored yet");
    if ((rc = job_refresh(run, err)) < 0) return rc;
    if ((rc = last_state_read(run, &last, err)) < 0) return rc;
    verdict_of(run, &last, &v);
    if ((rc = verdict_write(run, &v, err)) < 0) return rc;
    bool over = job_state_final(run->job.state);
    log_info("job %s: process %lld ended: %s%s%.300s", run->job.id, (long long)run->launch, job_state_name(over ? run->job.state : v.move.to),
             over ? "" : ": ", over ? "" : v.message);
    if (!over && v.lost) {
        pthread_mutex_lock(&run->sched->lock);
        run->sched->stats.losses++;
        pthread_mutex_unlock(&run->sched->lock);
    }
    return 0;
}

/* trainyard submit: hand a specification to a server; with --wait follow it to its end, with an exit code that CI can build on.
 *
 * The request carries an Idempotency-Key, so that it can be repeated after a lost connection without making a second job. Following
 * resumes by event number (cli/follow.h). Ctrl-C only lets go: the job belongs to the server. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/str.h"
#include "cli/bar.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/follow.h"
#include "cli/interrupt.h"
#include "cli/jobview.h"
#include "cli/print.h"
#include "cli/specfile.h"
#include "cli/terminal.h"

enum exit_of_wait { EXIT_SUCCEEDED = 0, EXIT_FAILED = 1, EXIT_INVALID = 2, EXIT_CANCELLED = 4, EXIT_TIMEOUT = 5, EXIT_UNREACHABLE = 6 };
enum { PLAIN_EVERY_MS = 60000, SUBMIT_TRIES = 4, SUBMIT_BACKOFF_MS = 250, LINE_SIZE = 2560 };
enum on_interrupt { ON_INTERRUPT_DETACH, ON_INTERRUPT_CANCEL };
static const char *const on_interrupt_names[] = {"detach", "cancel", NULL};

struct submit_params {
    struct client_options client; /* first */
    bool wait, quiet;
    int64_t timeout_s;
    int on_interrupt;
    const char *key;
};

#define AT(field) offsetof(struct submit_params, field)
static const struct arg submit_args[] = {
    {.name = "wait", .letter = 'w', .type = ARG_FLAG, .offset = AT(wait), .help = "follow the job to its end; the exit code tells how it ended"},
    {.name = "timeout",
     .type = ARG_INT,
     .offset = AT(timeout_s),
     .value = "SECONDS",
     .max = 1e9,
     .help = "with --wait: stop waiting after so long; the job goes on. 0: never"},
    {.name = "on-interrupt",
     .type = ARG_CHOICE,
     .offset = AT(on_interrupt),
     .value = "WHAT",
     .choices = on_interrupt_names,
     .help = "with --wait: what Ctrl-C and SIGTERM do to the job: detach (it goes on) or cancel"},
    {.name = "key",
     .type = ARG_TEXT,
     .offset = AT(key),
     .value = "KEY",
     .help = "Idempotency-Key: the same key and file give the same job; default: a new one"},
    ARG_QUIET(AT(quiet), "no progress"),
    {0}};

struct waiting {
    const struct submit_params *params;
    struct client client;
    struct bar bar;
    char id[ID_SIZE];
    int64_t after, until_ms; /* after: number of the newest event seen; until_ms 0: no limit */
    int interrupts;          /* those already answered */
    char said[LINE_SIZE];    /* latest note: run and server may report the same move */
};

static bool stop_waiting(void *context)
{
    const struct waiting *w = context;
    return interrupt_count() > w->interrupts || (w->until_ms && world_mono_ms(&world_real) >= w->until_ms);
}

static void say(struct waiting *w, enum progress_level level, const char *text)
{
    if (!*text || strcmp(text, w->said) == 0) return;
    snprintf(w->said, sizeof w->said, "%s", text);
    bar_note(&w->bar, level, text);
}

static void lost(void *context, const char *why)
{
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "connection lost, trying again: %s", why);
    say(context, PROGRESS_WARN, line);
}

static int take_event(void *context, const char *name, const char *id, const json_t *body, struct error *err)
{
    struct waiting *w = context;
    struct progress progress;
    char line[LINE_SIZE];
    (void)err;
    if (!str_to_int64(id, &w->after)) w->after = 0;
    if (strcmp(name, "metric") == 0 && !jobview_validates(body)) {
        jobview_metric(body, &progress);
        bar_progress(&w->bar, &progress);
    } else {
        const char *level = field_text(body, "level");
        say(w,
            strcmp(level, "error") == 0  ? PROGRESS_ERROR
            : strcmp(level, "warn") == 0 ? PROGRESS_WARN
                                         : PROGRESS_INFO,
            strcmp(name, "log") == 0 ? field_text(body, "message") : jobview_event(line, sizeof line, name, body));
    }
    return 0;
}

/* Every fault the server found, with the line of our file. */
static int tell_faults(const struct specfile *file, const json_t *problem, struct error *err)
{
    json_t *faults = json_object_get(problem, "errors"), *fault;
    size_t i, count = json_array_size(faults);
    json_array_foreach (faults, i, fault) specfile_fault(file, field_text(fault, "pointer"), field_text(fault, "detail"));
    if (count == 0) return -(int)err->code;
    error_clear(err);
    return error_set(err, ERROR_INVALID, NULL, "%zu fault%s in %s", count, str_s(count), file->path);
}

static bool interrupted(void *context)
{
    (void)context;
    return interrupt_count() > 0;
}

static int post(struct waiting *w, const struct specfile *file, json_t **job, struct error *err)
{
    char key[ID_SIZE], header[320];
    int rc = -ERROR_INTERNAL;
    id_make(&world_real, "submit_", key);
    int length = snprintf(header, sizeof header, "Idempotency-Key: %s", w->params->key ? w->params->key : key);
    if (length < 0 || (size_t)length >= sizeof header) return error_set(err, ERROR_USAGE, NULL, "--key is longer than 255 characters");
    struct client_call call = {.method = "POST", .path = "/v1/jobs", .body = file->text.data, .body_size = file->text.size, .headers = {header}};
    for (int try = 1;; try++) {
        json_decref(*job);
        error_clear(err);
        rc = client_json(&w->client, &call, job, err);
        bool again = rc < 0 && (err->code == ERROR_UNAVAILABLE || err->code == ERROR_BUSY) && try < SUBMIT_TRIES;
        if (!again || interrupt_wait(SUBMIT_BACKOFF_MS << (try - 1), 0)) break;
    }
    if (rc == -ERROR_STOPPED) return error_wrap(err, "the server may have accepted the job all the same, see `trainyard jobs`");
    if (rc < 0) return tell_faults(file, *job, err);
    if (!id_valid(field_text(*job, "id"), "job_"))
        return error_set(err, ERROR_MALFORMED, NULL, "%s answers without a job id; is this the address of Trainyard?", w->client.server);
    str_copy(w->id, sizeof w->id, field_text(*job, "id"));
    return 0;
}

static int cancel(struct waiting *w, struct error *err)
{
    char path[256];
    json_t *answer = NULL;
    int rc = client_job_path(path, sizeof path, w->id, "/cancel", err);
    if (rc == 0) rc = client_json(&w->client, &(struct client_call){.method = "POST", .path = path}, &answer, err);
    json_decref(answer);
    if (rc == -ERROR_CONFLICT) { /* it ended by itself meanwhile */
        error_clear(err);
        rc = 0;
    }
    return rc;
}

static void tell_detached(const struct waiting *w, const char *why)
{
    fprintf(stderr, "%s: %s goes on. Follow it: trainyard events %s -f; stop it: trainyard cancel %s\n", why, w->id, w->id, w->id);
}

/* Follows to the end. 0: it ended; EXIT_TIMEOUT: let go of; negative: error. */
static int wait_for_end(struct waiting *w, struct error *err)
{
    struct follow follow = {
        .client = &w->client, .world = &world_real, .job = w->id, .context = w, .event = take_event, .stop = stop_waiting, .lost = lost};
    for (;;) {
        follow.after = w->after;
        int rc = follow_run(&follow, err);
        bar_end(&w->bar);
        if (rc != -ERROR_STOPPED) return rc;
        error_clear(err);
        bool interrupted = interrupt_count() > w->interrupts;
        if (!interrupted || w->params->on_interrupt == ON_INTERRUPT_DETACH) {
            tell_detached(w, interrupted ? "detached" : "waited long enough");
            return EXIT_TIMEOUT;
        }
        w->interrupts = interrupt_count();
        say(w, PROGRESS_WARN, "interrupted: cancelling the job");
        if ((rc = cancel(w, err)) < 0) return rc;
    }
}

static int exit_of_state(const char *state)
{
    if (strcmp(state, "succeeded") == 0) return EXIT_SUCCEEDED;
    return strcmp(state, "cancelled") == 0 ? EXIT_CANCELLED : EXIT_FAILED;
}

/* The outcome to standard output, the verdict in words to standard error. Returns the exit code or a negative error code. */
static int tell_outcome(struct waiting *w, struct error *err)
{
    char why[LINE_SIZE], verdict[LINE_SIZE + 128];
    json_t *job = NULL, *evaluation = NULL;
    int rc = jobview_get(&w->client, w->id, &job, err);
    if (rc == 0) rc = jobview_evaluation(&w->client, w->id, &evaluation, err);
    if (rc == 0 && w->params->client.json) {
        json_object_set(job, "evaluation", evaluation ? evaluation : json_null());
        rc = print_json(stdout, job, err);
    } else if (rc == 0 && evaluation) rc = evaluation_print(stdout, evaluation, err);
    if (rc == 0) {
        const char *state = field_text(job, "state");
        rc = exit_of_state(state);
        jobview_why(why, sizeof why, job);
        snprintf(verdict, sizeof verdict, "%s %.32s%s%s", w->id, state, *why ? ": " : "", why);
        if (rc != EXIT_SUCCEEDED) bar_note(&w->bar, PROGRESS_ERROR, verdict);
    }
    json_decref(evaluation);
    json_decref(job);
    return rc;
}

static int submitted(struct waiting *w, const json_t *job, struct error *err)
{
    if (!w->params->client.json) {
        printf("%s\n", w->id);
        fflush(stdout);
        if (!w->params->quiet && terminal_is(stderr)) fprintf(stderr, "%s/jobs/%s\n", w->client.server, w->id);
    }
    if (!w->params->wait) return w->params->client.json ? print_json(stdout, job, err) : 0;
    if (w->params->timeout_s > 0) w->until_ms = world_mono_ms(&world_real) + w->params->timeout_s * 1000;
    int rc = wait_for_end(w, err);
    return rc == 0 ? tell_outcome(w, err) : rc;
}

static int submit_run(const struct call *call, struct error *err)
{
    struct waiting w = {.params = call->params};
    struct specfile file;
    json_t *job = NULL;
    int rc = client_open(&w.client, &w.params->client, err);
    if (rc < 0) return rc;
    if (specfile_read(&file, call->operands[0], err) < 0) {
        err->code = ERROR_INVALID; /* whatever is wrong with the file: exit 2 */
        return -ERROR_INVALID;
    }
    interrupt_watch();
    w.client.stop = interrupted;
    bar_init(&w.bar, &world_real, w.params->quiet, PLAIN_EVERY_MS);
    rc = post(&w, &file, &job, err);
    w.client.stop = NULL; /* from here on an interrupt has its own meaning */
    if (rc == 0) rc = submitted(&w, job, err);
    json_decref(job);
    specfile_close(&file);
    return rc;
}

static int submit_exit_of(const struct error *err)
{
    switch (err->code) {
    case ERROR_USAGE:
    case ERROR_MALFORMED:
    case ERROR_INVALID:
    case ERROR_CONFLICT: /* the key was used for another file */
    case ERROR_TOOLARGE: return EXIT_INVALID;
    default: return EXIT_UNREACHABLE;
    }
}

static const struct exit_row submit_exits[] = {{EXIT_SUCCEEDED, "submitted; with --wait: succeeded, and its gates passed"},
                                               {EXIT_FAILED, "the job failed"},
                                               {EXIT_INVALID, "wrong usage, or faults in the specification, each with file and line"},
                                               {3, "a gate failed: training went well, the model is not good enough"},
                                               {EXIT_CANCELLED, "the job was cancelled"},
                                               {EXIT_TIMEOUT, "--timeout is over, or detached by Ctrl-C: the job goes on, its id was printed"},
                                               {EXIT_UNREACHABLE, "the server cannot be reached, refuses the token, or cannot accept jobs now"},
                                               {0}};

const struct command command_submit = {
    .name = "submit",
    .summary = "Submit a job to a server; --wait follows it and exits by its outcome.",
    .details = "A lost connection is taken up again for 10 minutes, without losing an event. The job's id and, with --wait, its evaluation go to "
               "standard output, progress to standard error. A FILE of - is standard input.",
    .operands = "FILE",
    .operands_min = 1,
    .operands_max = 1,
    .args = submit_args,
    .common_args = client_args,
    .params_size = sizeof(struct submit_params),
    .usage_exit = EXIT_INVALID,
    .exits = submit_exits,
    .example = "trainyard submit jobs/ctr.json --wait --on-interrupt cancel",
    .run = submit_run,
    .exit_of = submit_exit_of};

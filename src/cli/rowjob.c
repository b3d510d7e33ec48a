#include "cli/rowjob.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/interrupt.h"
#include "cli/registries.h"
#include "contract/rundir.h"
#include "engine/predict/field_map.h"

enum { PLAIN_EVERY_MS = 10000 };

#define AT(field) offsetof(struct rowjob_options, field)
const struct arg rowjob_args[] = {
    {.name = "checkpoint",
     .letter = 'c',
     .type = ARG_LIST,
     .offset = AT(checkpoints),
     .value = "FILE|DIR",
     .required = true,
     .help = "a checkpoint, or a run directory: its final.safetensors, or while it trains its newest checkpoint. Several (the folds of a job): "
             "predict gives the mean of their probabilities"},
    {.name = "in",
     .letter = 'i',
     .type = ARG_LIST,
     .offset = AT(in),
     .value = "URI",
     .help = "rows to read: what dataset.uri takes; may be given several times. Default: -, standard input"},
    {.name = "out",
     .letter = 'o',
     .type = ARG_TEXT,
     .offset = AT(out),
     .value = "FILE",
     .help = "where the lines go; the file appears when it is whole. Default: -, standard output"},
    {.name = "format",
     .type = ARG_TEXT,
     .offset = AT(format),
     .value = "KIND|JSON",
     .help = "another format than the one trained on: its name, or an object like the specification's dataset: "
             "'{\"format\": \"csv\", \"label\": \"click\"}'. It must make the same features of the same columns: give its schema, too"},
    {.name = "no-labels",
     .type = ARG_FLAG,
     .offset = AT(no_labels),
     .help = "the rows have no label (criteo: 39 columns; csv: the label's column is not looked for), nor need they have a weight or a group"},
    ARG_WORKERS(AT(workers), "threads; never changes the output. 0: one a core"),
    {.name = "max-bad-rows",
     .type = ARG_INT,
     .offset = AT(max_bad_rows),
     .value = "N",
     .min = 0,
     .max = 0x1p53,
     .help = "rows that may be skipped and counted before it fails; a skipped row has no line and no number"},
    ARG_JSON(AT(json), "print the outcome as one JSON object; needs --out FILE"),
    ARG_QUIET(AT(quiet), "no progress, only warnings and the outcome"),
    {0}};

const struct exit_row rowjob_exits[] = {
    {0, "done"},
    {64, "wrong usage"},
    {65, "bad data (also data that are not there) or a damaged checkpoint: the message names file, line and field"},
    {66, "the checkpoint or a folder is not there"},
    {71, "out of memory"},
    {73, "no space left on a disk"},
    {74, "input or output failed"},
    {75, "stopped by a signal, or another command writes --out; --out is as it was"},
    {77, "a file may not be read or written"},
    {0}};

static bool cancelled(void *context) { return (void)context, interrupt_count() > 0; }

static void progress(void *context, uint64_t done, uint64_t total, uint64_t rows)
{
    struct rowjob *job = context;
    int64_t ms = world_mono_ms(&world_real) - job->began_ms;
    struct progress told = {.phase = PROGRESS_SCORING,
                            .done = done,
                            .total = total,
                            .rows = rows,
                            .rows_per_s = ms > 0 ? (double)rows * 1000 / (double)ms : NAN,
                            .loss = NAN,
                            .auc = NAN,
                            .eta_ms = total > done && done > 0 ? (int64_t)((double)ms * ((double)(total - done) / (double)done)) : -1};
    bar_progress(&job->bar, &told);
}

static int write_stdout(struct rowjob *job, const char *text, size_t size, struct error *err)
{
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, text, size);
        if (n < 0 && errno == EINTR && !cancelled(job)) continue;
        if (n < 0 && errno == EINTR) return error_set(err, ERROR_STOPPED, NULL, "stopped while standard output was written");
        job->reader_gone = n < 0 && errno == EPIPE;
        if (n < 0) return error_set_errno(err, errno, NULL, "cannot write standard output");
        text += n, size -= (size_t)n;
    }
    return 0;
}

int rowjob_write(struct rowjob *job, const void *text, size_t size, struct error *err)
{
    struct file *file = job->draft.file ? job->draft.file : job->direct;
    return file ? file_write(file, text, size, err) : write_stdout(job, text, size, err);
}

static bool to_stdout(const struct rowjob_options *o) { return !o->out || strcmp(o->out, "-") == 0; }

FILE *rowjob_told(const struct rowjob *job) { return to_stdout(job->options) ? stderr : stdout; }

/* The rows' own file would be replaced by what was made of them. (Of a glob or a folder nothing is known here.) */
static int out_is_no_input(const struct rowjob_options *o, const struct file_stat *out, struct error *err)
{
    struct file_stat in;
    for (size_t i = 0; i < o->in.count; i++) {
        const char *path = strncmp(o->in.items[i], "file:", 5) == 0 ? o->in.items[i] + 5 : o->in.items[i];
        if (path_stat(&world_real, path, &in, NULL) == 0 && in.inode == out->inode && in.device == out->device)
            return error_set(err, ERROR_USAGE, NULL, "--out %s is the file of the rows, which it would replace; name another", o->out);
    }
    return 0;
}

/* A device or a pipe must not be replaced by a file. */
static int open_out(struct rowjob *job, struct error *err)
{
    struct file_stat stat;
    const char *out = job->options->out;
    if (to_stdout(job->options)) return 0;
    bool there = path_stat(&world_real, out, &stat, NULL) == 0;
    if (there && !stat.is_regular) return file_open(&world_real, out, FILE_APPEND, &job->direct, err);
    int rc = there ? out_is_no_input(job->options, &stat, err) : 0;
    return rc < 0 ? rc : draft_open(&job->draft, &world_real, out, err);
}

static unsigned workers_of(const struct rowjob_options *o)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t workers = o->workers ? o->workers : cores > 0 ? cores : 1;
    return (unsigned)(workers > WORKERS_MAX ? WORKERS_MAX : workers);
}

static void reading_of(struct rowjob *job, const struct rowjob_options *o)
{
    static char standard_input[] = "-";
    size_t count = o->in.count;
    for (size_t i = 0; i < count; i++) job->uris[i] = (char *)o->in.items[i];
    if (count == 0) job->uris[count++] = standard_input;
    job->reading = (struct reading){.uris = job->uris,
                                    .uri_count = count,
                                    .format = job->format.kind,
                                    .format_params = job->format.params,
                                    .no_labels = o->no_labels,
                                    .parallel = &job->team.parallel,
                                    .progress = {job, progress, cancelled},
                                    .max_bad_rows = o->max_bad_rows};
}

/* A run that trains still, or that ended without a model, as by a loss that ran away. */
static void tell_unfinished(struct rowjob *job, const struct predictor *p, const char *asked)
{
    char note[2 * PATH_SIZE];
    const char *name = strrchr(p->path, '/');
    if (strcmp(p->path, asked) == 0 || (name && strcmp(name + 1, RUNDIR_FINAL) == 0)) return;
    snprintf(note, sizeof note,
             "%s has no final model (it trains still, or ended without one: see its events.ndjson); the checkpoint of step %" PRIu64 " is used",
             asked, p->step);
    bar_note(&job->bar, PROGRESS_WARN, note);
}

static int open_models(struct rowjob *job, const struct rowjob_options *o, struct error *err)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < o->checkpoints.count; i++) {
        rc = predictor_open(&job->predictors[i], &world_real, o->checkpoints.items[i], &registry_all, err);
        if (rc == 0) job->predictor_count++;
        if (rc == 0) tell_unfinished(job, &job->predictors[i], o->checkpoints.items[i]);
        if (rc == 0 && i > 0) rc = predictor_alike(&job->predictors[0], &job->predictors[i], err);
    }
    return rc;
}

int rowjob_open(struct rowjob *job, const struct rowjob_options *o, struct error *err)
{
    job->options = o;
    if (o->json && to_stdout(o))
        return error_set(err, ERROR_USAGE, NULL, "--json needs --out FILE: standard output can hold the rows or the outcome, not both");
    interrupt_watch();
    bar_init(&job->bar, &world_real, o->quiet, PLAIN_EVERY_MS);
    int rc = format_arg_read(&job->format, o->format, err);
    if (rc == 0) rc = open_models(job, o, err);
    if (rc == 0) rc = team_start(&job->team, workers_of(o), 0, err);
    if (rc == 0) rc = open_out(job, err);
    reading_of(job, o);
    job->began_ms = world_mono_ms(&world_real);
    return rc;
}

void rowjob_close(struct rowjob *job)
{
    if (job->options) bar_end(&job->bar);
    team_stop(&job->team);
    draft_drop(&job->draft);
    file_close(job->direct, NULL);
    format_arg_close(&job->format);
    for (size_t i = 0; i < job->predictor_count; i++) predictor_close(&job->predictors[i]);
}

int rowjob_finish(struct rowjob *job, const struct reading_result *result, struct error *err)
{
    char note[768], names[500];
    int rc = 0;
    if (job->draft.file) rc = draft_publish(&job->draft, err);
    if (job->direct) rc = file_close(job->direct, err);
    job->direct = NULL;
    bar_end(&job->bar);
    if (rc == 0 && result->extra_columns) {
        snprintf(note, sizeof note, "columns that the model was not trained on are passed over: %s",
                 field_names_shown(result->extra_columns, names, sizeof names));
        bar_note(&job->bar, PROGRESS_INFO, note);
    }
    if (rc < 0 || result->bad_rows == 0) return rc;
    snprintf(note, sizeof note, "%" PRIu64 " bad row%s skipped; the first: %s", result->bad_rows, str_s(result->bad_rows), result->first_bad);
    bar_note(&job->bar, PROGRESS_WARN, note);
    return 0;
}

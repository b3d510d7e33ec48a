/* trainyard predict: score rows with a checkpoint. The work is engine/predict's; here are the options, the two ways out (a file that appears whole,
 * or standard output), progress, and metrics when the rows have labels: this room alone sees both prediction and evaluation. */
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/bar.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/formatarg.h"
#include "cli/interrupt.h"
#include "cli/print.h"
#include "cli/registries.h"
#include "engine/core/scores.h"
#include "engine/eval/eval.h"
#include "engine/predict/predict.h"
#include "engine/train/team.h"

enum { PLAIN_EVERY_MS = 10000 };

struct predict_params {
    const char *checkpoint, *out, *format;
    struct arg_list in;
    int64_t workers, max_bad_rows;
    bool no_labels, logits, json, quiet;
};

#define AT(field) offsetof(struct predict_params, field)
static const struct arg predict_args[] = {
    {.name = "checkpoint",
     .letter = 'c',
     .type = ARG_TEXT,
     .offset = AT(checkpoint),
     .value = "FILE|DIR",
     .required = true,
     .help = "a checkpoint, or a run directory: its final.safetensors, or while it trains its newest checkpoint"},
    {.name = "in",
     .letter = 'i',
     .type = ARG_LIST,
     .offset = AT(in),
     .value = "URI",
     .help = "rows to score: what dataset.uri takes; may be given several times. Default: -, standard input"},
    {.name = "out",
     .letter = 'o',
     .type = ARG_TEXT,
     .offset = AT(out),
     .value = "FILE",
     .help = "where the scores go; the file appears when it is whole. Default: -, standard output"},
    {.name = "format",
     .type = ARG_TEXT,
     .offset = AT(format),
     .value = "KIND|JSON",
     .help = "another format than the one trained on: its name, or an object like the specification's dataset: "
             "'{\"format\": \"csv\", \"label\": \"click\"}'"},
    {.name = "no-labels",
     .type = ARG_FLAG,
     .offset = AT(no_labels),
     .help = "the rows have no label (criteo: 39 columns; csv: the label's column is not looked for)"},
    {.name = "logits", .type = ARG_FLAG, .offset = AT(logits), .help = "print logits (log-odds) instead of probabilities"},
    {.name = "workers",
     .letter = 'w',
     .type = ARG_INT,
     .offset = AT(workers),
     .value = "P",
     .min = 0,
     .max = WORKERS_MAX,
     .help = "threads; never changes the output. 0: one a core"},
    {.name = "max-bad-rows",
     .type = ARG_INT,
     .offset = AT(max_bad_rows),
     .value = "N",
     .min = 0,
     .max = 0x1p53,
     .help = "rows that may be skipped and counted before it fails; a skipped row has no line and no number"},
    {.name = "json", .type = ARG_FLAG, .offset = AT(json), .help = "print the outcome as one JSON object; needs --out FILE"},
    {.name = "quiet", .letter = 'q', .type = ARG_FLAG, .offset = AT(quiet), .help = "no progress, only warnings and the outcome"},
    {0}};

struct predicting {
    const struct predict_params *params;
    struct predictor predictor;
    struct format_arg format;
    struct team team;
    struct evaluator *evaluator; /* NULL: no labels */
    struct bar bar;
    int64_t began_ms;
    struct draft draft;  /* --out FILE */
    struct file *direct; /* --out to what is no regular file: written to as it is */
    bool reader_gone;    /* of standard output */
};

static bool cancelled(void *context) { return (void)context, interrupt_count() > 0; }

static void progress(void *context, uint64_t done, uint64_t total, uint64_t rows)
{
    struct predicting *p = context;
    int64_t ms = world_mono_ms(&world_real) - p->began_ms;
    struct progress told = {.phase = PROGRESS_SCORING,
                            .done = done,
                            .total = total,
                            .rows = rows,
                            .rows_per_s = ms > 0 ? (double)rows * 1000 / (double)ms : NAN,
                            .loss = NAN,
                            .auc = NAN,
                            .eta_ms = total > done && done > 0 ? (int64_t)((double)ms * ((double)(total - done) / (double)done)) : -1};
    bar_progress(&p->bar, &told);
}

static int scored(void *context, unsigned worker, const struct batch *rows, const float *logits, struct error *err)
{
    const struct predicting *p = context;
    struct eval_rows judged = {.n = rows->rows, .logits = logits, .labels = rows->labels, .weights = rows->weights};
    return evaluator_add(p->evaluator, worker, &judged, err);
}

static int write_stdout(struct predicting *p, const char *text, size_t size, struct error *err)
{
    while (size > 0) {
        ssize_t n = write(STDOUT_FILENO, text, size);
        if (n < 0 && errno == EINTR && !cancelled(p)) continue;
        if (n < 0 && errno == EINTR) return error_set(err, ERROR_STOPPED, NULL, "stopped while the scores were written");
        p->reader_gone = n < 0 && errno == EPIPE;
        if (n < 0) return error_set_errno(err, errno, NULL, "cannot write standard output");
        text += n, size -= (size_t)n;
    }
    return 0;
}

static int write_out(void *context, const void *text, size_t size, struct error *err)
{
    struct predicting *p = context;
    struct file *file = p->draft.file ? p->draft.file : p->direct;
    return file ? file_write(file, text, size, err) : write_stdout(p, text, size, err);
}

static bool to_stdout(const struct predict_params *params) { return !params->out || strcmp(params->out, "-") == 0; }

/* A device or a pipe must not be replaced by a file. */
static int open_out(struct predicting *p, struct error *err)
{
    struct file_stat stat;
    if (to_stdout(p->params)) return 0;
    if (path_stat(&world_real, p->params->out, &stat, NULL) == 0 && !stat.is_regular)
        return file_open(&world_real, p->params->out, FILE_APPEND, &p->direct, err);
    return draft_open(&p->draft, &world_real, p->params->out, err);
}

static int close_out(struct predicting *p, struct error *err)
{
    int rc = 0;
    if (p->draft.file) rc = draft_publish(&p->draft, err);
    if (p->direct) rc = file_close(p->direct, err);
    p->direct = NULL;
    return rc;
}

static json_t *outcome_json(const struct predicting *p, const struct predict_result *r, const json_t *evaluation)
{
    return json_pack("{s:s, s:I, s:s, s:I, s:I, s:O?}", "checkpoint", p->predictor.path, "step", (json_int_t)p->predictor.step, "model",
                     p->predictor.model->kind.name, "rows", (json_int_t)r->rows, "bad_rows", (json_int_t)r->bad_rows, "evaluation", evaluation);
}

/* Standard output belongs to the scores when they go there. */
static int tell(struct predicting *p, const struct predict_result *r, struct error *err)
{
    FILE *out = to_stdout(p->params) ? stderr : stdout;
    struct evaluation *e = p->evaluator ? mem_zero(sizeof *e, err) : NULL;
    json_t *evaluation = NULL;
    char rows[32];
    int rc = p->evaluator && !e ? -ERROR_NOMEM : 0;
    if (rc == 0 && e) rc = evaluator_finish(p->evaluator, e, err);
    if (rc == 0 && e && !(evaluation = evaluation_json(e, "", NULL, err))) rc = -ERROR_NOMEM;
    if (rc == 0 && p->params->json) {
        json_t *outcome = outcome_json(p, r, evaluation);
        rc = print_json(out, outcome, err);
        json_decref(outcome);
    } else if (rc == 0 && !p->params->quiet) {
        if (evaluation) rc = evaluation_print(out, evaluation, err);
        else fprintf(out, "%s rows\n", str_count(rows, sizeof rows, (double)r->rows));
    }
    json_decref(evaluation);
    mem_free(e);
    return rc;
}

static int predict_all(struct predicting *p, struct error *err)
{
    const struct predict_params *params = p->params;
    char *standard_input[] = {(char *)"-"};
    bool none = params->in.count == 0;
    char *uris[ARG_LIST_MAX];
    for (size_t i = 0; i < params->in.count; i++) uris[i] = (char *)params->in.items[i];
    struct predict_config config = {.predictor = &p->predictor,
                                    .uris = none ? standard_input : uris,
                                    .uri_count = none ? 1 : params->in.count,
                                    .format = p->format.kind,
                                    .format_params = p->format.params,
                                    .no_labels = params->no_labels,
                                    .parallel = &p->team.parallel,
                                    .progress = {p, progress, cancelled},
                                    .max_bad_rows = params->max_bad_rows,
                                    .form = (params->no_labels ? 0u : SCORES_LABEL) | (params->logits ? SCORES_LOGIT : 0u),
                                    .scored = p->evaluator ? scored : NULL,
                                    .write = write_out,
                                    .context = p};
    struct predict_result result;
    int rc = open_out(p, err);
    if (rc == 0) rc = predict_run(&config, &result, err);
    if (rc == 0) rc = close_out(p, err);
    bar_end(&p->bar);
    if (rc < 0) return rc;
    if (result.bad_rows > 0) {
        char note[768];
        snprintf(note, sizeof note, "%" PRIu64 " bad rows skipped; the first: %s", result.bad_rows, result.first_bad);
        bar_note(&p->bar, PROGRESS_WARN, note);
    }
    return tell(p, &result, err);
}

static unsigned workers_of(const struct predict_params *params)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    int64_t workers = params->workers ? params->workers : cores > 0 ? cores : 1;
    return (unsigned)(workers > WORKERS_MAX ? WORKERS_MAX : workers);
}

static int predict_command(const struct call *call, struct error *err)
{
    const struct predict_params *params = call->params;
    struct evaluator_config judge = {.lanes = workers_of(params)};
    if (params->json && to_stdout(params))
        return error_set(err, ERROR_USAGE, NULL, "--json needs --out FILE: standard output can hold the scores or the outcome, not both");
    struct predicting *p = mem_zero(sizeof *p, err);
    if (!p) return -ERROR_NOMEM;
    p->params = params;
    interrupt_watch();
    bar_init(&p->bar, &world_real, params->quiet, PLAIN_EVERY_MS);
    int rc = format_arg_read(&p->format, params->format, err);
    if (rc == 0) rc = predictor_open(&p->predictor, &world_real, params->checkpoint, &registry_all, err);
    if (rc == 0) rc = team_start(&p->team, judge.lanes, err);
    if (rc == 0) judge.parallel = &p->team.parallel;
    if (rc == 0 && !params->no_labels) {
        judge.weighted = *p->predictor.recipe.dataset.weight;
        if (!(p->evaluator = evaluator_new(&judge, err))) rc = -(int)err->code;
    }
    p->began_ms = world_mono_ms(&world_real);
    if (rc == 0) rc = predict_all(p, err);
    bool reader_gone = p->reader_gone;
    bar_end(&p->bar);
    evaluator_free(p->evaluator);
    team_stop(&p->team);
    draft_drop(&p->draft);
    file_close(p->direct, NULL);
    format_arg_close(&p->format);
    predictor_close(&p->predictor);
    mem_free(p);
    return reader_gone ? 0 : rc;
}

static const struct exit_row predict_exits[] = {{0, "all rows are scored"},
                                                {64, "wrong usage"},
                                                {65, "bad data or a damaged checkpoint: the message names file, line and field"},
                                                {66, "a file is not there"},
                                                {71, "out of memory"},
                                                {73, "no space left on a disk"},
                                                {74, "input or output failed"},
                                                {75, "stopped by a signal; --out is as it was"},
                                                {77, "a file may not be read or written"},
                                                {0}};

const struct command command_predict = {
    .name = "predict",
    .summary = "Score rows with a checkpoint, as fast as they can be read.",
    .details =
        "Prints a header and then a line a row, in the rows' order: row TAB label TAB score, where row counts from 0 over all files, and score is "
        "the probability of a 1, calibrated when the model is. The lines equal those of the run's scores.tsv. The checkpoint alone is enough: it "
        "says how its rows are read. When the rows have labels, metrics follow (on standard error when the scores go to standard output).",
    .operands = "",
    .args = predict_args,
    .params_size = sizeof(struct predict_params),
    .usage_exit = 64,
    .exits = predict_exits,
    .example = "zcat clicks.tsv.gz | trainyard predict --checkpoint runs/ctr > scores.tsv",
    .run = predict_command};

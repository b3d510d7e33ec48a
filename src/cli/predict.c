/* trainyard predict: score rows with a checkpoint. The work is engine/predict's; here are the options, and metrics when the rows have labels: this
 * room alone sees both prediction and evaluation. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/print.h"
#include "cli/rowjob.h"
#include "engine/core/scores.h"
#include "engine/eval/eval.h"
#include "engine/predict/predict.h"

struct predict_params {
    struct rowjob_options rows;
    bool logits;
};

static const struct arg predict_args[] = {{.name = "logits",
                                           .type = ARG_FLAG,
                                           .offset = offsetof(struct predict_params, logits),
                                           .help = "print logits (log-odds) instead of probabilities"},
                                          {0}};

struct predicting {
    struct rowjob job;
    struct evaluator *evaluator; /* NULL: no labels */
    char folder[PATH_SIZE];      /* where rows of groups are sorted that memory does not hold; "": there is none */
};

static int scored(void *context, unsigned worker, const struct batch *rows, const float *logits, struct error *err)
{
    const struct predicting *p = context;
    struct eval_rows judged = {.n = rows->rows, .logits = logits, .labels = rows->labels, .weights = rows->weights, .groups = rows->groups};
    return evaluator_add(p->evaluator, worker, &judged, err);
}

static int write_out(void *context, const void *text, size_t size, struct error *err)
{
    return rowjob_write(&((struct predicting *)context)->job, text, size, err);
}

static json_t *outcome_json(const struct predicting *p, const struct reading_result *r, const json_t *evaluation)
{
    json_t *used = json_array();
    for (size_t i = 0; i < p->job.predictor_count; i++) {
        const struct predictor *m = &p->job.predictors[i];
        json_array_append_new(used,
                              json_pack("{s:s, s:I, s:s}", "checkpoint", m->path, "step", (json_int_t)m->step, "model", m->use.model->kind.name));
    }
    return json_pack("{s:o, s:I, s:I, s:O?, s:O?}", "models", used, "rows", (json_int_t)r->rows, "bad_rows", (json_int_t)r->bad_rows, "evaluation",
                     evaluation, "extra_columns", r->extra_columns);
}

static int tell(const struct predicting *p, const struct reading_result *r, struct error *err)
{
    FILE *out = rowjob_told(&p->job);
    struct evaluation *e = p->evaluator ? mem_zero(sizeof *e, err) : NULL;
    json_t *evaluation = NULL;
    char rows[32];
    int rc = p->evaluator && !e ? -ERROR_NOMEM : 0;
    if (rc == 0 && e) rc = evaluator_finish(p->evaluator, e, err);
    if (rc == 0 && e && !(evaluation = evaluation_json(e, "", NULL, err))) rc = -ERROR_NOMEM;
    if (rc == 0 && p->job.options->json) {
        json_t *outcome = outcome_json(p, r, evaluation);
        rc = print_json(out, outcome, err);
        json_decref(outcome);
    } else if (rc == 0) {
        if (evaluation) rc = evaluation_print(out, evaluation, err);
        else fprintf(out, "%s rows\n", str_count(rows, sizeof rows, (double)r->rows));
    }
    json_decref(evaluation);
    mem_free(e);
    return rc;
}

/* A folder of its own below that for temporary files. Without it a job of very many rows has no figures by group, with that reason. */
static void folder_make(struct predicting *p)
{
    const char *below = getenv("TMPDIR");
    int n = snprintf(p->folder, sizeof p->folder, "%s/trainyard-predict-XXXXXX", below && *below ? below : "/tmp");
    if (n < 0 || (size_t)n >= sizeof p->folder || !mkdtemp(p->folder)) p->folder[0] = 0;
}

static void folder_drop(struct predicting *p)
{
    if (*p->folder) rmdir(p->folder);
}

static int predict_all(struct predicting *p, const struct predict_params *params, struct error *err)
{
    const struct predictor *m = p->job.predictors;
    struct reading_result result;
    bool labels = !params->rows.no_labels;
    struct evaluator_config judge = {.lanes = p->job.team.workers,
                                     .loss = m->use.loss,
                                     .outputs = model_outputs(&m->use),
                                     .weighted = *m->recipe.dataset.weight,
                                     .groups = {.wanted = *m->recipe.dataset.group},
                                     .world = &world_real,
                                     .parallel = &p->job.team.parallel};
    if (labels && judge.groups.wanted) folder_make(p);
    judge.folder = *p->folder ? p->folder : NULL;
    if (labels && !(p->evaluator = evaluator_new(&judge, err))) return -(int)err->code;
    struct predict_config config = {.predictors = m,
                                    .predictor_count = p->job.predictor_count,
                                    .reading = p->job.reading,
                                    .form = (labels ? SCORES_LABEL : 0u) | (params->logits ? SCORES_LOGIT : 0u),
                                    .scored = labels ? scored : NULL,
                                    .write = write_out,
                                    .context = p};
    config.reading.judged = labels;
    int rc = predict_run(&config, &result, err);
    if (rc < 0) return rc;
    rc = rowjob_finish(&p->job, &result, err);
    if (rc == 0) rc = tell(p, &result, err);
    json_decref(result.extra_columns);
    return rc;
}

static int predict_command(const struct call *call, struct error *err)
{
    const struct predict_params *params = call->params;
    struct predicting *p = mem_zero(sizeof *p, err);
    if (!p) return -ERROR_NOMEM;
    int rc = rowjob_open(&p->job, &params->rows, err);
    if (rc == 0) rc = predict_all(p, params, err);
    if (p->job.reader_gone) rc = 0;
    evaluator_free(p->evaluator);
    folder_drop(p);
    rowjob_close(&p->job);
    mem_free(p);
    return rc;
}

const struct command command_predict = {
    .name = "predict",
    .summary = "Score rows with a checkpoint, as fast as they can be read.",
    .details =
        "Prints a header and then a line a row, in the rows' order: row TAB label TAB score, where row counts from 0 over all files, and score is "
        "the probability of a 1, calibrated when the model is, or the mean that another loss predicts; where labels are classes, a probability each. "
        "The lines equal those of the run's scores.tsv. The checkpoint alone is enough: it "
        "says how its rows are read. When the rows have labels, metrics follow (on standard error when the scores go to standard output), by weight "
        "and "
        "group where the model was trained with these; those columns must be there then. Columns for the time or of type ignore need never be.",
    .operands = "",
    .args = predict_args,
    .common_args = rowjob_args,
    .params_size = sizeof(struct predict_params),
    .usage_exit = 64,
    .exits = rowjob_exits,
    .example = "trainyard predict --checkpoint runs/ctr < clicks.tsv.gz > scores.tsv",
    .run = predict_command};

/* trainyard export: a model's weights and embeddings as text, for the values that stand in some rows. The work is engine/predict/export's. */
#include <inttypes.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/str.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/rowjob.h"
#include "engine/predict/export.h"

static int write_out(void *context, const void *text, size_t size, struct error *err) { return rowjob_write(context, text, size, err); }

static int tell(const struct rowjob *job, const struct export_result *r, struct error *err)
{
    const struct predictor *m = job->predictors;
    char values[32], rows[32];
    if (job->options->json) {
        json_t *outcome = json_pack("{s:s, s:I, s:s, s:I, s:I, s:I}", "checkpoint", m->path, "step", (json_int_t)m->step, "model",
                                    m->use.model->kind.name, "rows", (json_int_t)r->read.rows, "bad_rows", (json_int_t)r->read.bad_rows, "values",
                                    (json_int_t)r->values);
        int rc = print_json(rowjob_told(job), outcome, err);
        json_decref(outcome);
        return rc;
    }
    fprintf(rowjob_told(job), "%s values of %s rows\n", str_count(values, sizeof values, (double)r->values),
            str_count(rows, sizeof rows, (double)r->read.rows));
    return 0;
}

static int export_command(const struct call *call, struct error *err)
{
    const struct rowjob_options *options = call->params;
    struct export_result result;
    struct rowjob *job = mem_zero(sizeof *job, err);
    if (!job) return -ERROR_NOMEM;
    int rc = options->checkpoints.count > 1 ? error_set(err, ERROR_USAGE, NULL, "export takes one --checkpoint: each model has weights of its own")
                                            : rowjob_open(job, options, err);
    struct export_config config = {.predictor = job->predictors, .reading = job->reading, .write = write_out, .context = job};
    if (rc == 0) rc = export_run(&config, &result, err);
    if (rc == 0) rc = rowjob_finish(job, &result.read, err);
    if (rc == 0) rc = tell(job, &result, err);
    if (job->reader_gone) rc = 0;
    rowjob_close(job);
    mem_free(job);
    return rc;
}

const struct command command_export = {
    .name = "export",
    .summary = "Print a model's weights and embeddings as text, value by value.",
    .details =
        "A header, then a line a value in order of first appearance: field TAB value TAB the columns of each table (linear, embedding.1 ...; "
        "of classes linear.p0, "
        "linear.p1 ..., as predict calls them) TAB slot TAB trained. Values that share a feature are one line, named by what they have in "
        "common: (any number) of a numeric column, a bin by its edges, (other) of what a vocabulary lacks. trained is 0 for a value that training "
        "never saw: its figures are the initial ones. Of tensors that belong to no value (bias), see: trainyard checkpoint show.",
    .operands = "",
    .common_args = rowjob_args,
    .params_size = sizeof(struct rowjob_options),
    .usage_exit = 64,
    .exits = rowjob_exits,
    .example = "trainyard export --checkpoint runs/ctr --in clicks.tsv.gz --out embeddings.tsv",
    .run = export_command};

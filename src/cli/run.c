/* trainyard run: one job in this process. All the work is engine/train's; here the options come in, progress goes to standard error
 * and the outcome to standard output. The server starts its runs through this same command. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "base/str.h"
#include "cli/bar.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/print.h"
#include "cli/registries.h"
#include "contract/rundir.h"
#include "contract/spec.h"
#include "engine/train/run.h"

enum { PLAIN_EVERY_MS = 10000, EVALUATION_MAX_BYTES = 16 << 20 };

struct run_params {
    const char *dir, *cache;
    int64_t workers;
    bool json, quiet;
};

#define AT(field) offsetof(struct run_params, field)
static const struct arg run_args[] = {
    {.name = "dir",
     .letter = 'd',
     .type = ARG_TEXT,
     .offset = AT(dir),
     .value = "DIR",
     .required = true,
     .help = "run directory: made when missing, resumed from its newest checkpoint when it has one"},
    ARG_WORKERS(AT(workers), "threads that train, over the specification's; never changes the model. 0: as the specification says"),
    {.name = "cache",
     .type = ARG_TEXT,
     .offset = AT(cache),
     .value = "DIR",
     .help = "block cache; default $TRAINYARD_CACHE, else $XDG_CACHE_HOME/trainyard, else ~/.cache/trainyard"},
    ARG_JSON(AT(json), "print the outcome as one JSON object"),
    ARG_QUIET(AT(quiet), "no progress, only warnings and the outcome"),
    {0}};

static json_t *read_evaluation(const char *dir, struct error *err)
{
    char path[PATH_SIZE];
    struct bytes text;
    json_t *evaluation = NULL;
    bytes_init(&text, EVALUATION_MAX_BYTES);
    if (path_join(path, dir, RUNDIR_EVALUATION, err) == 0 && file_slurp(&world_real, path, &text, err) == 0)
        evaluation = json_read(text.data, text.size, path, err);
    bytes_close(&text);
    return evaluation;
}

static int print_outcome(const struct run_params *params, const struct run_result *result, const json_t *evaluation, struct error *err)
{
    if (params->json) {
        json_t *out = json_pack("{s:s, s:I, s:I, s:s, s:s, s:O}", "dir", params->dir, "steps", (json_int_t)result->steps, "rows",
                                (json_int_t)result->rows, "checkpoint", result->final_path, "sha256", result->sha256, "evaluation", evaluation);
        int rc = print_json(stdout, out, err);
        json_decref(out);
        return rc;
    }
    int rc = evaluation_print(stdout, evaluation, err);
    printf("%" PRIu64 " step%s over %" PRIu64 " row%s\n", result->steps, str_s(result->steps), result->rows, str_s(result->rows));
    if (*result->final_path) printf("%s  sha256 %s\n", result->final_path, result->sha256);
    else printf("each fold's model is %s/" RUNDIR_FOLDS "/<fold>/" RUNDIR_FINAL "\n", params->dir);
    return rc;
}

static int run_run(const struct call *call, struct error *err)
{
    const struct run_params *params = call->params;
    struct bar bar;
    struct run_result result = {0};
    bar_init(&bar, &world_real, params->quiet, PLAIN_EVERY_MS);
    struct run_options options = {.world = &world_real,
                                  .registry = &registry_all,
                                  .spec_path = call->operands[0],
                                  .dir = params->dir,
                                  .workers = (unsigned)params->workers,
                                  .cache_dir = params->cache,
                                  .progress = {&bar, bar_progress, bar_note}};
    int rc = run_job(&options, &result, err);
    bar_end(&bar);
    if (rc < 0) return rc;
    json_t *evaluation = read_evaluation(params->dir, err);
    if (!evaluation) return -(int)err->code;
    rc = print_outcome(params, &result, evaluation, err);
    json_decref(evaluation);
    return rc;
}

static const struct exit_row run_exits[] = {
    {0, "succeeded"},
    {64, "wrong usage"},
    {65, "bad data (also data that are not there) or a bad specification: the message names file, line and field"},
    {66, "the specification or a folder is not there"},
    {69, "a remote source of the data could not be reached, or was cut too often"},
    {70, "internal error, or training diverged"},
    {71, "out of memory"},
    {73, "no space left on a disk"},
    {74, "input or output failed"},
    {75, "stopped and resumable, or another run holds the directory"},
    {77, "a file or folder may not be read or written"},
    {0}};

const struct command command_run = {
    .name = "run",
    .summary = "Train and evaluate one job in this process.",
    .details = "SIGTERM and Ctrl-C write a checkpoint and stop; the same command then goes on from it, as it does after a kill. The checkpoint's "
               "bits depend on the specification and the data alone, not on --workers.",
    .operands = "SPEC.json",
    .operands_min = 1,
    .operands_max = 1,
    .args = run_args,
    .params_size = sizeof(struct run_params),
    .usage_exit = 64,
    .exits = run_exits,
    .example = "trainyard run jobs/ctr.json --dir runs/ctr --workers 2",
    .run = run_run};

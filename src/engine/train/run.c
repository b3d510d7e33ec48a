/* One job from spec to evaluated model. The order: spec, directory and lock, events, team, data, then its folds (one, or K of a K-fold split): each
 * trained and evaluated. Whatever fails, the last event says how the run ended. */
#include "engine/train/run.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "contract/job.h"
#include "engine/train/admit.h"
#include "engine/train/folds.h"
#include "engine/train/groups.h"
#include "engine/train/job_data.h"
#include "engine/train/judge.h"
#include "engine/train/passing.h"
#include "engine/train/report.h"
#include "engine/train/stop.h"
#include "engine/train/warm_start.h"

static void job_choose(struct job *job)
{
    const struct spec_kind *chosen = job->spec.chosen;
    job->model.model = (const struct model *)chosen[SECTION_MODEL].kind; /* each row starts with its struct kind */
    optim_choose(&job->spec, job->optim);
    job->codec = (const struct codec *)chosen[SECTION_CODEC].kind;
    job->aggregate = (const struct aggregate *)chosen[SECTION_AGGREGATE].kind;
    job->strategy = job->optim[GROUP_EMBEDDING].optimizer->whole ? &strategy_lbfgs : (const struct strategy *)chosen[SECTION_STRATEGY].kind;
    job->ensemble = (const struct ensemble *)chosen[SECTION_ENSEMBLE].kind;
    job->model.params = chosen[SECTION_MODEL].params;
    job->model.loss = model_loss(job->model.model, (const struct loss *)chosen[SECTION_LOSS].kind);
    job->codec_params = chosen[SECTION_CODEC].params;
    job->aggregate_params = chosen[SECTION_AGGREGATE].params;
    job->splitter = (struct splitter){.split = (const struct split *)chosen[SECTION_SPLIT].kind, .params = chosen[SECTION_SPLIT].params};
    job->folds = job->splitter.split->folds ? job->splitter.split->folds(job->splitter.params) : 1;
}

/* The last event: how it ended, with a cause in words. */
static void job_conclude(struct job *job, int rc, const struct error *err)
{
    if (rc == 0) {
        report_state(job, "succeeded", "done", "");
        return;
    }
    if (err->code == ERROR_STOPPED) {
        report_state(job, "stopped", "asked", err->msg);
        return;
    }
    enum job_cause cause = err->code == ERROR_DIVERGED ? CAUSE_DIVERGED : job_cause_of_exit(error_exit_code(err->code));
    json_t *body = json_pack("{s:s, s:s, s:s, s:s, s:b}", "state", "failed", "reason", job_cause_name(cause), "message", err->msg, "cause",
                             job_cause_name(cause), "retryable", job_cause_retryable(cause));
    job_event(job, EVENT_STATE, body, NULL);
}

/* The message says which field of the specification it is about, if it does not do so by itself: "/model/hash_bits", "model.hash_bits", or of
 * dataset.uri the file. */
static void error_name_field(struct error *err)
{
    char dotted[sizeof err->field];
    size_t n = strlen(err->field);
    for (size_t i = 0; i < n; i++) dotted[i] = i + 1 == n || err->field[i + 1] != '/' ? err->field[i + 1] : '.';
    if (n > 0 && strcmp(err->field, "/dataset/uri") != 0 && !strstr(err->msg, err->field) && !strstr(err->msg, dotted))
        error_wrap(err, "%s", err->field);
}

static int job_work(struct job *job, const struct run_options *options, struct run_result *result, struct error *err)
{
    int rc = spec_admit(job, err);
    if (rc == 0) rc = job_open_data(job, options->cache_dir, err);
    if (rc == 0) rc = judge_slices(job, err);
    return rc < 0 ? rc : job_run_folds(job, result, err);
}

static void job_close(struct job *job)
{
    mem_free(job->texts.list);
    json_decref(job->file_hashes);
    passing_close(job->passing);
    dataset_free(job->dataset);
    team_stop(&job->team);
    event_writer_close(job->events, NULL);
    spec_close(&job->spec);
    rundir_close(&job->dir);
}

static int spec_publish(struct job *job, struct error *err)
{
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, SPEC_MAX_BYTES);
    json_t *json = spec_write(&job->spec, err);
    int rc = json ? json_write_pretty(json, &text, err) : -(int)err->code;
    if (rc == 0) rc = path_join(path, job->dir.path, RUNDIR_SPEC, err);
    if (rc == 0) rc = file_publish(job->world, path, text.data, text.size, err);
    json_decref(json);
    bytes_close(&text);
    return rc;
}

static unsigned workers_count(const struct job *job, const struct run_options *options)
{
    int64_t workers = options->workers ? (int64_t)options->workers : job->spec.train.workers;
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (workers == 0) workers = cores > 0 ? cores : 1;
    if (workers > job->spec.train.shards) workers = job->spec.train.shards;
    return (unsigned)(workers > WORKERS_MAX ? WORKERS_MAX : workers);
}

static int job_team(struct job *job, const struct run_options *options, struct error *err)
{
    unsigned workers = workers_count(job, options);
    return team_start(&job->team, workers, job->strategy->passes ? passing_threads(workers) : 0, err);
}

int run_job(const struct run_options *options, struct run_result *result, struct error *err)
{
    struct job *job = mem_zero(sizeof *job, err);
    char events[PATH_SIZE];
    int rc = job ? 0 : -ERROR_NOMEM;
    *result = (struct run_result){0};
    if (rc < 0) return rc;
    job->world = options->world;
    job->registry = options->registry;
    job->progress = options->progress;
    stop_signals_catch();
    if ((rc = spec_load(&job->spec, options->world, options->spec_path, options->registry, err)) < 0) goto out;
    job_choose(job);
    if ((rc = rundir_open(&job->dir, options->world, options->dir, err)) < 0) goto out;
    if ((rc = path_join(events, job->dir.path, RUNDIR_EVENTS, err)) < 0) goto out;
    if (!(job->events = event_writer_open(options->world, events, err))) {
        rc = -(int)err->code;
        goto out;
    }
    report_state(job, "starting", "started", "");
    if ((rc = warm_start_identify(&job->spec, options->world, err)) == 0 && (rc = spec_digest(&job->spec, job->digest, err)) == 0 &&
        (rc = spec_publish(job, err)) == 0 && (rc = job_team(job, options, err)) == 0)
        rc = job_work(job, options, result, err);
    if (rc < 0) error_name_field(err);
    job_conclude(job, rc, err);
    result->succeeded = rc == 0;
out:
    job_close(job);
    mem_free(job);
    return rc;
}

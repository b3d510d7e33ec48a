/* One job from spec to evaluated model. The order: directory and lock, spec, events, team, data, parameters (or a checkpoint), strategy, final
 * checkpoint, evaluation. Whatever fails, the last event says how the run ended. */
#include "engine/train/run.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "contract/job.h"
#include "engine/train/checkpoint.h"
#include "engine/train/job.h"
#include "engine/train/report.h"
#include "engine/train/score.h"
#include "engine/train/stop.h"

enum { ENTRY_MAX_BYTES = 4096 };

static bool dataset_cancelled(void *context) { return job_stop_asked(context) != 0; }

static void dataset_progress(void *context, uint64_t done, uint64_t total, uint64_t rows)
{
    struct job *job = context;
    struct progress p = {.phase = PROGRESS_READING,
                         .done = done,
                         .total = total,
                         .rows = rows,
                         .rows_per_s = 0.0 / 0.0,
                         .loss = 0.0 / 0.0,
                         .auc = 0.0 / 0.0,
                         .eta_ms = -1};
    progress_tell(&job->progress, &p);
}

static void job_choose(struct job *job)
{
    const struct spec_kind *chosen = job->spec.chosen;
    job->model = (const struct model *)chosen[SECTION_MODEL].kind; /* each row starts with its struct kind */
    job->optimizer = (const struct optimizer *)chosen[SECTION_OPTIMIZER].kind;
    job->codec = (const struct codec *)chosen[SECTION_CODEC].kind;
    job->aggregate = (const struct aggregate *)chosen[SECTION_AGGREGATE].kind;
    job->strategy = (const struct strategy *)chosen[SECTION_STRATEGY].kind;
    job->model_params = chosen[SECTION_MODEL].params;
    job->optimizer_params = chosen[SECTION_OPTIMIZER].params;
    job->codec_params = chosen[SECTION_CODEC].params;
    job->aggregate_params = chosen[SECTION_AGGREGATE].params;
    job->splitter = (struct splitter){.split = (const struct split *)chosen[SECTION_SPLIT].kind, .params = chosen[SECTION_SPLIT].params};
}

uint64_t run_memory_bytes(const struct spec *spec)
{
    struct param_desc descs[TENSORS_MAX];
    const struct model *model = (const struct model *)spec->chosen[SECTION_MODEL].kind;
    const struct optimizer *optimizer = (const struct optimizer *)spec->chosen[SECTION_OPTIMIZER].kind;
    size_t count = model->describe(spec->chosen[SECTION_MODEL].params, descs);
    uint64_t tables = params_bytes(descs, count, (uint32_t)spec->model.hash_bits, optimizer->states);
    return 2 * tables + (256ull << 20); /* parameters, their snapshot, and the windows and buffers of a run */
}

/* A model that cannot fit says so before it starts. */
static int job_admit(const struct job *job, struct error *err)
{
    char need[32], have[32];
    uint64_t bytes = run_memory_bytes(&job->spec), limit = (uint64_t)job->spec.resources.max_memory_bytes;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    uint64_t machine = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page : UINT64_MAX;
    if (limit == 0 || limit > machine) limit = machine;
    if (bytes <= limit) return 0;
    return error_set(err, ERROR_NOMEM, "/model/hash_bits",
                     "the model needs up to %s (2^%" PRId64 " slots with optimiser state and a snapshot), there are %s; lower model.hash_bits",
                     str_bytes(need, sizeof need, bytes), job->spec.model.hash_bits, str_bytes(have, sizeof have, limit));
}

static int cache_dir_find(const struct run_options *options, char out[PATH_SIZE], struct error *err)
{
    const char *cache = options->cache_dir ? options->cache_dir : getenv("TRAINYARD_CACHE"), *home;
    if (cache && *cache) return path_join(out, cache, "", err);
    if ((cache = getenv("XDG_CACHE_HOME")) && *cache) return path_join(out, cache, "trainyard", err);
    if ((home = getenv("HOME")) && *home) return path_join(out, home, ".cache/trainyard", err);
    return path_join(out, options->dir, "cache", err);
}

/* The entry that an earlier attempt over standard input left, "" when there was none. */
static int entry_recall(const struct job *job, char entry[DATASET_DIGEST_SIZE], struct error *err)
{
    char path[PATH_SIZE];
    struct bytes text;
    json_t *json = NULL;
    entry[0] = 0;
    int rc = path_join(path, job->dir.path, RUNDIR_DATASET, err);
    if (rc < 0 || !path_exists(job->world, path)) return rc;
    bytes_init(&text, ENTRY_MAX_BYTES);
    if ((rc = file_slurp(job->world, path, &text, err)) == 0 && !(json = json_read(text.data, text.size, path, err))) rc = -(int)err->code;
    const char *name = json_string_value(json_object_get(json, "entry"));
    if (rc == 0 && (!name || !str_copy(entry, DATASET_DIGEST_SIZE, name)))
        rc = error_set(err, ERROR_DATA, NULL, "%s: \"entry\" names no block cache; remove the file and pipe the data in again", path);
    json_decref(json);
    bytes_close(&text);
    return rc;
}

static int entry_remember(const struct job *job, struct error *err)
{
    char path[PATH_SIZE], text[DATASET_DIGEST_SIZE + 32];
    if (!dataset_info(job->dataset)->once) return 0;
    int n = snprintf(text, sizeof text, "{\"entry\": \"%s\"}\n", dataset_info(job->dataset)->digest);
    int rc = path_join(path, job->dir.path, RUNDIR_DATASET, err);
    return rc < 0 ? rc : file_publish(job->world, path, text, (size_t)n, err);
}

static int job_open_data(struct job *job, const struct run_options *options, struct error *err)
{
    char cache[PATH_SIZE], entry[DATASET_DIGEST_SIZE], text[32];
    int rc = cache_dir_find(options, cache, err);
    if (rc == 0) rc = entry_recall(job, entry, err);
    if (rc < 0) return rc;
    const struct spec *spec = &job->spec;
    struct dataset_config config = {.world = job->world,
                                    .uris = spec->dataset.uris,
                                    .uri_count = spec->dataset.uri_count,
                                    .format = spec->chosen[SECTION_FORMAT].kind,
                                    .format_params = spec->chosen[SECTION_FORMAT].params,
                                    .hash_seed = (uint64_t)spec->features.hash_seed,
                                    .weight = spec->dataset.weight,
                                    .group = spec->dataset.group,
                                    .time = spec->dataset.time,
                                    .max_bad_rows = spec->dataset.max_bad_rows,
                                    .cache_dir = cache,
                                    .entry = *entry ? entry : NULL,
                                    .parallel = &job->team.parallel,
                                    .progress = {job, dataset_progress, dataset_cancelled}};
    if (!(job->dataset = dataset_open(&config, err))) return -(int)err->code;
    const struct dataset_info *info = dataset_info(job->dataset);
    if ((rc = entry_remember(job, err)) < 0) return rc;
    if (info->bad_rows > 0)
        report_log(job, PROGRESS_WARN, "%" PRIu64 " bad rows skipped (dataset.max_bad_rows allows %" PRId64 "); the first: %s", info->bad_rows,
                   spec->dataset.max_bad_rows, info->first_bad);
    if ((rc = sides_count(&job->sides, job->dataset, &job->splitter, &job->team.parallel, err)) < 0) return rc;
    report_log(job, PROGRESS_INFO, "%" PRIu64 " rows (%" PRIu64 " train, %" PRIu64 " validation, %" PRIu64 " test), %s", info->rows,
               job->sides.totals[SIDE_TRAIN], job->sides.totals[SIDE_VALIDATION], job->sides.totals[SIDE_TEST],
               info->from_cache && info->once ? "from the block cache; standard input is not read"
               : info->from_cache             ? "from the block cache"
                                              : str_bytes(text, sizeof text, info->source_bytes));
    if (job->sides.totals[SIDE_TRAIN] == 0)
        return error_set(err, ERROR_DATA, "/split",
                         "no row is on the training side (%" PRIu64 " rows in all); lower split.test_fraction or give more data", info->rows);
    if (spec->train.early_stopping_patience > 0 && job->sides.totals[SIDE_VALIDATION] == 0)
        return error_set(err, ERROR_INVALID, "/split/validation_fraction",
                         "early stopping needs a validation side: set split.validation_fraction > 0");
    return 0;
}

static int job_open_model(struct job *job, struct error *err)
{
    struct param_desc descs[TENSORS_MAX];
    float initial[STATES_MAX] = {0};
    size_t count = job->model->describe(job->model_params, descs), shards = (size_t)job->spec.train.shards;
    if (job->optimizer->initial) job->optimizer->initial(job->optimizer_params, initial);
    int rc = params_init(&job->params, descs, count, (uint32_t)job->spec.model.hash_bits, job->optimizer->states, initial,
                         (uint64_t)job->spec.train.seed, err);
    if (rc < 0) return rc;
    if (!(job->shards = mem_array(shards, 1, sizeof *job->shards, err))) return -ERROR_NOMEM;
    for (size_t s = 0; s < shards; s++) shard_init(&job->shards[s], job);
    return 0;
}

static int job_resume(struct job *job, struct error *err)
{
    struct error none = {0};
    int rc = checkpoint_load_newest(job, &none);
    if (rc == 0) {
        report_log(job, PROGRESS_INFO, "resumed from the checkpoint of step %" PRIu64, job->cursor.step);
        return 0;
    }
    if (none.code != ERROR_NOTFOUND) return error_set(err, none.code, none.field, "%s", none.msg);
    job->cursor = (struct cursor){0};
    return 0;
}

static int evaluation_publish(struct job *job, const struct evaluation *e, enum split_side side, struct error *err)
{
    static const char *const names[SIDES] = {"train", "validation", "test"};
    char path[PATH_SIZE];
    struct bytes text;
    bytes_init(&text, 4 << 20);
    json_t *json = evaluation_json(e, names[side], NULL, err);
    int rc = json ? json_write_pretty(json, &text, err) : -ERROR_NOMEM;
    if (rc == 0) rc = path_join(path, job->dir.path, RUNDIR_EVALUATION, err);
    if (rc == 0) rc = file_publish(job->world, path, text.data, text.size, err);
    bytes_close(&text);
    if (rc < 0) {
        json_decref(json);
        return rc;
    }
    return event_write(job->events, EVENT_EVALUATION, job->cursor.step, json, err);
}

/* The test side; where the split leaves none, the validation or at last the training side, said so in the file. */
static int job_evaluate(struct job *job, struct error *err)
{
    enum split_side side = job->sides.totals[SIDE_TEST] ? SIDE_TEST : job->sides.totals[SIDE_VALIDATION] ? SIDE_VALIDATION : SIDE_TRAIN;
    char scores[PATH_SIZE];
    struct evaluation e;
    int rc = path_join(scores, job->dir.path, RUNDIR_SCORES, err);
    if (rc == 0) rc = score_side(job, side, job->spec.evaluate.scores ? scores : NULL, &e, err);
    return rc < 0 ? rc : evaluation_publish(job, &e, side, err);
}

static int job_finish(struct job *job, struct run_result *result, struct error *err)
{
    int rc = checkpoint_save(job->checkpointer, CHECKPOINT_FINAL, err);
    uint64_t step = job->spec.train.early_stopping_patience > 0 && job->best.step > 0 ? job->best.step : job->cursor.step;
    result->steps = job->cursor.step;
    result->rows = job->cursor.rows;
    if (rc == 0) rc = checkpoint_finish(job->checkpointer, step, result->final_path, result->sha256, err);
    if (rc == 0 && step != job->cursor.step) rc = checkpoint_load(job, step, err);
    return rc < 0 ? rc : job_evaluate(job, err);
}

static int job_work(struct job *job, const struct run_options *options, struct run_result *result, struct error *err)
{
    int rc = job_admit(job, err);
    if (rc == 0) rc = job_open_data(job, options, err);
    if (rc == 0) rc = job_open_model(job, err);
    if (rc == 0) rc = job_resume(job, err);
    if (rc < 0) return rc;
    if (!(job->checkpointer = checkpointer_new(job, err)) || !(job->report = report_new(job, err))) return -ERROR_NOMEM;
    report_state(job, "running", job->cursor.step ? "resumed" : "started", "");
    rc = job->strategy->train(job, err);
    return rc < 0 ? rc : job_finish(job, result, err);
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
    event_write(job->events, EVENT_STATE, job->cursor.step, body, NULL);
}

static void job_close(struct job *job)
{
    checkpointer_free(job->checkpointer);
    report_free(job->report);
    for (int64_t s = 0; job->shards && s < job->spec.train.shards; s++) shard_close(&job->shards[s]);
    mem_free(job->shards);
    params_close(&job->params);
    sides_close(&job->sides);
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

int run_job(const struct run_options *options, struct run_result *result, struct error *err)
{
    struct job *job = mem_zero(sizeof *job, err);
    char events[PATH_SIZE];
    int rc = job ? 0 : -ERROR_NOMEM;
    *result = (struct run_result){0};
    if (rc < 0) return rc;
    job->world = options->world;
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
    if ((rc = spec_digest(&job->spec, job->digest, err)) == 0 && (rc = spec_publish(job, err)) == 0 &&
        (rc = team_start(&job->team, workers_count(job, options), err)) == 0)
        rc = job_work(job, options, result, err);
    job_conclude(job, rc, err);
    result->succeeded = rc == 0;
out:
    job_close(job);
    mem_free(job);
    return rc;
}

/* The job's data set: where its block cache is, and how an attempt over standard input finds what an earlier one left there. */
#include "engine/train/job_data.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "engine/data/format/format.h"
#include "engine/data/texts.h"
#include "engine/train/admit.h"
#include "engine/train/numbers.h"
#include "engine/train/passing.h"
#include "engine/train/report.h"
#include "engine/train/stop.h"

enum { ENTRY_MAX_BYTES = 4096, PUT_OFF_MS = 10000 };

/* A stop lets rows be judged that come soon: little is left of the work then, and it would be done anew. */
static bool put_off(struct job *job)
{
    int64_t now = world_mono_ms(job->world), none = 0;
    if (atomic_compare_exchange_strong(&job->put_off_ms, &none, now)) return true;
    return now - none < PUT_OFF_MS;
}

static bool dataset_cancelled(void *context)
{
    struct job *job = context;
    int stop = job_stop_asked(job);
    if (atomic_load(&job->abandoned)) return true;
    return stop == 1 && atomic_load(&job->judging) ? !put_off(job) : stop != 0;
}

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

static int cache_dir_find(const struct job *job, const char *wish, char out[PATH_SIZE], struct error *err)
{
    const char *cache = wish ? wish : getenv("TRAINYARD_CACHE"), *home;
    if (cache && *cache) return path_join(out, cache, "", err);
    if ((cache = getenv("XDG_CACHE_HOME")) && *cache) return path_join(out, cache, "trainyard", err);
    if ((home = getenv("HOME")) && *home) return path_join(out, home, ".cache/trainyard", err);
    return path_join(out, job->dir.path, "cache", err);
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

/* All files in the order in which they are read: what trains, older rows, then what is held out. Borrowed texts; *uris: mem_free. */
static int uris_join(const struct spec *spec, char ***uris, size_t *count, struct error *err)
{
    const struct spec_uris *const parts[] = {&spec->dataset.uri, &spec->replay.uri, &spec->split.validation_uri, &spec->split.test_uri};
    *count = parts[0]->count + parts[1]->count + parts[2]->count + parts[3]->count;
    if (!(*uris = mem_array(*count + 1, 1, sizeof **uris, err))) return -ERROR_NOMEM;
    for (size_t p = 0, n = 0; p < 4; p++)
        for (size_t i = 0; i < parts[p]->count; i++) (*uris)[n++] = parts[p]->list[i];
    return 0;
}

/* Everything but cache and entry. config->uris is the caller's to mem_free(). */
static int config_of(struct job *job, struct dataset_config *config, struct error *err)
{
    const struct spec *spec = &job->spec;
    char **uris;
    *config = (struct dataset_config){.world = job->world,
                                      .replayed = spec->replay.uri.count,
                                      .held_out_validation = spec->split.validation_uri.count,
                                      .held_out_test = spec->split.test_uri.count,
                                      .format = spec->chosen[SECTION_FORMAT].kind,
                                      .format_params = spec->chosen[SECTION_FORMAT].params,
                                      .hash_seed = (uint64_t)spec->features.hash_seed,
                                      .weight = spec->dataset.weight,
                                      .group = spec->dataset.group,
                                      .time = spec->dataset.time,
                                      .crosses = spec->features.crosses,
                                      .labels = model_labels(&job->model),
                                      .max_bad_rows = spec->dataset.max_bad_rows,
                                      .parallel = &job->team.parallel,
                                      .patience = {.connect_timeout_ms = spec->dataset.connect_timeout_ms,
                                                   .idle_timeout_ms = spec->dataset.idle_timeout_ms,
                                                   .tries = (unsigned)spec->dataset.tries,
                                                   .backoff_ms = spec->dataset.backoff_ms},
                                      .progress = {job, dataset_progress, dataset_cancelled}};
    int rc = uris_join(spec, &uris, &config->uri_count, err);
    config->uris = uris;
    return rc;
}

/* What only the statistics of all training rows could make something of. */
static int fields_pass(const struct job *job, struct error *err)
{
    const char *name;
    for (size_t f = 0; (name = dataset_field_name(job->dataset, f)); f++)
        if (dataset_field_kind(job->dataset, f).fit == FIT_QUANTILE || dataset_field_kind(job->dataset, f).fit == FIT_NORMALISED)
            return error_set(err, ERROR_INVALID, "/dataset/schema",
                             "column \"%.60s\" is made of the statistics of all training rows, and strategy \"%s\" sees each row once; give it type "
                             "buckets(e1;e2;...) or log, or take strategy \"sync\"",
                             name, job->strategy->kind.name);
    return 0;
}

static int text_open(struct job *job, struct error *err)
{
    struct dataset_config config;
    int rc = config_of(job, &config, err);
    if (rc < 0) return rc;
    job->file_hashes = format_files_hashes(job->world, config.format, config.format_params, err);
    if (job->file_hashes) job->dataset = dataset_open_text(&config, err);
    mem_free((void *)(uintptr_t)config.uris);
    if (job->dataset) job->passing = passing_open(job, err);
    if (!job->passing) return -(int)err->code;
    job->model.shape = (struct model_shape){.fields = dataset_info(job->dataset)->fields};
    rc = fields_pass(job, err);
    return rc < 0 ? rc : model_admit(job, err);
}

int job_open_data(struct job *job, const char *cache_dir, struct error *err)
{
    if (job->strategy->passes) return text_open(job, err);
    char cache[PATH_SIZE], entry[DATASET_DIGEST_SIZE], text[32];
    int rc = cache_dir_find(job, cache_dir, cache, err);
    if (rc == 0) rc = entry_recall(job, entry, err);
    if (rc != 0) return rc;
    struct dataset_config config;
    if ((rc = config_of(job, &config, err)) < 0) return rc;
    config.cache_dir = cache;
    config.entry = *entry ? entry : NULL;
    job->file_hashes = format_files_hashes(job->world, config.format, config.format_params, err);
    if (job->file_hashes) job->dataset = dataset_open(&config, err);
    mem_free((void *)(uintptr_t)config.uris);
    if (!job->dataset) return -(int)err->code;
    const struct dataset_info *info = dataset_info(job->dataset);
    job->model.shape = (struct model_shape){.fields = info->fields};
    if ((rc = entry_remember(job, err)) < 0) return rc;
    if (job->model.model->check && (rc = job->model.model->check(job->model.params, job->model.shape, err)) < 0) return rc;
    if ((rc = job_check_numbers(job, err)) < 0) return rc;
    if ((rc = model_admit(job, err)) < 0) return rc;
    report_bad_rows(job);
    report_log(job, PROGRESS_INFO, "%" PRIu64 " row%s, %s", info->rows, str_s(info->rows),
               info->from_cache && info->once ? "from the block cache; standard input is not read"
               : info->from_cache             ? "from the block cache"
                                              : str_bytes(text, sizeof text, info->source_bytes));
    return 0;
}

int job_texts_find(struct job *job, struct value_text *wanted, size_t count, uint64_t text_bytes_max, struct error *err)
{
    struct dataset_config config;
    int rc = config_of(job, &config, err);
    if (rc < 0) return rc;
    if (dataset_info(job->dataset)->once) rc = error_set(err, ERROR_DATA, "/dataset/uri", "it came through standard input");
    if (rc == 0) rc = texts_find(&config, dataset_info(job->dataset)->fields, wanted, count, text_bytes_max, err);
    mem_free((void *)(uintptr_t)config.uris);
    return rc;
}

#include "lib/job_kit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/registries.h"
#include "contract/rundir.h"
#include "lib/test.h"

int job_kit_run(const struct job_kit *kit, const char *spec, const char *dir, struct run_result *result, struct error *err)
{
    char path[PATH_SIZE], run[PATH_SIZE], cache[PATH_SIZE], text[4096];
    snprintf(path, sizeof path, "%.*s/spec.json", 3000, kit->root);
    snprintf(run, sizeof run, "%.*s/%s", 3000, kit->root, dir);
    snprintf(cache, sizeof cache, "%.*s/cache-%s", 3000, kit->root, kit->cache ? kit->cache : kit->world == &world_real ? "real" : dir);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int n = snprintf(text, sizeof text, spec, kit->root);
#pragma GCC diagnostic pop
    for (char *c = text; *c; c++)
        if (*c == '\'') *c = '"';
    test_write_file(path, text, (size_t)n);
    struct run_options options = {.world = kit->world,
                                  .registry = &registry_all,
                                  .spec_path = path,
                                  .dir = run,
                                  .workers = kit->workers,
                                  .cache_dir = cache,
                                  .progress = kit->progress};
    setenv("UV_THREADPOOL_SIZE", "32", 0); /* one pool for all runs of this process */
    *err = (struct error){0};
    return run_job(&options, result, err);
}

unsigned job_kit_stops;

void job_kit_stop(void *context, const struct progress *p)
{
    (void)context;
    if (p->phase != PROGRESS_TRAINING || job_kit_stops == 0) return;
    job_kit_stops--;
    raise(SIGTERM);
}

void job_kit_same_bits(const struct job_kit *base, const char *spec, const char *name)
{
    struct job_kit kit = *base;
    struct run_result want, got;
    struct error err;
    char dir[96];
    for (kit.workers = 1; kit.workers <= 4; kit.workers *= 2) {
        snprintf(dir, sizeof dir, "%s-%u", name, kit.workers);
        assert_ok(job_kit_run(&kit, spec, dir, kit.workers == 1 ? &want : &got, &err), &err);
        if (kit.workers > 1 && strcmp(want.sha256, got.sha256) != 0) fail_msg("%s: %u workers give other bits than 1", name, kit.workers);
    }
    kit.progress.progress = job_kit_stop;
    snprintf(dir, sizeof dir, "%s-stops", name);
    for (unsigned stop = 0; stop < 5; stop++) {
        job_kit_stops = 1;
        kit.workers = 1 + stop % 2;
        assert_int_equal(job_kit_run(&kit, spec, dir, &got, &err), -ERROR_STOPPED);
    }
    assert_ok(job_kit_run(&kit, spec, dir, &got, &err), &err);
    if (strcmp(want.sha256, got.sha256) != 0) fail_msg("%s: stops and resumes give other bits", name);
}

void job_kit_final(const struct job_kit *kit, const char *dir, struct safetensors *st)
{
    char path[PATH_SIZE];
    struct error err = {0};
    snprintf(path, sizeof path, "%.*s/%s/" RUNDIR_FINAL, 3000, kit->root, dir);
    assert_ok(safetensors_open(st, kit->world, path, &err), &err);
}

void *job_kit_tensor(const struct safetensors *st, const char *name, uint64_t *count)
{
    struct error err = {0};
    const struct tensor *t = safetensors_find(st, name);
    if (!t) fail_msg("%s: no tensor %s", st->path, name);
    void *data = mem_zero((size_t)t->size_bytes, &err);
    assert_ok(safetensors_read(st, t, 0, data, (size_t)t->size_bytes, &err), &err);
    *count = t->shape[0];
    return data;
}

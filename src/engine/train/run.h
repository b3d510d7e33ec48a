/* `trainyard run`: one job in one process, from a spec file to an evaluated model in a run directory. The same call serves a person at a terminal
 * and the server's child; there is no other way to train. */
#ifndef TRAINYARD_ENGINE_TRAIN_RUN_H
#define TRAINYARD_ENGINE_TRAIN_RUN_H

#include "base/world.h"
#include "contract/registry.h"
#include "engine/train/progress.h"

struct run_options {
    const struct world *world;
    const struct registry *registry;
    const char *spec_path;
    const char *dir;       /* run directory: made when missing; resumed from its newest good checkpoint when it has one */
    unsigned workers;      /* 0: as the spec says */
    const char *cache_dir; /* block cache; NULL: $TRAINYARD_CACHE, else $XDG_CACHE_HOME/trainyard, else ~/.cache/trainyard */
    struct progress_sink progress;
};

struct run_result {
    bool succeeded;
    uint64_t steps, rows;
    char final_path[PATH_SIZE]; /* final.safetensors; "": several folds, each with its own, and no ensemble that is a model */
    char sha256[65];
};

/* run_job: returns 0 when the job is done; else a negative code: ERROR_INVALID, ERROR_DATA (65), ERROR_DIVERGED, ERROR_INTERNAL (70),
 * ERROR_NOMEM (71), ERROR_NOSPACE (73), ERROR_STOPPED (75: SIGTERM, SIGINT or the stop file; run again to resume), ERROR_CONFLICT (another run
 * holds the directory). error_exit_code() gives the exit status. Call it once a process, before anything else uses libuv's pool: it sizes it. */
int run_job(const struct run_options *options, struct run_result *result, struct error *err);

/* run_memory_bytes: what the job takes at most (memory_need.h), of rows of 40 fields, for admission and POST /v1/jobs:validate. */
struct spec;
uint64_t run_memory_bytes(const struct spec *spec);

#endif

/* For tests of the train room: a whole job in this process, from a specification's text to its run directory. */
#ifndef TRAINYARD_TESTS_LIB_JOB_KIT_H
#define TRAINYARD_TESTS_LIB_JOB_KIT_H

#include "contract/safetensors.h"
#include "engine/train/run.h"

struct job_kit {
    const char *root; /* folder of specifications, run directories and caches; %s in a specification */
    const struct world *world;
    unsigned workers;
    const char *cache; /* folder of the block cache, shared by what names it; NULL: one for all of world_real's, else one a run directory */
    struct progress_sink progress;
};

/* job_kit_run: spec with single quotes for double ones, in run directory `dir` below root. *err is zeroed first. */
int job_kit_run(const struct job_kit *kit, const char *spec, const char *dir, struct run_result *result, struct error *err);

/* job_kit_stop, a progress sink's function: as often as job_kit_stops says, SIGTERM to ourselves at a training step that is reported. */
extern unsigned job_kit_stops;
void job_kit_stop(void *context, const struct progress *p);

/* job_kit_same_bits: the same model from 1, 2 and 4 workers, and from a run that was stopped again and again, in run directories `name`-... */
void job_kit_same_bits(const struct job_kit *kit, const char *spec, const char *name);

/* job_kit_final: the run's model, open; it must be there. safetensors_close() it. */
void job_kit_final(const struct job_kit *kit, const char *dir, struct safetensors *st);

/* job_kit_tensor: all of a tensor that must be there; mem_free() it. */
void *job_kit_tensor(const struct safetensors *st, const char *name, uint64_t *count);

#endif

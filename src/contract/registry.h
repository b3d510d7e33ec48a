/* The registry: every table of kinds that a specification may name. cli/registries.c fills it, since only cli/ sees all rooms; the
 * spec parser, the service (GET /v1/kinds, OpenAPI, --help) and the tests loop over it. A section is one object of the spec. */
#ifndef TRAINYARD_CONTRACT_REGISTRY_H
#define TRAINYARD_CONTRACT_REGISTRY_H

#include "base/kind.h"

enum spec_section {                         /* the places of a spec where a kind is chosen */
                    SECTION_FORMAT,         /* dataset.format */
                    SECTION_SPLIT,          /* split.kind */
                    SECTION_MODEL,          /* model.kind */
                    SECTION_OPTIMIZER,      /* optimizer.kind */
                    SECTION_OPTIMIZER_WIDE, /* optimizer_wide.kind */
                    SECTION_OPTIMIZER_DEEP, /* optimizer_deep.kind */
                    SECTION_STRATEGY,       /* train.strategy */
                    SECTION_LOSS,           /* train.loss */
                    SECTION_CODEC,          /* compression.codec */
                    SECTION_AGGREGATE,      /* compression.aggregate */
                    SECTION_CALIBRATION,    /* calibration.kind */
                    SECTION_ENSEMBLE,       /* ensemble.kind */
                    SECTIONS
};

struct spec;
struct registry {
    const struct kind *const *kinds[SECTIONS]; /* NULL-terminated arrays */
    const struct kind *const *sources;         /* schemes of dataset.uri, and "-"; NULL: only files */
    /* settle: what the rooms must agree on once all is read: fills in what follows from other fields, and adds faults. Not for a recipe, which was
     * settled before. NULL: nothing. */
    void (*settle)(struct spec *spec, struct faults *faults);
    /* check: what the chosen format can tell of the data's options, crosses and slices before any data is read; beside other faults, too, as soon as
     * the format is known. Not for a recipe. A negative code: out of memory. NULL: nothing. */
    int (*check)(const struct spec *spec, struct faults *faults, struct error *err);
    /* memory_bytes: what a job of that spec takes at most, so that a service that knows no model can say it; NULL: not known. */
    uint64_t (*memory_bytes)(const struct spec *spec);
    /* dataset_files: call `each` for every local file that a format's options name besides the data (a vocabulary), so that a service can confine
     * them as it does dataset.uri. ERROR_DATA: an option cannot be read. NULL: none names any. */
    int (*dataset_files)(const struct kind *format, const void *params, int (*each)(void *context, const char *path, struct error *err),
                         void *context, struct error *err);
};

struct section_row {
    const char *name;   /* plural, for GET /v1/kinds: "formats", "codecs" */
    const char *object; /* "dataset" */
    const char *key;    /* "format" */
    const char *def;    /* default kind, or NULL: must be given */
    /* The object may be missing, and then nothing is chosen: another section's choice holds. Its kinds are those of the section before, under one
     * name. */
    bool optional;
};
extern const struct section_row sections[SECTIONS]; /* contract/registry.c */

/* registry_describe: {"models": [{name, summary, source, options: [...]}], ...} for GET /v1/kinds. New reference or NULL. */
json_t *registry_describe(const struct registry *registry);

#endif

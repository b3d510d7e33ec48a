/* The job spec: JSON to plain structs, once, and back. Every default is filled in; every fault is reported at once with its JSON
 * pointer, value, reason, valid choices and "did you mean". The same JSON is the body of POST /v1/jobs and the file that
 * `trainyard run` takes; spec_write() of what was read is the resolved form (spec.json), and reading that again changes nothing. */
#ifndef TRAINYARD_CONTRACT_SPEC_H
#define TRAINYARD_CONTRACT_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/world.h"
#include "contract/registry.h"

enum { SHARDS_MAX = 1024, WORKERS_MAX = 62, SPEC_MAX_BYTES = 1 << 20 };

struct spec_kind { /* a chosen kind and its own options */
    const struct kind *kind;
    void *params; /* kind->params_size bytes, owned by the spec; NULL when the kind has no options */
};

struct spec_uris { /* one text or an array of them in JSON */
    char **list;   /* (count) and a NULL, owned: "file:clicks/day-*.tsv.gz" or a plain path or glob; NULL: none */
    size_t count;
};

struct spec_dataset {
    struct spec_uris uri;                                                           /* at least one */
    char weight[OPTION_TEXT_SIZE], group[OPTION_TEXT_SIZE], time[OPTION_TEXT_SIZE]; /* columns with these parts, no features; "": none */
    int64_t max_bad_rows; /* rows that may be skipped and counted; beyond that the run fails. Default 0 */
    /* Patience with remote data: 10 s to connect, 30 s without a byte, 6 tries in a row without progress, 500 ms before the second, then twice as
     * long.
     */
    int64_t connect_timeout_ms, idle_timeout_ms, tries, backoff_ms;
};

struct spec_split {                            /* beside the options of the kind */
    struct spec_uris validation_uri, test_uri; /* files whose rows are on that side, for the kind that takes them */
};

struct spec_features {                /* how columns become slots of the hashed table */
    int64_t hash_seed;                /* OPTION: features.hash_seed */
    char crosses[OPTION_TUPLES_SIZE]; /* fields whose values make features together: [["C1", "C2"], ...] as JSON; "": none */
    int64_t min_count;                /* occurrences in training before a feature has a row of its own; 1 = at once */
};

struct spec_model {
    int64_t hash_bits;      /* table of 2^hash_bits slots, 1..30, default 22 */
    int table_dtype;        /* index in spec_table_dtypes: of the weights of tables, in memory and in checkpoints */
    int embedding;          /* index in spec_embeddings */
    int64_t remainder_bits; /* of "qr": m = 2^remainder_bits rows of remainders */
};
enum { REMAINDER_BITS_DEFAULT = 2 };
enum embedding_kind { EMBEDDING_HASHED, EMBEDDING_QR, EMBEDDING_VOCABULARY };
extern const char *const spec_embeddings[];   /* "hashed", "qr", "vocabulary" */
extern const char *const spec_table_dtypes[]; /* "fp32", "fp16", "bf16", in the order of enum table_dtype (engine/core/half.h) */

struct spec_penalty { /* of the weights that an optimiser learns */
    bool bias;        /* penalise_bias: l1 and l2 on the bias, too */
    double l1, l2;    /* on touched weights a step: + l1*sign(w) + l2*w on the mean gradient. 0 under an optimiser with options of these names (ftrl),
                       * which are then its own */
};

struct spec_train {
    int64_t shards;     /* S: logical shards, default 8; part of the model's bits */
    int64_t workers;    /* P: threads, 0 = auto (cores, at most S); never part of the model's bits */
    int64_t batch_size; /* rows of a global batch over all shards, default 4096 */
    int64_t epochs;
    double positive_weight;                     /* of a positive row, beside its own weight; undone when scores are told */
    double negative_rate;                       /* share of the negative training rows that is visited; undone likewise */
    double curriculum_start, curriculum_growth; /* epoch e trains on a share start * growth^e of the training rows, at last on all */
    double clip_norm;                           /* greatest norm of a step's mean gradient; 0 = none */
    int nonfinite;                              /* index in spec_nonfinite: what becomes of a step whose loss or gradient is not finite */
    double spike_factor;                        /* a step whose loss is above that many times its running mean is treated alike; 0 = off */
    double label_smoothing;                     /* share of a label that is spread over both classes in training */
    int64_t max_rows;                           /* stop after this many training rows in all; 0 = none */
    int64_t seed;
    int64_t log_every_steps; /* a metric event each that many steps; counted in steps, since a clock would not be reproducible */
    bool shuffle;
    int early_stopping_metric;       /* index in spec_metrics */
    int64_t early_stopping_patience; /* evaluations without improvement; 0 = off */
};
extern const char *const spec_metrics[]; /* "auto", which is settled with the loss, then names of metrics */
enum nonfinite_policy { NONFINITE_FAIL, NONFINITE_SKIP, NONFINITE_ROLLBACK };
extern const char *const spec_nonfinite[]; /* "fail", "skip", "rollback" */

struct spec_compression {
    bool error_feedback;
    double residual_decay;     /* beta in (0, 1] */
    int64_t residual_rows_max; /* a shard's sparse residual; the oldest row beyond it is sent, never dropped */
};

struct spec_checkpoint {
    int64_t every_steps; /* 0 = off */
    int64_t every_ms;    /* 0 = off; default 60000 */
    int64_t keep;        /* newest whole ones that stay, with the deltas on them (the best one stays besides) */
    bool incremental;    /* periodic ones hold the rows that changed since the one before */
};

struct spec_evaluate {
    int64_t every_steps;           /* validation side, for curves and early stopping; 0 = at the end of each epoch */
    bool scores;                   /* write scores.tsv of the test side */
    bool sides;                    /* judge the training and validation sides, too */
    char slices[OPTION_TEXT_SIZE]; /* OPT_LIST: fields that get a table of their most frequent values */
    int64_t bootstrap;             /* replicates; 0 = none */
    int64_t ndcg_k;                /* of NDCG@k and hit rate@k, by dataset.group */
    int64_t top_k;                 /* of top-k accuracy */
    int64_t exact_rows_max;        /* beyond so many rows AUC comes from a histogram; 0 = 2^23 */
};

struct spec_warm_start {                           /* an object that may be missing */
    bool given;                                    /* it is there */
    struct spec_uris uri;                          /* checkpoint: the file that the model begins from; exactly one */
    char sha256[OPTION_TEXT_SIZE];                 /* of that file; "" until who runs it has read the file */
    char freeze[OPTION_TEXT_SIZE];                 /* OPT_LIST: tensors, or groups of them, that stay as they are */
    double lr_all, lr_embedding, lr_wide, lr_deep; /* factors on the rates of the groups */
    bool optimizer_state;                          /* take it over, too, where the optimizer is the same */
    double state_decay;                            /* factor on the sums of squared gradients that are taken */
};

struct spec_replay {      /* an object that may be missing: older rows that are mixed in */
    bool given;           /* it is there */
    struct spec_uris uri; /* their files; at least one */
    double fraction;      /* of the training rows that are theirs, about */
};

struct spec_resources {
    int launcher;             /* index in spec_launchers */
    int64_t max_memory_bytes; /* 0 = no limit */
    int64_t timeout_ms;       /* 0 = none */
};
extern const char *const spec_launchers[]; /* "local" */

struct spec {
    char name[OPTION_TEXT_SIZE], experiment[OPTION_TEXT_SIZE];
    int64_t priority;
    json_t *labels; /* object of strings, never NULL after a successful read */
    struct spec_dataset dataset;
    struct spec_split split;
    struct spec_features features;
    struct spec_model model;
    struct spec_penalty penalty, penalty_wide, penalty_deep; /* of optimizer, optimizer_wide, optimizer_deep */
    struct spec_train train;
    struct spec_compression compression;
    struct spec_checkpoint checkpoint;
    struct spec_evaluate evaluate;
    struct spec_warm_start warm_start;
    struct spec_replay replay;
    struct spec_resources resources;
    struct spec_kind chosen[SECTIONS];
};

/* spec_places: where a spec names data. Reading, writing, the service's check against its data roots and OpenAPI loop over them. */
struct spec_place {
    const char *object, *key; /* "dataset", "uri" */
    size_t offset;            /* of its struct spec_uris in struct spec */
    bool required;
};
extern const struct spec_place spec_places[]; /* ends with a NULL object */
struct spec_uris *spec_place_uris(struct spec *spec, const struct spec_place *place);

/* spec_remainder_bits: 0: a slot has a row of its own; otherwise it is composed of a quotient and one of 2^this remainders. */
static inline unsigned spec_remainder_bits(const struct spec *spec)
{
    return spec->model.embedding == EMBEDDING_QR ? (unsigned)spec->model.remainder_bits : 0;
}

/* spec_read: fill *spec from a JSON object. Faults are added to *faults (all of them); 0 when there is none, else -ERROR_INVALID,
 * or -ERROR_NOMEM. After a failure there is nothing to close. A spec remembers nothing of json. */
int spec_read(struct spec *spec, const json_t *json, const struct registry *registry, struct faults *faults, struct error *err);
void spec_close(struct spec *spec); /* safe on a zeroed struct, and twice */

/* spec_write: the resolved spec as a JSON object. New reference, or NULL + error. */
json_t *spec_write(const struct spec *spec, struct error *err);

/* spec_digest: SHA-256 hex of what determines the model's bits, given the rows: all sections but names, labels, priority, resources,
 * checkpoint cadence, evaluate (its every_steps counts under early stopping), workers, max_bad_rows and other OPTION_RUNTIME options;
 * and no URI, since the same rows at another path give the same model (they have their own digest). A resume refuses a
 * checkpoint of another digest. */
int spec_digest(const struct spec *spec, char out[SHA256_HEX], struct error *err);

/* The recipe: the part of a spec that the digest covers, as one line of canonical JSON. It travels in the checkpoint and says how rows are read and
 * what the parameters mean; no URI, path, clock, host or worker count is in it, so that the same model still gives the same bytes.
 * spec_recipe_read: kinds and their options as they were; what a recipe leaves out has its default, and no data is named. `name` goes into
 * messages. ERROR_DATA: not a recipe that this program knows, with the first fault. spec_close() it. */
int spec_recipe_write(const struct spec *spec, struct bytes *text, struct error *err);
/* spec_recipe_difference: "train.batch_size was 512, is 256; ...", the first few of them; returns how many there are, 0 also where one is no recipe.
 */
size_t spec_recipe_difference(const char *was, const char *is, char *out, size_t size);
int spec_recipe_read(struct spec *spec, const char *text, const char *name, const struct registry *registry, struct error *err);

/* spec_load: read a file; faults become one message with file:line each ("jobs/ctr.json:12: /optimizer/lr must be > 0, got -1"). */
int spec_load(struct spec *spec, const struct world *w, const char *path, const struct registry *registry, struct error *err);

/* spec_uri_path: the path or glob of a data set's URI ("file:a/b" -> "a/b", "file:///a" -> "/a", "a/b" as it is); points into uri. */
const char *spec_uri_path(const char *uri);

/* spec_schema: the option tables of the spec's own sections, [{section, options: [...]}], for OpenAPI, docs and --help. */
json_t *spec_schema(void);

#endif

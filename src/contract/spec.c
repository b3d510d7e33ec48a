/* The spec's own options: every name, default, range and reason in one place. Reading, writing, the digest, OpenAPI, --help and the
 * tests loop over these rows; the options of models, codecs and the rest live with them and arrive through the registry. */
#include "contract/spec.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "contract/spec_parts.h"

#define AT(field) offsetof(struct spec, field)

enum { BOOTSTRAP_MIN = 20, BOOTSTRAP_MAX = 1000, SLICES_WANTED_MAX = 8 }; /* engine/eval's limits, which a test compares */
#define COUNT_MAX 0x1p53                                                  /* what a JSON number holds exactly */

const char *const spec_metrics[] = {"auto", "logloss", "auc", "rmse", "mae", "r2", "deviance", "accuracy", "macro_auc", NULL};
const char *const spec_nonfinite[] = {"fail", "skip", "rollback", NULL};
const char *const spec_table_dtypes[] = {"fp32", "fp16", "bf16", NULL};
const char *const spec_embeddings[] = {"hashed", "qr", "vocabulary", NULL};
const char *const spec_launchers[] = {"local", NULL};

static const struct option root_options[] = {
    {"name", OPT_TEXT, AT(name), .help = "for people; need not be unique", .flags = OPTION_RUNTIME},
    {"experiment", OPT_TEXT, AT(experiment), .help = "groups jobs that belong together", .flags = OPTION_RUNTIME},
    {"priority", OPT_INT, AT(priority), 0, -1000, 1000, .help = "the queue takes higher ones first", .flags = OPTION_RUNTIME},
    {0},
};

static const struct option dataset_options[] = {
    {"weight", OPT_TEXT, AT(dataset.weight),
     .help = "column with the weight of a row (>= 0), for training and evaluation; empty: every row weighs 1"},
    {"group", OPT_TEXT, AT(dataset.group),
     .help = "column whose text says which rows belong together (a user, a session), for split group and metrics by group; empty: none"},
    {"time", OPT_TEXT, AT(dataset.time),
     .help = "column with the time of a row (a number, or a date like 2026-11-27T08:00:00Z), for split time; empty: none"},
    {"max_bad_rows", OPT_INT, AT(dataset.max_bad_rows), 0, 0, COUNT_MAX, .help = "rows that may be skipped and counted before the run fails",
     .flags = OPTION_RUNTIME},
    {"remote.connect_timeout_ms", OPT_INT, AT(dataset.connect_timeout_ms), 10000, 1, 600000, .help = "remote data: give up a connection after that",
     .flags = OPTION_RUNTIME},
    {"remote.idle_timeout_ms", OPT_INT, AT(dataset.idle_timeout_ms), 30000, 1, 3600000,
     .help = "remote data: a download that is silent for so long is cut and goes on from its byte", .flags = OPTION_RUNTIME},
    {"remote.tries", OPT_INT, AT(dataset.tries), 6, 1, 16, .help = "remote data: tries in a row that bring nothing before the run fails",
     .flags = OPTION_RUNTIME},
    {"remote.backoff_ms", OPT_INT, AT(dataset.backoff_ms), 500, 1, 60000, .help = "remote data: the pause before the second try; it doubles",
     .flags = OPTION_RUNTIME},
    {0},
};

static const struct option features_options[] = {
    {"hash_seed", OPT_INT, AT(features.hash_seed), 0, 0, COUNT_MAX, .help = "seed of the feature hash"},
    {"crosses", OPT_TUPLES, AT(features.crosses), 0, 2, 3,
     .help = "pairs or triples of fields whose values make one more feature together, like [[\"C1\", \"C2\"]]"},
    {"min_count", OPT_INT, AT(features.min_count), 1, 1, 255,
     .help =
         "a feature shares the rare slot of its field until it has occurred that often in training; 1: each has a slot at once; a count is a byte",
     .flags = OPTION_SAY_WHY},
    {0},
};

static const struct option model_options[] = {
    {"hash_bits", OPT_INT, AT(model.hash_bits), 22, 1, 30, .help = "the hashed table has 2^hash_bits slots, in memory", .flags = OPTION_SAY_WHY},
    {"table_dtype", OPT_NAME, AT(model.table_dtype), 0, .choices = spec_table_dtypes,
     .help = "what a weight of a table is kept as, in memory and in checkpoints; in two bytes it is rounded stochastically at each update"},
    {"embedding.kind", OPT_NAME, AT(model.embedding), 0, .choices = spec_embeddings,
     .help = "rows of tables: hashed: a slot has its own, features share slots; qr: a slot's are products of a quotient's and a remainder's, so that "
             "tables have "
             "2^hash_bits / m + m rows; vocabulary: each feature that training has met has its own, up to 2^hash_bits - 1"},
    {"embedding.remainder_bits", OPT_INT, AT(model.remainder_bits), REMAINDER_BITS_DEFAULT, 1, 29,
     .help = "qr: m = 2^remainder_bits remainders; must be below hash_bits, which counts the slots", .flags = OPTION_SAY_WHY},
    {0},
};

#define PENALTY_OPTIONS(member) \
    { \
        {"l1", OPT_REAL, AT(member.l1), 0, 0, 1e6, .help = "L1 penalty on the weights that a step touches"}, \
            {"l2", OPT_REAL, AT(member.l2), 0, 0, 1e6, .help = "L2 penalty on the weights that a step touches"}, \
            {"penalise_bias", OPT_BOOL, AT(member.bias), 0, .help = "the penalty holds for the bias, too, as in liblinear"}, \
        { \
            0 \
        } \
    }
static const struct option optimizer_options[] = PENALTY_OPTIONS(penalty), optimizer_wide_options[] = PENALTY_OPTIONS(penalty_wide),
                           optimizer_deep_options[] = PENALTY_OPTIONS(penalty_deep);

static const struct option train_options[] = {
    {"shards", OPT_INT, AT(train.shards), 8, 1, SHARDS_MAX,
     .help = "logical shards of a global batch, part of the model's bits; each keeps its own residual and sends its own message every step",
     .flags = OPTION_SAY_WHY},
    {"workers", OPT_AUTO, AT(train.workers), 0, 1, WORKERS_MAX,
     .help = "threads; \"auto\": one a core, at most shards; never part of the model's bits; the BLAS library takes no more callers than the limit",
     .flags = OPTION_RUNTIME | OPTION_SAY_WHY},
    {"batch_size", OPT_INT, AT(train.batch_size), 4096, 1, 1 << 20,
     .help = "rows of a global batch over all shards; it and its gradient live in memory", .flags = OPTION_SAY_WHY},
    {"epochs", OPT_INT, AT(train.epochs), 1, 1, 10000, .help = "passes over the training rows"},
    {"positive_weight", OPT_REAL, AT(train.positive_weight), 1, 1e-3, 1e3,
     .help = "what a positive row weighs in training, a negative one being 1; logits are shifted back by its logarithm when scores are told"},
    {"negative_rate", OPT_REAL, AT(train.negative_rate), 1, 0, 1,
     .help =
         "share of the negative training rows that is visited, the same rows in every epoch; logits are shifted back by its logarithm when scores "
         "are told",
     .flags = OPTION_ABOVE_MIN},
    {"curriculum.start_fraction", OPT_REAL, AT(train.curriculum_start), 1, 0, 1,
     .help = "share of the training rows that the first epoch visits; each epoch adds rows, none goes", .flags = OPTION_ABOVE_MIN},
    {"curriculum.growth", OPT_REAL, AT(train.curriculum_growth), 2, 1, 1e6, .help = "the share grows by that factor each epoch, up to all rows",
     .flags = OPTION_ABOVE_MIN},
    {"clip_norm", OPT_REAL, AT(train.clip_norm), 0, 0, 1e9,
     .help = "greatest norm of a step's mean gradient over all tensors: a longer one is scaled down to it; 0: none"},
    {"nonfinite", OPT_NAME, AT(train.nonfinite), 0, .choices = spec_nonfinite,
     .help = "a step whose loss or gradient is not finite: ends the run as diverged, is left out (up to 10 in a row), or sends training back to the "
             "newest checkpoint at half the rate (up to 3 times)"},
    {"spike_factor", OPT_REAL, AT(train.spike_factor), 0, 0, 1e6,
     .help = "a step whose loss is above that many times its running mean is treated as one that is not finite, from the 21st good step on; 0: off"},
    {"label_smoothing", OPT_REAL, AT(train.label_smoothing), 0, 0, 1,
     .help = "share of a label that is spread evenly over both classes in the gradient; losses are told of the labels as they are",
     .flags = OPTION_BELOW_MAX},
    {"max_rows", OPT_INT, AT(train.max_rows), 0, 0, COUNT_MAX, .help = "stop after that many training rows in all; 0: none"},
    {"seed", OPT_INT, AT(train.seed), 1, 0, COUNT_MAX, .help = "of initial weights, shuffles and random codecs"},
    {"log_every_steps", OPT_INT, AT(train.log_every_steps), 10, 1, 1e9, .help = "a metric event each that many steps", .flags = OPTION_RUNTIME},
    {"shuffle", OPT_BOOL, AT(train.shuffle), 1, .help = "visit the rows in a seeded random order"},
    {"early_stopping.patience", OPT_INT, AT(train.early_stopping_patience), 0, 0, 1e6,
     .help = "stop after that many validations in a row without a better metric; 0: never"},
    {"early_stopping.metric", OPT_NAME, AT(train.early_stopping_metric), 0,
     .help = "of the validation side; auto: logloss, or what fits the loss (rmse, deviance)", .choices = spec_metrics},
    {0},
};

static const struct option compression_options[] = {
    {"error_feedback", OPT_BOOL, AT(compression.error_feedback), 1, .help = "what a codec left out is kept and added to the next step's gradient"},
    {"residual_decay", OPT_REAL, AT(compression.residual_decay), 1, 0, 1, .help = "share of the residual that survives a step",
     .flags = OPTION_ABOVE_MIN},
    {"residual_rows_max", OPT_INT, AT(compression.residual_rows_max), 262144, 1, 1 << 30,
     .help = "rows of a shard's sparse residual; the oldest beyond it is sent, never dropped"},
    {0},
};

static const struct option checkpoint_options[] = {
    {"every_steps", OPT_INT, AT(checkpoint.every_steps), 0, 0, COUNT_MAX, .help = "a checkpoint each that many steps; 0: off",
     .flags = OPTION_RUNTIME},
    {"every_ms", OPT_INT, AT(checkpoint.every_ms), 60000, 0, COUNT_MAX,
     .help = "a checkpoint each that many milliseconds, or less often where writing them would take more than 3.5 % of the time; 0: off",
     .flags = OPTION_RUNTIME},
    {"keep", OPT_INT, AT(checkpoint.keep), 3, 1, 10000,
     .help = "newest checkpoints that stay, whole ones with the deltas on them; the best one stays besides; a resume needs one",
     .flags = OPTION_RUNTIME | OPTION_SAY_WHY},
    {"incremental", OPT_BOOL, AT(checkpoint.incremental), 1, .help = "checkpoints between whole ones hold the rows that changed since the one before",
     .flags = OPTION_RUNTIME},
    {0},
};

static const struct option evaluate_options[] = {
    {"every_steps", OPT_INT, AT(evaluate.every_steps), 0, 0, COUNT_MAX, .help = "validate each that many steps; 0: at the end of each epoch",
     .flags = OPTION_RUNTIME},
    {"scores", OPT_BOOL, AT(evaluate.scores), 0, .help = "write scores.tsv of the test side: row, label, score", .flags = OPTION_RUNTIME},
    {"sides", OPT_BOOL, AT(evaluate.sides), 0, .help = "judge the training and the validation side, too: evaluation.json has them under sides",
     .flags = OPTION_RUNTIME},
    {"slices", OPT_LIST, AT(evaluate.slices),
     .help = "fields (columns) whose most frequent values get AUC, logloss and calibration of their own; at most 8", .flags = OPTION_RUNTIME},
    {"bootstrap", OPT_INT, AT(evaluate.bootstrap), 0, 0, BOOTSTRAP_MAX,
     .help =
         "replicates of a Poisson bootstrap of rows (of whole groups for metrics by group), for percentile intervals of every metric; 0: none, else "
         "at least 20",
     .flags = OPTION_RUNTIME},
    {"ndcg_k", OPT_INT, AT(evaluate.ndcg_k), 10, 1, 1000, .help = "k of NDCG@k and hit rate@k, by dataset.group", .flags = OPTION_RUNTIME},
    {"top_k", OPT_INT, AT(evaluate.top_k), 3, 1, 255, .help = "k of top-k accuracy, where labels are classes", .flags = OPTION_RUNTIME},
    {"exact_rows_max", OPT_INT, AT(evaluate.exact_rows_max), 0, 0, 1e9,
     .help = "up to so many rows AUC is exact (4 bytes a row, 8 when weighted), beyond them a histogram with its error bound; 0: 2^23",
     .flags = OPTION_RUNTIME},
    {0},
};

static const struct option warm_start_options[] = {
    {"sha256", OPT_TEXT, AT(warm_start.sha256),
     .help = "of the checkpoint's file, 64 hex digits: another file is refused; empty: of the file that is there when the run begins"},
    {"freeze", OPT_LIST, AT(warm_start.freeze), .help = "tensors that stay as they are, by name or as a group: embedding, wide, deep"},
    {"lr_scale.all", OPT_REAL, AT(warm_start.lr_all), 1, 0, 1e6, .help = "factor on the learning rate of all groups", .flags = OPTION_ABOVE_MIN},
    {"lr_scale.embedding", OPT_REAL, AT(warm_start.lr_embedding), 1, 0, 1e6, .help = "factor on that of embeddings", .flags = OPTION_ABOVE_MIN},
    {"lr_scale.wide", OPT_REAL, AT(warm_start.lr_wide), 1, 0, 1e6, .help = "factor on that of bias and linear weights", .flags = OPTION_ABOVE_MIN},
    {"lr_scale.deep", OPT_REAL, AT(warm_start.lr_deep), 1, 0, 1e6, .help = "factor on that of dense layers", .flags = OPTION_ABOVE_MIN},
    {"optimizer_state", OPT_BOOL, AT(warm_start.optimizer_state), 0,
     .help = "take the optimizer's state over, too, where it is the same optimizer; else it begins afresh"},
    {"state_decay", OPT_REAL, AT(warm_start.state_decay), 1, 0, 1,
     .help = "factor on the sums of squared gradients (n) that are taken over, so that old features still learn", .flags = OPTION_ABOVE_MIN},
    {0},
};

static const struct option replay_options[] = {
    {"fraction", OPT_REAL, AT(replay.fraction), 0.2, 0, 1,
     .help = "share of the training rows that are drawn from the older ones, the same rows in every epoch",
     .flags = OPTION_ABOVE_MIN | OPTION_BELOW_MAX},
    {0},
};

static const struct option resources_options[] = {
    {"launcher", OPT_NAME, AT(resources.launcher), 0, .help = "how the run is started", .choices = spec_launchers, .flags = OPTION_RUNTIME},
    {"max_memory_bytes", OPT_INT, AT(resources.max_memory_bytes), 0, 0, COUNT_MAX, .help = "the run's limit; 0: none", .flags = OPTION_RUNTIME},
    {"timeout_ms", OPT_INT, AT(resources.timeout_ms), 0, 0, COUNT_MAX, .help = "a run that takes longer fails; 0: none", .flags = OPTION_RUNTIME},
    {0},
};

const struct spec_place spec_places[] = {
    {"dataset", "uri", AT(dataset.uri), true},        {"split", "validation_uri", AT(split.validation_uri), false},
    {"split", "test_uri", AT(split.test_uri), false}, {"warm_start", "checkpoint", AT(warm_start.uri), false},
    {"replay", "uri", AT(replay.uri), false},         {0},
};

struct spec_uris *spec_place_uris(struct spec *spec, const struct spec_place *place)
{
    return (struct spec_uris *)(void *)((char *)spec + place->offset);
}

const struct spec_part spec_parts[] = {
    {"", root_options, 0},
    {"dataset", dataset_options, 0},
    {"split", NULL, 0},
    {"features", features_options, 0},
    {"model", model_options, 0},
    {"optimizer", optimizer_options, 0},
    {"optimizer_wide", optimizer_wide_options, 0},
    {"optimizer_deep", optimizer_deep_options, 0},
    {"train", train_options, 0},
    {"compression", compression_options, 0},
    {"checkpoint", checkpoint_options, 0},
    {"evaluate", evaluate_options, 0},
    {"calibration", NULL, 0},
    {"ensemble", NULL, 0},
    {"warm_start", warm_start_options, AT(warm_start.given)},
    {"replay", replay_options, AT(replay.given)},
    {"resources", resources_options, 0},
    {NULL, NULL, 0},
};

static void warm_start_check(const struct spec_warm_start *w, struct faults *faults)
{
    uint8_t digest[SHA256_SIZE];
    if (*w->sha256 && !hex_decode(w->sha256, digest, sizeof digest))
        faults_add(faults, "/warm_start/sha256", "must be the 64 hex digits of a SHA-256, or left out");
    if (w->state_decay < 1 && w->state_decay > 0 && !w->optimizer_state)
        faults_add(faults, "/warm_start/state_decay", "is for a state that is taken over; set warm_start.optimizer_state, or leave it out");
}

bool spec_part_optional(const struct spec_part *part)
{
    for (int s = 0; s < SECTIONS; s++)
        if (sections[s].optional && strcmp(sections[s].object, part->name) == 0) return true;
    return false;
}

void spec_check(const struct spec *spec, struct faults *faults)
{
    const int64_t memory_least = 64 << 20;
    if (spec->train.workers > spec->train.shards && spec->train.shards >= 1 && spec->train.shards <= SHARDS_MAX)
        faults_add(faults, "/train/workers",
                   "must be <= train.shards (%" PRId64 "), got %" PRId64 ": a worker computes whole shards; raise shards or use \"auto\"",
                   spec->train.shards, spec->train.workers);
    if (spec->warm_start.given) warm_start_check(&spec->warm_start, faults);
    if (spec_remainder_bits(spec) >= spec->model.hash_bits)
        faults_add(faults, "/model/embedding/remainder_bits",
                   "must be below model.hash_bits (%" PRId64 "), got %" PRId64 ": some bits of a slot must be left for its quotient",
                   spec->model.hash_bits, spec->model.remainder_bits);
    if (spec->model.embedding == EMBEDDING_QR && spec->features.min_count > 1)
        faults_add(faults, "/model/embedding/kind",
                   "\"qr\" cannot stand beside features.min_count, which counts rows that slots would share; take \"hashed\" or leave min_count out");
    const char *at = spec->evaluate.slices;
    char field[OPTION_TEXT_SIZE];
    int fields = 0;
    while (option_list_next(&at, field)) fields++;
    if (fields > SLICES_WANTED_MAX) faults_add(faults, "/evaluate/slices", "must name at most %d fields, got %d", SLICES_WANTED_MAX, fields);
    if (spec->evaluate.bootstrap > 0 && spec->evaluate.bootstrap < BOOTSTRAP_MIN)
        faults_add(faults, "/evaluate/bootstrap", "must be 0 (none) or >= %d, got %" PRId64 ": fewer replicates give no interval", BOOTSTRAP_MIN,
                   spec->evaluate.bootstrap);
    if (spec->resources.max_memory_bytes > 0 && spec->resources.max_memory_bytes < memory_least)
        faults_add(faults, "/resources/max_memory_bytes",
                   "must be 0 (no limit) or >= %" PRId64 " (64 MiB), got %" PRId64 ": the program alone needs that", memory_least,
                   spec->resources.max_memory_bytes);
}

void spec_close(struct spec *spec)
{
    for (const struct spec_place *place = spec_places; place->object; place++) {
        struct spec_uris *uris = spec_place_uris(spec, place);
        for (size_t i = 0; i < uris->count; i++) mem_free(uris->list[i]);
        mem_free(uris->list);
    }
    for (int s = 0; s < SECTIONS; s++) mem_free(spec->chosen[s].params);
    json_decref(spec->labels);
    *spec = (struct spec){0};
}

json_t *spec_schema(void)
{
    json_t *all = json_array();
    for (const struct spec_part *part = spec_parts; all && part->name; part++)
        if (json_array_append_new(all, json_pack("{s:s, s:o}", "section", part->name, "options", options_describe(part->options))) < 0) {
            json_decref(all);
            return NULL;
        }
    return all;
}

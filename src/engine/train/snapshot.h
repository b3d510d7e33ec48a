/* A snapshot: a job's state copied at a step boundary, and its form as a safetensors file.
 *
 *   slots             U32 (U)      live slots, ascending
 *   <table>           F32, or what model.table_dtype says (U, W)   their rows;  <table>.<state>  F32 (U, W)
 *   <dense>           F32 (W)      and <dense>.<state>
 *   residual.<tensor>.<shard>.ids U32 (R), .eta F32 (R), .rows F32 (R, W)   in the order of waiting; only where R > 0
 *   transform.*         only where the schema wants some: see engine/core/transform.h
 *   admission.*       only with features.min_count > 1: see engine/core/admission.h
 *   vocabulary.*      only with model.embedding.kind "vocabulary": see engine/core/key_rows.h
 *   progressive.bins  U32 (B), .counts U64 (B, 2)          only while an epoch is under way; with metadata progressive_*
 *   calibration.*     F32 (K), only after a fit: see engine/core/calibration.h
 *   slots.rests       U32       only in a delta (contract/chain.h), which holds the rows that changed: slots that sleep again
 *   __metadata__      format, model, hash_bits, recipe (contract/spec.h), spec, data (digests), step, epoch, position, rows, ended, best_* ... */
#ifndef TRAINYARD_ENGINE_TRAIN_SNAPSHOT_H
#define TRAINYARD_ENGINE_TRAIN_SNAPSHOT_H

#include "base/draft.h"
#include "contract/rundir.h"
#include "engine/train/fold.h"

struct snapshot_base { /* what a delta stands on */
    struct rundir_checkpoint file;
    char sha256[SHA256_HEX];
};

struct snapshot {
    bool delta;
    struct snapshot_base base; /* of a delta */
    struct cursor cursor;
    struct best best;
    struct progressive progressive;
    struct guard guard;
    uint64_t live; /* U: live slots; of a delta those that changed */
    uint64_t slice_first[SLICES_MAX + 1];
    uint32_t *slots;
    uint64_t rests, rests_first[SLICES_MAX + 1]; /* slots that changed and sleep; of a delta */
    uint32_t *rest_slots;
    uint64_t seen, seen_first[SLICES_MAX + 1]; /* slots that admission has counted; of a delta whose counts changed */
    uint32_t *seen_slots;
    uint8_t *seen_counts;
    uint64_t given, given_first[SLICES_MAX + 1]; /* rows of the vocabulary; of a delta those that are new */
    uint32_t *given_slots, *given_keys;
    struct transform_tensors transforms;
    void *copy[TENSORS_MAX][1 + STATES_MAX]; /* weights, then states */
    struct snapshot_residual {
        size_t rows;
        uint32_t *ids;
        float *eta, *values;
    } * residual; /* (tensors, shards) */
    size_t residuals;
    struct fold *fold; /* while it is being taken */
};

/* snapshot_take: copy the job's state by the whole team; reuses s. base: the rows that changed since, a delta; NULL: all. ERROR_DIVERGED when a value
 * is not finite: no bad model is saved. */
int snapshot_take(struct snapshot *s, struct fold *fold, const struct snapshot_base *base, struct error *err);
void snapshot_close(struct snapshot *s);

/* snapshot_draft: its file, durable but without its name; draft_publish() gives it that. */
int snapshot_draft(const struct snapshot *s, const struct fold *fold, const char *path, struct draft *draft, char sha256[SHA256_HEX],
                   uint64_t *size_bytes, struct error *err);

/* snapshot_held_out: the first rows of the files that replay.uri, split.validation_uri and split.test_uri name, as a text for the file; "": none are
 * named. The same rows may be cut at another place, which the data's digest does not see. */
enum { HELD_OUT_SIZE = 72 };
const char *snapshot_held_out(const struct fold *fold, char out[HELD_OUT_SIZE]);

/* snapshot_rows_bytes: what the rows of so many slots, so many counts of admission and so many rows of a vocabulary take in a file, their numbers
 * included. */
uint64_t snapshot_rows_bytes(const struct params *p, uint64_t slots, uint64_t seen, uint64_t given);

/* snapshot_load: a file, whole or a delta with what it stands on, into the job's params (fresh), residuals, cursor and best. ERROR_DATA: damaged;
 * ERROR_CONFLICT: of another spec or data. */
int snapshot_load(struct fold *fold, const char *path, struct error *err);

#endif

/* A checkpoint as its readers see it: one whole file, or a delta with what it stands on, read as if they were one whole file (incremental
 * checkpoints: Eisenman et al. 2022, Check-N-Run).
 *
 * A delta holds what a whole file would hold, but of each keyed group of tensors only the rows that changed since its predecessor, a whole file or
 * another delta of the same folder. Metadata says so:
 *
 *   delta_previous   file name of the predecessor, of an earlier step
 *   delta_sha256     SHA-256 of that very file: digests chain, so that a file that is missing, damaged, renamed or of another run is refused
 *   delta_rows       {"slots": ["embedding", "embedding.n", ...], ...}: the groups: a key, U32 and ascending, and the tensors with a row for each
 *                    of its numbers
 *   <key>.rests      U32, ascending: numbers whose rows are gone since the predecessor; may be missing: none
 *
 * Restoring is exact: chain_write() of a delta gives, byte for byte, the whole file that could have been written at its step. */
#ifndef TRAINYARD_CONTRACT_CHAIN_H
#define TRAINYARD_CONTRACT_CHAIN_H

#include "contract/safetensors.h"

enum { CHAIN_FILES_MAX = 129, CHAIN_KEYS_MAX = 8 };

#define CHAIN_PREVIOUS "delta_previous"
#define CHAIN_SHA256 "delta_sha256"
#define CHAIN_ROWS "delta_rows"
#define CHAIN_RESTS ".rests" /* after the key's name */

struct chain {                 /* zeroed: closed */
    struct safetensors *files; /* (count): the whole one, then deltas, oldest first; the last is the one that was opened */
    size_t count;
    struct tensor *tensors; /* (tensor_count): as of one whole file */
    size_t tensor_count;
    /* private */
    struct chain_key *keys;
    size_t key_count;
    struct chain_source *sources; /* (tensor_count) */
    struct chain_window *windows; /* (count) */
};

/* chain_open: path and all that it stands on. ERROR_DATA: damaged, or a predecessor is missing, damaged or another one; the message names the
 * file. A whole file costs no more than safetensors_open; of a delta's predecessors every byte is read and hashed. */
int chain_open(struct chain *c, const struct world *w, const char *path, struct error *err);
void chain_close(struct chain *c); /* safe on a zeroed struct, and twice */

/* chain_previous: the path of what the file at `path` stands on. 1, or 0: it is whole, or a negative code. Reads its header alone and believes what
 * it says: chain_open() tells whether that is the right one. */
int chain_previous(const struct world *w, const char *path, char out[PATH_SIZE], struct error *err);

const struct safetensors *chain_newest(const struct chain *c);

/* chain_file: all of it as its loaders see a file; borrows c. One reader at a time. */
struct tensor_file chain_file(const struct chain *c);

/* chain_metadata: of one whole file; new reference, NULL + ERROR_NOMEM. */
json_t *chain_metadata(const struct chain *c, struct error *err);

/* chain_write: one whole file at path; takes: which tensors go into it (NULL: all). metadata: what it gets. */
int chain_write(const struct chain *c, const struct world *w, const char *path, bool (*takes)(void *context, const struct tensor *t), void *context,
                const json_t *metadata, char sha256[SHA256_HEX], uint64_t *size_bytes, struct error *err);

#endif

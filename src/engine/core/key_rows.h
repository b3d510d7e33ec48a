/* The vocabulary of a model (model.embedding.kind "vocabulary"): each feature that training has met has a row of its own in every table, so that no
 * two share one by their hash, as long as there are rows. 2^hash_bits of them, the first of which is nobody's.
 *
 * A feature is known by its 32-bit key. Before each step the features that its training rows bring get the next rows, in the order of these rows; so
 * which row is whose depends on the spec and the data alone. Whoever scores (training, validation, test, prediction) looks up in the same vocabulary
 * and adds nothing to it. A feature without a row reads its field's rare slot (admission.h), which has a row, too: nothing trains it as long as there
 * are rows for all, and once they are all given, it is what the model knows of the rest. A field whose rare slot has no row reads row 0.
 *
 * Rows are dealt out to the slices of the tables in turn, so that slices stay equally full:
 *
 *   row(i) = (i mod slices) << slice_bits | i / slices        for the i-th feature, from 1
 *
 * In a checkpoint:
 *
 *   vocabulary.slots   U32 (N)   rows that are given, ascending
 *   vocabulary.keys    U32 (N)   to which feature */
#ifndef TRAINYARD_ENGINE_CORE_KEY_ROWS_H
#define TRAINYARD_ENGINE_CORE_KEY_ROWS_H

#include "base/tensor.h"
#include "engine/core/admission.h"
#include "engine/core/batch.h"

struct key_rows {       /* zeroed: none; a feature's row is its key's high bits */
    uint32_t hash_bits; /* > 0: 2^this rows */
    uint32_t slices, slice_bits;
    uint64_t count;   /* rows that are given, row 0 among them */
    uint64_t settled; /* those that were in the last checkpoint */
    uint32_t *keys;   /* (2^hash_bits), by row */
    /* private */
    struct key_place *places; /* (2^place_bits): open addressing, at most half of them taken */
    uint32_t place_bits;
    uint64_t *left; /* a bit a hash of a key: wanted a row when none was left; NULL: rows are left */
};

/* key_rows_init: as of params with so many slices. */
int key_rows_init(struct key_rows *k, uint32_t hash_bits, uint32_t slices, uint32_t slice_bits, struct error *err);
void key_rows_close(struct key_rows *k);     /* safe on a zeroed struct, and twice */
uint64_t key_rows_bytes(uint32_t hash_bits); /* memory at most */

static inline bool key_rows_on(const struct key_rows *k) { return k->hash_bits > 0; }
static inline bool key_rows_full(const struct key_rows *k) { return k->count >> k->hash_bits > 0; }

/* key_rows_apply: the batch with keys whose high hash_bits are the rows; out->waiting: keys that have no row, in the batch's order, of each such
 * occurrence the rare key of its field (where that has none, either) and its own. From any number of threads at once, while nobody gives. */
int key_rows_apply(const struct key_rows *k, const struct rare_keys *rare, const struct batch *batch, struct admitted *out, struct error *err);

/* key_rows_give: rows to those of the keys that have none, in this order, as long as there are rows. ERROR_NOMEM. */
int key_rows_give(struct key_rows *k, const uint32_t *keys, size_t count, struct error *err);

/* key_rows_key: whose the i-th row is, 0 < i < count. */
uint32_t key_rows_key(const struct key_rows *k, uint64_t i);

/* key_rows_left: about how many features wanted a row when none was left, by linear counting (Whang et al. 1990); infinite: too many to tell. For
 * people: no checkpoint has it. */
double key_rows_left(const struct key_rows *k);

/* Of the rows that were given after the first `from` (from > 0), those of slice q: how many, and which, ascending. */
uint64_t key_rows_count(const struct key_rows *k, uint64_t from, uint32_t q);
void key_rows_copy(const struct key_rows *k, uint64_t from, uint32_t q, uint32_t *slots, uint32_t *keys);

/* key_rows_load: the vocabulary is the file's. Nothing to do where there is none. ERROR_DATA. */
int key_rows_load(struct key_rows *k, const struct tensor_file *file, struct error *err);

#endif

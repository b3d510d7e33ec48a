/* Feature admission: a feature gets a row of its own once it has been seen often enough in training; until then it shares the rare slot of its field.
 * So the long tail of features that come by once costs neither rows nor noise, and no pass over the data is needed beforehand (McMahan et al. 2013,
 * "Ad click prediction", section 3.1.1, by counts instead of coins).
 *
 * A count a slot, up to the threshold: integers, so that the order of additions never shows. Within a step the counts stand still: they are raised
 * between steps, by the step's training rows alone. Whoever scores (training, validation, test, prediction) maps by the same counts, and they travel
 * in the checkpoint beside the parameters:
 *
 *   admission.slots   U32 (N)   slots that were seen, ascending
 *   admission.seen    U8 (N)    how often, up to the threshold */
#ifndef TRAINYARD_ENGINE_CORE_ADMISSION_H
#define TRAINYARD_ENGINE_CORE_ADMISSION_H

#include <stdbool.h>

#include "base/tensor.h"
#include "engine/core/batch.h"

enum { ADMISSION_MAX = 255 }; /* the highest threshold */

struct admission {      /* zeroed: everything is let in */
    unsigned min_count; /* <= 1: everything is let in, and nothing below is there */
    uint32_t hash_bits; /* counters are addressed by so many high bits of a key */
    uint8_t *seen;      /* (2^hash_bits) */
    uint64_t *changed;  /* bit a slot: its count may differ from the last checkpoint; NULL: nobody asks */
};

/* admission_init: min_count 0 or 1: everything is let in. */
int admission_init(struct admission *a, unsigned min_count, uint32_t hash_bits, struct error *err);
void admission_close(struct admission *a); /* safe on a zeroed struct, and twice */
uint64_t admission_bytes(unsigned min_count, uint32_t hash_bits);

/* How a reader numbers its fields, who may number them otherwise than training's did: columns have moved. name: NULL from the first number on that
 * has no name; fields without names are called by their numbers. */
struct field_names {
    const void *context;
    const char *(*name)(const void *context, size_t field);
};

struct rare_keys {  /* of one reader of rows; zeroed: none. Read by any number of threads */
    uint32_t *keys; /* (count): key of the rare slot of each field */
    size_t count;
    uint32_t unknown; /* of a feature whose field is not known */
};
int rare_keys_init(struct rare_keys *r, uint64_t hash_seed, const struct field_names *names, struct error *err);
void rare_keys_close(struct rare_keys *r); /* safe on a zeroed struct, and twice */

/* rare_key_of: the one of the i-th feature of a row with these fields; NULL: they are not known. */
static inline uint32_t rare_key_of(const struct rare_keys *r, const uint16_t *fields, size_t i)
{
    uint32_t field = fields ? fields[i] : UINT32_MAX;
    return field < r->count ? r->keys[field] : r->unknown;
}

struct admitted {       /* a batch as the model sees it; a worker's own, reused; zeroed: ready */
    struct batch batch; /* what it was made from, but for its keys */
    uint32_t *keys;
    uint32_t *waiting; /* (waiting_count): slot of each occurrence that was not let in, in the batch's order: what is to be counted */
    size_t waiting_count, max;
};
/* admitted_reserve: room for a batch of so many features, each of which may wait so many times. */
int admitted_reserve(struct admitted *a, size_t features, size_t times, struct error *err);
int admission_apply(const struct admission *a, const struct rare_keys *rare, const struct batch *batch, struct admitted *out, struct error *err);
void admitted_close(struct admitted *a); /* safe on a zeroed struct, and twice */

/* admission_raise: count occurrences, between steps. From any number of threads at once. */
void admission_raise(struct admission *a, const uint32_t *waiting, size_t count);

struct admission_counts {
    uint64_t admitted, waiting; /* slots that were seen often enough; others that were seen */
};
/* Of slots from .. to - 1. admission_copy: the seen ones, ascending, with their counts, into arrays with room for both kinds. */
struct admission_counts admission_count(const struct admission *a, uint64_t from, uint64_t to);
void admission_copy(const struct admission *a, uint64_t from, uint64_t to, uint32_t *slots, uint8_t *seen);

/* admission_track: from now on mark the counts that change; admission_settled: none has. Of slots from .. to - 1
 * (multiples of 64, or all): how many have, and which. */
int admission_track(struct admission *a, struct error *err);
void admission_settled(struct admission *a);
uint64_t admission_count_changed(const struct admission *a, uint64_t from, uint64_t to);
void admission_copy_changed(const struct admission *a, uint64_t from, uint64_t to, uint32_t *slots, uint8_t *seen);

/* admission_load: the counts are those of the file. Nothing to do where everything is let in. ERROR_DATA. */
int admission_load(struct admission *a, const struct tensor_file *file, struct error *err);

/* admission_import: the counts of a file whose model had the threshold min_count (<= 1: it counted nothing), up to a's own; slots that are live
 * (bit a slot; NULL: none), so have learnt something, are let in. ERROR_DATA. */
int admission_import(struct admission *a, const struct tensor_file *file, unsigned min_count, const uint64_t *live, struct error *err);

#endif

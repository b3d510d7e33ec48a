/* Compositional embeddings (Shi et al. 2020, "Compositional embeddings using complementary partitions", quotient-remainder): the row of slot i is
 * Q[i div m] * R[i mod m], element by element, so that 2^hash_bits slots need 2^hash_bits / m + m rows, and no two slots the same pair.
 *
 * Both factors are rows of the one table that a tensor has: quotients below, remainders from the middle of the table's rows on, so an optimiser, a
 * codec, a snapshot see a table like any other. Only here, between the lookup and the model, are rows composed, and gradients split in two:
 *
 *   batch -> distinct slots -> their factors' distinct rows -> gather -> compose -> model -> gradient -> split */
#ifndef TRAINYARD_ENGINE_CORE_FACTORS_H
#define TRAINYARD_ENGINE_CORE_FACTORS_H

#include "engine/core/lookup.h"

struct factors {         /* zeroed: ready */
    struct lookup slots; /* the distinct ones of a batch: what the model sees rows of */
    uint32_t *keys;      /* of the rows: quotients of all slots, then remainders */
    size_t keys_max;
};
void factors_close(struct factors *f); /* safe on a zeroed struct, and twice */

/* factors_quotient, factors_remainder: the rows whose product is slot's. */
static inline uint32_t factors_quotient(const struct params *p, uint32_t slot) { return slot >> p->remainder_bits; }
static inline uint32_t factors_remainder(const struct params *p, uint32_t slot)
{
    return (slot & ((1u << p->remainder_bits) - 1)) | 1u << (p->row_bits - 1);
}

/* factors_lookup: as lookup_build, of the rows that the batch's slots are composed of, into *rows. */
int factors_lookup(struct factors *f, struct lookup *rows, const struct batch *batch, const struct params *p, enum lookup_order order,
                   struct error *err);

/* factors_compose: the rows (distinct rows, width) of the lookup as those of the slots: out (f->slots.count, width).
 * factors_split: the gradient g of those, added to that of the rows (zeroed by the caller): dQ += g R, dR += g Q, in the order of slots. */
void factors_compose(const struct factors *f, const struct lookup *rows, size_t width, const float *values, float *out);
void factors_split(const struct factors *f, const struct lookup *rows, size_t width, const float *values, const float *g, float *out);

/* factors_row: the row of one slot of table t into out (width); room (width) is scratch. */
void factors_row(const struct params *p, size_t t, uint32_t slot, float *out, float *room);

#endif

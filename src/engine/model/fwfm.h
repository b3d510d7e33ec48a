/* Between fwfm.c and its kernels. */
#ifndef TRAINYARD_ENGINE_MODEL_FWFM_H
#define TRAINYARD_ENGINE_MODEL_FWFM_H

#include "engine/model/model.h"

enum { FWFM_LANES = 16, FWFM_FIELDS_MAX = 512, FWFM_TILE = 4 }; /* products then take 16 MiB */

struct fwfm_call { /* a micro-batch; v (distinct, k), weights (fields, fields) */
    const struct batch *batch;
    const uint32_t *local;
    const float *v, *weights;
    uint32_t fields;
    size_t k;
    float *scratch; /* (fwfm_scratch_floats): products (fields, fields, lanes), E, Q, G of each row of a tile (room, k padded to lanes), pairs'
                       weights */
};

static inline size_t fwfm_padded(size_t k) { return (k + FWFM_LANES - 1) / FWFM_LANES * FWFM_LANES; }
static inline size_t fwfm_room(uint32_t fields) { return ((size_t)fields + 3) / 4 * 4; }

static inline size_t fwfm_scratch_floats(uint32_t fields, size_t k)
{
    size_t room = fwfm_room(fields);
    return (size_t)fields * fields * FWFM_LANES + FWFM_TILE * 3 * room * fwfm_padded(k) + fields * room;
}

#endif

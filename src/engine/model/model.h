/* A model family: which tensors it has, its score, and its gradient. One file a family, one row in models[]. No training, no I/O.
 *
 * A model sees a micro-batch and compact copies of the rows it touches (struct lookup's order), so it works in cache and never knows the
 * size of a table. forward and backward are pure; the order of additions is fixed by the batch's order. */
#ifndef TRAINYARD_ENGINE_MODEL_MODEL_H
#define TRAINYARD_ENGINE_MODEL_MODEL_H

#include "base/kind.h"
#include "engine/core/batch.h"
#include "engine/core/grad.h"

struct model_view {                   /* parameters for one micro-batch; borrowed */
    const float *tensor[TENSORS_MAX]; /* a table: its compact rows (distinct, width); dense: the tensor itself */
    const uint32_t *local;            /* (features): compact row of each feature */
};

struct model {
    struct kind kind; /* first */
    /* describe: the tensors, at most TENSORS_MAX, in checkpoint order; returns their count. */
    size_t (*describe)(const void *params, struct param_desc *out);
    /* scratch: floats a row that forward leaves for backward. */
    size_t (*scratch)(const void *params);
    /* forward: logits (rows). */
    void (*forward)(const void *params, const struct batch *b, const struct model_view *v, float *scratch, float *logits);
    /* backward: add this batch's gradient sums into grad[t] (compact rows of tensor t, zeroed by the caller). delta (rows) = dL/dlogit. */
    void (*backward)(const void *params, const struct batch *b, const struct model_view *v, const float *scratch, const float *delta,
                     float *const grad[TENSORS_MAX]);
};

extern const struct model *const models[]; /* NULL-terminated: lr, fm */
extern const struct model model_lr, model_fm;

#endif

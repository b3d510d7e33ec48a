/* A model family: which tensors it has, its score, and its gradient. One file a family, one row in models[]. No training, no I/O.
 *
 * A model sees a micro-batch and compact copies of the rows it touches (struct lookup's order), so it works in cache and never knows the
 * size of a table. forward and backward are pure functions of the call; the order of additions is fixed by the batch's order. */
#ifndef TRAINYARD_ENGINE_MODEL_MODEL_H
#define TRAINYARD_ENGINE_MODEL_MODEL_H

#include "base/kind.h"
#include "engine/core/batch.h"
#include "engine/core/grad.h"
#include "engine/core/loss.h"

struct model_shape { /* what the data looks like to a model: the same in training and, by the checkpoint, in prediction */
    uint32_t fields; /* F: fields are 0 .. F-1; 0: the format knows none */
};

struct model_size { /* of a micro-batch */
    size_t rows, features, distinct;
};

struct model_call { /* one micro-batch; all borrowed */
    const void *params;
    struct model_shape shape;
    const struct batch *batch;
    const float *tensor[TENSORS_MAX]; /* a table: its compact rows (distinct, width); dense: the tensor itself (rows, width) */
    const uint32_t *local;            /* (features): compact row of each feature */
    size_t distinct;                  /* compact rows */
    float *scratch;                   /* (model->scratch() floats): what forward leaves for backward */
    bool training;                    /* dropout falls, batch statistics are used; false: neither */
    uint64_t seed, step;              /* of the random masks; a row's own number is batch->ordinals */
};

static inline struct model_size model_size(const struct model_call *c)
{
    return (struct model_size){c->batch->rows, c->batch->features, c->distinct};
}

struct model {
    struct kind kind;  /* first */
    bool linear;       /* outputs are linear in the weights: a convex loss is convex in them */
    bool first_order;  /* one output: a bias (tensor 0) and the features' weights (tensor 1, of width 1) times their values, and no more */
    bool wants_fields; /* reads batch_fields(): without it they may be left out of a batch */
    /* loss: what it learns by where the job does not say; NULL: logistic. outputs: how many a row has, as its loss must want them; NULL: one. */
    const struct loss *loss;
    size_t (*outputs)(const void *params);
    /* check: do the params suit the data? ERROR_INVALID with the field. NULL: always. */
    int (*check)(const void *params, struct model_shape shape, struct error *err);
    /* numbers: how many of the first fields it reads by their values alone, whatever their features; NULL: none. */
    size_t (*numbers)(const void *params);
    /* describe: the tensors, at most TENSORS_MAX, in checkpoint order; returns their count. */
    size_t (*describe)(const void *params, struct model_shape shape, struct param_desc *out);
    /* scratch: floats that a micro-batch of that size needs. */
    size_t (*scratch)(const void *params, struct model_shape shape, struct model_size size);
    /* forward: logits (rows, outputs). */
    void (*forward)(const struct model_call *c, float *logits);
    /* backward: add this batch's gradient sums into grad[t] (the rows of c->tensor[t], zeroed by the caller). delta (rows, outputs) = dL/dlogit. Of a
     * statistic (param_desc) the sum over rows of what it averages. */
    void (*backward)(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX]);
};

extern const struct model *const models[]; /* NULL-terminated: lr, fm, ffm, fwfm, mlp, wide_deep, deepfm, dcn_v2, dlrm, linear, poisson, softmax */
extern const struct model model_lr, model_fm, model_ffm, model_fwfm, model_mlp, model_wide_deep, model_deepfm, model_dcn_v2, model_dlrm, model_linear,
    model_poisson, model_softmax;

struct model_use { /* a family with its options, its data and its loss */
    const struct model *model;
    const void *params;
    struct model_shape shape;
    const struct loss *loss; /* what its outputs mean */
};

/* model_loss: the loss of a job that wishes for one (loss_auto: the model's own). */
const struct loss *model_loss(const struct model *model, const struct loss *wish);

/* model_outputs: of a row. model_labels: what labels its rows may have. */
size_t model_outputs(const struct model_use *use);
struct label_rule model_labels(const struct model_use *use);

#endif

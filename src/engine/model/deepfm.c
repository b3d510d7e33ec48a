/* DeepFM: z = FM(x) + <head, hidden layers(embeddings)>. Both parts read one embedding, whose gradient is the sum of theirs. The FM part is fm's: it
 * pairs features, not bags, so several features of a field meet each other, and features without a field take part. */
#include "engine/model/fm.h"
#include "engine/model/linear.h"
#include "engine/model/tower.h"

enum { DEEPFM_BIAS, DEEPFM_LINEAR, DEEPFM_TOWER, DEEPFM_EMBEDDING = DEEPFM_TOWER };

static size_t factors(const void *params) { return (size_t)((const struct tower_options *)params)->bags.dim; }

static int deepfm_check(const void *params, struct model_shape shape, struct error *err) { return tower_check("deepfm", params, shape, err); }

static size_t deepfm_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    out[DEEPFM_BIAS] = bias_describe();
    out[DEEPFM_LINEAR] = linear_describe();
    return DEEPFM_TOWER + tower_describe(params, shape, DEEPFM_TOWER, out);
}

/* Scratch: the FM part's sums (rows, D), then the tower's. */
static size_t deepfm_scratch(const void *params, struct model_shape shape, struct model_size size)
{
    return size.rows * factors(params) + tower_scratch(params, shape, size);
}

static void deepfm_forward(const struct model_call *c, float *logits)
{
    size_t k = factors(c->params);
    linear_forward(c->batch, c->local, c->tensor[DEEPFM_LINEAR], c->tensor[DEEPFM_BIAS][0], logits);
    fm_pairs_forward(c->batch, c->local, c->tensor[DEEPFM_EMBEDDING], k, c->scratch, logits);
    tower_forward(c, DEEPFM_TOWER, c->scratch + c->batch->rows * k, logits);
}

static void deepfm_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    size_t k = factors(c->params);
    linear_backward(c->batch, c->local, delta, grad[DEEPFM_LINEAR], grad[DEEPFM_BIAS]);
    fm_pairs_backward(c->batch, c->local, c->tensor[DEEPFM_EMBEDDING], k, c->scratch, delta, grad[DEEPFM_EMBEDDING]);
    tower_backward(c, DEEPFM_TOWER, c->scratch + c->batch->rows * k, delta, grad);
}

const struct model model_deepfm = {.kind = {"deepfm", "DeepFM: a factorisation machine and a multi-layer perceptron on shared embeddings",
                                            "Guo et al. 2017, DeepFM: A Factorization-Machine based Neural Network for CTR Prediction",
                                            sizeof(struct tower_options), tower_options},
                                   .wants_fields = true,
                                   .check = deepfm_check,
                                   .describe = deepfm_describe,
                                   .scratch = deepfm_scratch,
                                   .forward = deepfm_forward,
                                   .backward = deepfm_backward};

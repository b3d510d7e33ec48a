/* Wide & Deep: z = b + sum_i w_i x_i + <head, hidden layers(embeddings)>, learnt jointly. The wide part has an optimiser's group of its own. */
#include "engine/model/linear.h"
#include "engine/model/tower.h"

enum { WIDE_BIAS, WIDE_LINEAR, WIDE_TOWER };

static int wide_deep_check(const void *params, struct model_shape shape, struct error *err) { return tower_check("wide_deep", params, shape, err); }

static size_t wide_deep_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    out[WIDE_BIAS] = bias_describe();
    out[WIDE_LINEAR] = linear_describe();
    return WIDE_TOWER + tower_describe(params, shape, WIDE_TOWER, out);
}

static void wide_deep_forward(const struct model_call *c, float *logits)
{
    linear_forward(c->batch, c->local, c->tensor[WIDE_LINEAR], c->tensor[WIDE_BIAS][0], logits);
    tower_forward(c, WIDE_TOWER, c->scratch, logits);
}

static void wide_deep_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    linear_backward(c->batch, c->local, delta, grad[WIDE_LINEAR], grad[WIDE_BIAS]);
    tower_backward(c, WIDE_TOWER, c->scratch, delta, grad);
}

const struct model model_wide_deep = {.kind = {"wide_deep", "Wide & Deep: logistic regression and a multi-layer perceptron, learnt jointly",
                                               "Cheng et al. 2016, Wide & Deep Learning for Recommender Systems", sizeof(struct tower_options),
                                               tower_options},
                                      .wants_fields = true,
                                      .check = wide_deep_check,
                                      .describe = wide_deep_describe,
                                      .scratch = tower_scratch,
                                      .forward = wide_deep_forward,
                                      .backward = wide_deep_backward};

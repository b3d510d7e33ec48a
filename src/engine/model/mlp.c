/* Multi-layer perceptron, also called DNN: z = b + <head, hidden layers(embeddings)>. */
#include "engine/model/linear.h"
#include "engine/model/tower.h"

enum { MLP_BIAS, MLP_TOWER };

static int mlp_check(const void *params, struct model_shape shape, struct error *err) { return tower_check("mlp", params, shape, err); }

static size_t mlp_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    out[MLP_BIAS] = bias_describe();
    return MLP_TOWER + tower_describe(params, shape, MLP_TOWER, out);
}

static void mlp_forward(const struct model_call *c, float *logits)
{
    bias_forward(c->batch->rows, c->tensor[MLP_BIAS][0], logits);
    tower_forward(c, MLP_TOWER, c->scratch, logits);
}

static void mlp_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    bias_backward(c->batch->rows, delta, grad[MLP_BIAS]);
    tower_backward(c, MLP_TOWER, c->scratch, delta, grad);
}

const struct model model_mlp = {.kind = {"mlp", "multi-layer perceptron (DNN) on the fields' embeddings",
                                         "Covington et al. 2016, Deep Neural Networks for YouTube Recommendations", sizeof(struct tower_options),
                                         tower_options},
                                .wants_fields = true,
                                .check = mlp_check,
                                .describe = mlp_describe,
                                .scratch = tower_scratch,
                                .forward = mlp_forward,
                                .backward = mlp_backward};

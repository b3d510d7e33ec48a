/* Regression on hashed features: z = b + sum_i w_i x_i; dL/dw_i = delta x_i. One model under three names, each with its own loss: logistic
 * regression, least squares, and Poisson regression (Nelder and Wedderburn 1972). */
#include "engine/model/linear.h"
#include "engine/model/model.h"

enum { LR_BIAS, LR_LINEAR };

static size_t lr_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    (void)params, (void)shape;
    out[LR_BIAS] = bias_describe();
    out[LR_LINEAR] = linear_describe();
    return 2;
}

static size_t lr_scratch(const void *params, struct model_shape shape, struct model_size size) { return (void)params, (void)shape, (void)size, 0; }

static void lr_forward(const struct model_call *c, float *logits)
{
    linear_forward(c->batch, c->local, c->tensor[LR_LINEAR], c->tensor[LR_BIAS][0], logits);
}

static void lr_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    linear_backward(c->batch, c->local, delta, grad[LR_LINEAR], grad[LR_BIAS]);
}

const struct model model_lr = {
    .kind = {"lr", "logistic regression on hashed features", "McMahan et al. 2013, Ad click prediction: a view from the trenches", 0, NULL},
    .linear = true,
    .first_order = true,
    .describe = lr_describe,
    .scratch = lr_scratch,
    .forward = lr_forward,
    .backward = lr_backward};

const struct model model_linear = {
    .kind = {"linear", "linear regression of a real label on hashed features", "Nelder and Wedderburn 1972, Generalized linear models", 0, NULL},
    .linear = true,
    .first_order = true,
    .loss = &loss_squared,
    .describe = lr_describe,
    .scratch = lr_scratch,
    .forward = lr_forward,
    .backward = lr_backward};

const struct model model_poisson = {
    .kind = {"poisson", "Poisson regression of a count or rate on hashed features", "Nelder and Wedderburn 1972, Generalized linear models", 0, NULL},
    .linear = true,
    .first_order = true,
    .loss = &loss_poisson,
    .describe = lr_describe,
    .scratch = lr_scratch,
    .forward = lr_forward,
    .backward = lr_backward};

/* Multinomial logistic regression: an output a class, z_c = b_c + sum_i w_ci x_i; dL/dw_ci = delta_c x_i. The weights of a feature lie side by side,
 * so that a row's outputs grow together, feature by feature in the batch's order. */
#include <stddef.h>

#include "engine/model/model.h"

struct softmax_params {
    int64_t classes;
};

static const struct option softmax_options[] = {
    {"classes", OPT_INT, offsetof(struct softmax_params, classes), 2, 2, LABEL_CLASSES_MAX,
     .help = "labels are 0 to classes - 1; a feature has a weight for each"},
    {0},
};

enum { SOFTMAX_BIAS, SOFTMAX_LINEAR };

static size_t softmax_outputs(const void *params) { return (size_t)((const struct softmax_params *)params)->classes; }

static size_t softmax_describe(const void *params, struct model_shape shape, struct param_desc *out)
{
    uint32_t classes = (uint32_t)softmax_outputs(params);
    (void)shape;
    out[SOFTMAX_BIAS] = (struct param_desc){.name = "bias", .width = classes, .group = GROUP_WIDE, .no_penalty = true};
    out[SOFTMAX_LINEAR] = (struct param_desc){.name = "linear", .table = true, .width = classes, .group = GROUP_WIDE};
    return 2;
}

static size_t softmax_scratch(const void *params, struct model_shape shape, struct model_size size)
{
    return (void)params, (void)shape, (void)size, 0;
}

static float value_of(const struct batch *b, size_t i) { return b->values ? b->values[i] : 1; }

static void softmax_forward(const struct model_call *c, float *logits)
{
    const size_t classes = softmax_outputs(c->params);
    const struct batch *b = c->batch;
    const float *bias = c->tensor[SOFTMAX_BIAS], *w = c->tensor[SOFTMAX_LINEAR];
    for (size_t r = 0; r < b->rows; r++) {
        float *z = logits + r * classes;
        for (size_t k = 0; k < classes; k++) z[k] = bias[k];
        for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) {
            const float *own = w + c->local[i] * classes, x = value_of(b, i);
            for (size_t k = 0; k < classes; k++) z[k] += own[k] * x;
        }
    }
}

static void softmax_backward(const struct model_call *c, const float *delta, float *const grad[TENSORS_MAX])
{
    const size_t classes = softmax_outputs(c->params);
    const struct batch *b = c->batch;
    for (size_t r = 0; r < b->rows; r++) {
        const float *d = delta + r * classes;
        for (size_t k = 0; k < classes; k++) grad[SOFTMAX_BIAS][k] += d[k];
        for (size_t i = b->offsets[r]; i < b->offsets[r + 1]; i++) {
            float *own = grad[SOFTMAX_LINEAR] + c->local[i] * classes, x = value_of(b, i);
            for (size_t k = 0; k < classes; k++) own[k] += d[k] * x;
        }
    }
}

const struct model model_softmax = {.kind = {"softmax", "multinomial logistic regression on hashed features, an output a class",
                                             "Bohning 1992, Multinomial logistic regression algorithm", sizeof(struct softmax_params),
                                             softmax_options},
                                    .linear = true,
                                    .loss = &loss_softmax,
                                    .outputs = softmax_outputs,
                                    .describe = softmax_describe,
                                    .scratch = softmax_scratch,
                                    .forward = softmax_forward,
                                    .backward = softmax_backward};
